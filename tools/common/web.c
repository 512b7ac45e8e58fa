#include "tools/common/web.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

const char *web_header(struct lws *wsi, char *buf, size_t size, enum lws_token_indexes token)
{
    if (lws_hdr_total_length(wsi, token) == 0) return NULL;
    return lws_hdr_copy(wsi, buf, (int)size, token) < 0 ? "?" : buf;
}

int web_send_head(struct lws *wsi, struct web_body *b, unsigned status, const char *type,
                  bool keep, const void *data, size_t size)
{
    uint8_t buf[LWS_PRE + 2048], *start = buf + LWS_PRE, *at = start;
    uint8_t *end = buf + sizeof buf - 1;
    const char *cache = keep ? "max-age=31536000, immutable" : "no-store";
    if (lws_add_http_common_headers(wsi, status, type, size, &at, end) ||
        lws_add_http_header_by_token(wsi, WSI_TOKEN_HTTP_CACHE_CONTROL, (const uint8_t *)cache,
                                     (int)strlen(cache), &at, end) ||
        lws_finalize_write_http_header(wsi, start, &at, end))
        return -1;
    if (size == 0 || lws_hdr_total_length(wsi, WSI_TOKEN_HEAD_URI)) return 1;
    *b = (struct web_body){ data, size, 0 };
    lws_callback_on_writable(wsi);
    return 0;
}

int web_send_body(struct lws *wsi, struct web_body *b)
{
    uint8_t buf[LWS_PRE + WEB_CHUNK];
    if (!b->data) return 0;
    size_t n = b->size - b->sent < WEB_CHUNK ? b->size - b->sent : WEB_CHUNK;
    bool is_last = b->sent + n == b->size;
    memcpy(buf + LWS_PRE, b->data + b->sent, n);
    if (lws_write(wsi, buf + LWS_PRE, n, is_last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < 0)
        return -1;
    b->sent += n;
    if (is_last) return 1;
    lws_callback_on_writable(wsi);
    return 0;
}

/* On every response. A page needs nothing but itself and its own server. */
static const struct lws_protocol_vhost_options headers[] = {
    { &headers[1], NULL, "content-security-policy:",
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
      "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" },
    { &headers[2], NULL, "x-content-type-options:", "nosniff" },
    { &headers[3], NULL, "referrer-policy:", "no-referrer" },
    { NULL, NULL, "cross-origin-resource-policy:", "same-origin" },
};

/* lws says neither why it could not listen nor, at this log level, that it could not. */
static int can_listen(const char *address, uint16_t port)
{
    struct sockaddr_storage a = { 0 };
    struct sockaddr_in *v4 = (struct sockaddr_in *)&a;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&a;
    int one = 1;
    if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
    } else if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
    } else {
        return E_RANGE;
    }
    int fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return E_SPACE;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    int e = bind(fd, (struct sockaddr *)&a, sizeof a) == 0 ? E_OK
            : errno == EADDRINUSE                          ? E_BUSY
            : errno == EACCES                              ? E_DENIED
                                                           : E_RANGE;
    close(fd);
    return e;
}

int web_listen(struct lws_context **context, struct uv_loop_s *loop, const char *address,
               uint16_t port, struct lws_context_creation_info *info)
{
    void *loops[] = { loop };
    bool is_v6 = strchr(address, ':') != NULL;
    *context = NULL;
    int e = can_listen(address, port);
    if (e < 0) return e;
    info->pcontext = context;
    info->port = port;
    info->iface = strcmp(address, "0.0.0.0") && strcmp(address, "::") ? address : NULL;
    info->headers = headers;
    info->foreign_loops = loops;
    info->options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                    LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND |
                    (is_v6 ? 0 : LWS_SERVER_OPTION_DISABLE_IPV6) |
                    (info->ssl_cert_filepath ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0);
    info->gid = -1;
    info->uid = -1;
    lws_set_log_level(0, NULL);
    *context = lws_create_context(info);
    if (!*context) return E_SPACE;
    struct lws_vhost *vhost = lws_create_vhost(*context, info);
    if (vhost) return lws_get_vhost_listen_port(vhost);
    return info->ssl_cert_filepath ? E_FORMAT : E_BUSY;
}

/* The library lays down its handles in a loop of ours, and itself only when told again; then it
 * takes back what it wrote into *context. */
void web_close(struct lws_context **context)
{
    if (*context) lws_context_destroy(*context);
}

void web_end(struct lws_context **context)
{
    web_close(context);
}
