# The front panel: server and page. standin is a made-up meter behind the real server.
add_executable(standin web/standin.c)
target_link_libraries(standin PRIVATE panel tool_sys strict m)
