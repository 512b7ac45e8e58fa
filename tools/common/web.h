/* web.h - what the front panel and the vending station share of serving HTTP: libwebsockets on
 * the caller's libuv loop, responses sent as the socket takes them, one set of security
 * headers.
 *
 * Power cut  nothing is kept.
 * Context    host programs, the loop's thread.
 */
#ifndef TOOLS_COMMON_WEB_H
#define TOOLS_COMMON_WEB_H
#include <libwebsockets.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WEB_CHUNK = 16384 }; /* octets of a body written at once; a protocol's tx_packet_size */

struct uv_loop_s;

/* A response's body under way; zeroed: none. The data stay the caller's. */
struct web_body {
    const uint8_t *data;
    size_t size, sent;
};

/* A request's header of at most size - 1 octets; NULL where there is none, "?" where it is
 * longer than that. */
const char *web_header(struct lws *wsi, char *buf, size_t size, enum lws_token_indexes token);

/* Start a response: its head goes out and its body is remembered. `keep`: the reader may keep
 * it for a year, otherwise it may not keep it at all. 1 nothing more to send, 0 the body
 * follows by web_send_body() at LWS_CALLBACK_HTTP_WRITEABLE, -1 the socket is gone. */
int web_send_head(struct lws *wsi, struct web_body *b, unsigned status, const char *type,
                  bool keep, const void *data, size_t size);

/* The next part of the body. 1 that was the last, 0 more follows or none is under way, -1 the
 * socket is gone. */
int web_send_body(struct lws *wsi, struct web_body *b);

/* Serve on address:port (port 0: any free one) with what *info says of protocols, user, limits
 * and TLS files; all else of it is filled in here. Returns the port. Closed and ended as below,
 * after an error too; *context must stay where it is until then. E_BUSY    the port is taken. E_DENIED  the port
 * is not for this user. E_RANGE   the address is none of this machine's. E_FORMAT  the
 * certificate or its key cannot be used. E_SPACE   no memory or no sockets left. */
int web_listen(struct lws_context **context, struct uv_loop_s *loop, const char *address,
               uint16_t port, struct lws_context_creation_info *info);

/* Stop serving: sockets close as the loop runs on, which it must to its end (uv_run). Then
 * web_end() gives the context back. A context that was never made is allowed. */
void web_close(struct lws_context **context);
void web_end(struct lws_context **context);

#endif
