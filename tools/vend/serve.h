/* serve.h - the station over HTTP: libwebsockets on the caller's libuv loop, and the page.
 *
 * Requests are small, answered whole and one at a time; campaigns go on in between, a batch a
 * turn of the loop. Beyond this machine it is served by TLS only.
 *
 * Context  host programs, the loop's thread.
 */
#ifndef TOOLS_VEND_SERVE_H
#define TOOLS_VEND_SERVE_H
#include <stdint.h>

#include "tools/vend/station.h"

struct serve;
struct uv_loop_s;

struct serve_options {
    const char *address;
    uint16_t port;          /* 0: any */
    const char *cert, *key; /* PEM files, or NULL: no TLS */
};

/* Open; the port, or E_BUSY (in use), E_DENIED, E_RANGE (no such address here), E_FORMAT (cert
 * or key cannot be used), E_SPACE. *s is NULL or must be closed and ended, after an error too. */
int serve_open(struct serve **s, struct uv_loop_s *loop, struct station *station,
               const struct serve_options *o);

/* Stop serving; the loop must run on to its end. Then serve_end() gives the memory back. NULL
 * is allowed. */
void serve_close(struct serve *s);
void serve_end(struct serve *s);

#endif
