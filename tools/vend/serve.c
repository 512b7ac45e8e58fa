#include "tools/vend/serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "base/err.h"
#include "tools/vend/api.h"
#include "tools/vend/page.h"

enum { SOCKETS_MAX = 256, SLOW_S = 10, CHUNK = 16384, PATH_MAX_ = 128, CAMPAIGN_MS = 20 };

struct client {
    char path[PATH_MAX_], authorization[160];
    char *in; /* the body as it comes in */
    size_t in_n, in_size;
    char *out; /* ours to free; NULL: body is the page's */
    const char *body;
    size_t size, sent;
    bool is_refused; /* answer, then hang up: what is left of the body is not wanted */
};

struct serve {
    struct lws_context *context;
    struct api api;
    uv_timer_t timer;
    bool is_closing;
};

static int64_t now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1; /* 0 means never */
}

static void forget(struct client *c)
{
    free(c->in);
    free(c->out);
    memset(c, 0, sizeof *c);
}

/* ---- answers */

static int finished(struct lws *wsi, struct client *c)
{
    bool is_refused = c->is_refused;
    forget(c);
    return is_refused || lws_http_transaction_completed(wsi) ? -1 : 0;
}

static int respond(struct lws *wsi, struct client *c, int status, const char *type,
                   const char *body, size_t size)
{
    uint8_t buf[LWS_PRE + 2048], *start = buf + LWS_PRE, *at = start,
                                 *end = buf + sizeof buf - 1;
    static const uint8_t keep[] = "no-store";
    if (lws_add_http_common_headers(wsi, (unsigned)status, type, size, &at, end) ||
        lws_add_http_header_by_token(wsi, WSI_TOKEN_HTTP_CACHE_CONTROL, keep, sizeof keep - 1,
                                     &at, end) ||
        lws_finalize_write_http_header(wsi, start, &at, end))
        return -1;
    if (size == 0 || lws_hdr_total_length(wsi, WSI_TOKEN_HEAD_URI)) return finished(wsi, c);
    c->body = body;
    c->size = size;
    c->sent = 0;
    lws_callback_on_writable(wsi);
    return 0;
}

static int respond_more(struct lws *wsi, struct client *c)
{
    uint8_t buf[LWS_PRE + CHUNK];
    if (c->body == NULL) return 0;
    size_t n = c->size - c->sent < CHUNK ? c->size - c->sent : CHUNK;
    bool is_last = c->sent + n == c->size;
    memcpy(buf + LWS_PRE, c->body + c->sent, n);
    if (lws_write(wsi, buf + LWS_PRE, n, is_last ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < 0)
        return -1;
    c->sent += n;
    if (is_last) return finished(wsi, c);
    lws_callback_on_writable(wsi);
    return 0;
}

static int refuse(struct lws *wsi, struct client *c, int status, const char *why)
{
    char text[200];
    int n = snprintf(text, sizeof text, "{\"error\":\"%s\"}", why);
    c->is_refused = true;
    c->out = strdup(text);
    return c->out ? respond(wsi, c, status, "application/json", c->out, (size_t)n) : -1;
}

static int operate(struct serve *s, struct lws *wsi, struct client *c, bool is_post,
                   const json_t *query)
{
    struct api_answer a;
    struct api_request r = { .is_post = is_post,
                             .path = c->path,
                             .authorization = c->authorization,
                             .body = c->in,
                             .size = c->in_n,
                             .query = query,
                             .now_s = now_s() };
    api_do(&s->api, &r, &a);
    if (a.text == NULL) return refuse(wsi, c, STATION_BROKEN, "out of memory");
    c->out = a.text;
    return respond(wsi, c, a.status, a.type, a.text, a.size);
}

/* ---- requests */

static const char *header(struct lws *wsi, char *buf, size_t size, enum lws_token_indexes token)
{
    if (lws_hdr_total_length(wsi, token) == 0) return NULL;
    return lws_hdr_copy(wsi, buf, (int)size, token) < 0 ? "?" : buf;
}

/* The names and values behind the question mark, as lws has decoded them. */
static json_t *query_of(struct lws *wsi)
{
    char buf[512];
    json_t *query = json_object();
    for (int i = 0; lws_hdr_copy_fragment(wsi, buf, sizeof buf, WSI_TOKEN_HTTP_URI_ARGS, i) > 0;
         i++) {
        char *value = strchr(buf, '=');
        if (value) *value++ = 0;
        json_object_set_new(query, buf, json_string(value ? value : ""));
    }
    return query;
}

static int get(struct serve *s, struct lws *wsi, struct client *c)
{
    if (strncmp(c->path, "/api/", 5) == 0) {
        json_t *query = query_of(wsi);
        int result = operate(s, wsi, c, false, query);
        json_decref(query);
        return result;
    }
    for (const struct vend_file *f = vend_files; f->path; f++)
        if (strcmp(f->path, c->path) == 0)
            return respond(wsi, c, STATION_OK, f->type, f->text, (size_t)(f->end - f->text));
    return refuse(wsi, c, STATION_UNKNOWN, "there is nothing here");
}

static int post_begin(struct lws *wsi, struct client *c)
{
    char digits[12], word[64];
    const char *length = header(wsi, digits, sizeof digits, WSI_TOKEN_HTTP_CONTENT_LENGTH);
    const char *type = header(wsi, word, sizeof word, WSI_TOKEN_HTTP_CONTENT_TYPE);
    if (length == NULL || *length == '?' || strspn(length, "0123456789") != strlen(length))
        return refuse(wsi, c, 411, "say Content-Length");
    if ((size_t)atoll(length) > api_body_max(c->path))
        return refuse(wsi, c, 413, "this is more than the station takes");
    if (type == NULL || strncmp(type, "application/json", 16) != 0)
        return refuse(wsi, c, 415, "say Content-Type: application/json");
    c->in_size = (size_t)atoll(length);
    c->in = malloc(c->in_size + 1);
    return c->in ? 0 : refuse(wsi, c, STATION_BROKEN, "out of memory");
}

static int post_body(struct client *c, const void *in, size_t n)
{
    if (c->is_refused) return 0;
    if (c->in == NULL || c->in_n + n > c->in_size) return -1;
    if (n) memcpy(c->in + c->in_n, in, n);
    c->in_n += n;
    return 0;
}

static int request(struct serve *s, struct lws *wsi, struct client *c, const char *path)
{
    forget(c);
    if (strlen(path) >= sizeof c->path)
        return refuse(wsi, c, STATION_UNKNOWN, "there is nothing here");
    lws_strncpy(c->path, path, sizeof c->path);
    if (header(wsi, c->authorization, sizeof c->authorization, WSI_TOKEN_HTTP_AUTHORIZATION) ==
        NULL)
        c->authorization[0] = 0;
    if (lws_hdr_total_length(wsi, WSI_TOKEN_POST_URI)) return post_begin(wsi, c);
    if (lws_hdr_total_length(wsi, WSI_TOKEN_GET_URI) ||
        lws_hdr_total_length(wsi, WSI_TOKEN_HEAD_URI))
        return get(s, wsi, c);
    return refuse(wsi, c, 405, "GET, HEAD and POST only");
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t n)
{
    struct client *c = user;
    struct serve *s = lws_context_user(lws_get_context(wsi));
    switch (reason) {
    case LWS_CALLBACK_HTTP:
        return request(s, wsi, c, in);
    case LWS_CALLBACK_HTTP_BODY:
        return post_body(c, in, n);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return c->is_refused ? 0 : operate(s, wsi, c, true, NULL);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return respond_more(wsi, c);
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return -1; /* no web sockets here */
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
        if (c) forget(c);
        return 0;
    default:
        return 0;
    }
}

static const struct lws_protocols protocols[] = {
    { "vend", callback, sizeof(struct client), CHUNK, 0, NULL, 0 },
    { NULL, NULL, 0, 0, 0, NULL, 0 },
};

static const struct lws_protocol_vhost_options headers[] = {
    { &headers[1], NULL, "content-security-policy:",
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src "
      "data:; "
      "base-uri 'none'; form-action 'none'; frame-ancestors 'none'" },
    { &headers[2], NULL, "x-content-type-options:", "nosniff" },
    { &headers[3], NULL, "referrer-policy:", "no-referrer" },
    { NULL, NULL, "cross-origin-resource-policy:", "same-origin" },
};

/* ---- campaigns */

static void campaign_tick(uv_timer_t *timer)
{
    struct serve *s = timer->data;
    int64_t done, total;
    int64_t id = db_value(s->api.station->db, 0,
                          "SELECT min(id) FROM campaign WHERE ended_s IS NULL", "");
    if (id) (void)station_rollover_step(s->api.station, id, &done, &total);
}

/* ---- opening */

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
    int e = bind(fd, (struct sockaddr *)&a, sizeof a) == 0 ? 0
            : errno == EADDRINUSE                          ? E_BUSY
            : errno == EACCES                              ? E_DENIED
                                                           : E_RANGE;
    close(fd);
    return e;
}

