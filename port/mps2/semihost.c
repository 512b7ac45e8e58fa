#include "port/mps2/semihost.h"

#include <string.h>

#include "base/err.h"

enum {
    SYS_OPEN = 0x01,
    SYS_CLOSE = 0x02,
    SYS_WRITE0 = 0x04,
    SYS_READ = 0x06,
    SYS_FLEN = 0x0C,
    SYS_GET_CMDLINE = 0x15,
    SYS_EXIT_EXTENDED = 0x20,
    OPEN_READ_BINARY = 1,
    STOPPED_APPLICATION_EXIT = 0x20026
};

static int32_t call(uint32_t operation, const void *argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return (int32_t)r0;
}

int semihost_args(char *line, size_t n)
{
    uintptr_t block[2] = { (uintptr_t)line, n };
    line[0] = 0;
    return call(SYS_GET_CMDLINE, block) == 0 ? 0 : E_NONE;
}

void semihost_print(const char *text)
{
    (void)call(SYS_WRITE0, text);
}

int32_t semihost_read(const char *path, void *dst, size_t n)
{
    uintptr_t name[3] = { (uintptr_t)path, OPEN_READ_BINARY, strlen(path) };
    int32_t file = call(SYS_OPEN, name);
    if (file < 0) return E_NONE;
    uintptr_t handle = (uintptr_t)file;
    int32_t length = call(SYS_FLEN, &handle);
    int32_t result = length < 0 ? E_IO : (uint32_t)length > n ? E_SPACE : length;
    if (result > 0) {
        uintptr_t read[3] = { (uintptr_t)file, (uintptr_t)dst, (uintptr_t)length };
        if (call(SYS_READ, read) != 0) result = E_IO; /* what is left unread */
    }
    (void)call(SYS_CLOSE, &handle);
    return result;
}

_Noreturn void semihost_exit(int status)
{
    uintptr_t block[2] = { STOPPED_APPLICATION_EXIT, (uintptr_t)status };
    for (;;) (void)call(SYS_EXIT_EXTENDED, block);
}