static int listen_at(struct serve *s, struct uv_loop_s *loop, const struct serve_options *o)
{
    void *loops[] = { loop };
    bool is_v6 = strchr(o->address, ':') != NULL;
    struct lws_context_creation_info info = {
        .port = o->port,
        .iface = strcmp(o->address, "0.0.0.0") && strcmp(o->address, "::") ? o->address : NULL,
        .protocols = protocols,
        .headers = headers,
        .foreign_loops = loops,
        .user = s,
        .fd_limit_per_thread = SOCKETS_MAX,
        .timeout_secs = SLOW_S,
        .ssl_cert_filepath = o->cert,
        .ssl_private_key_filepath = o->key,
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                   LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND |
                   (is_v6 ? 0 : LWS_SERVER_OPTION_DISABLE_IPV6) |
                   (o->cert ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0),
        .gid = -1,
        .uid = -1,
    };
    lws_set_log_level(0, NULL);
    s->context = lws_create_context(&info);
    if (s->context == NULL) return E_SPACE;
    struct lws_vhost *vhost = lws_create_vhost(s->context, &info);
    return vhost ? lws_get_vhost_listen_port(vhost) : o->cert ? E_FORMAT : E_BUSY;
}

int serve_open(struct serve **out, struct uv_loop_s *loop, struct station *station,
               const struct serve_options *o)
{
    *out = NULL;
    int e = can_listen(o->address, o->port);
    if (e < 0) return e;
    struct serve *s = calloc(1, sizeof *s);
    if (s == NULL) return E_SPACE;
    s->api.station = station;
    e = listen_at(s, loop, o);
    if (e < 0) {
        if (s->context) lws_context_destroy(s->context);
        free(s);
        return e;
    }
    uv_timer_init(loop, &s->timer);
    s->timer.data = s;
    uv_timer_start(&s->timer, campaign_tick, CAMPAIGN_MS, CAMPAIGN_MS);
    *out = s;
    return e;
}

static void timer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void serve_close(struct serve *s)
{
    if (s == NULL) return;
    uv_timer_stop(&s->timer);
    lws_context_destroy(s->context);
    uv_close((uv_handle_t *)&s->timer, timer_closed);
}
