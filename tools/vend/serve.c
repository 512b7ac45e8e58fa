#include "tools/vend/serve.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

#include "base/err.h"
#include "tools/common/web.h"
#include "tools/vend/api.h"
#include "tools/vend/page.h"

enum { SOCKETS_MAX = 256, SLOW_S = 10, PATH_MAX_ = 128, CAMPAIGN_MS = 20 };

struct client {
    char path[PATH_MAX_], authorization[160];
    char *in; /* the body as it comes in */
    size_t in_n, in_size;
    char *out; /* ours to free; NULL: body is the page's */
    struct web_body body;
    bool is_refused; /* answer, then hang up: what is left of the body is not wanted */
};

struct serve {
    struct lws_context *context;
    struct api api;
    uv_timer_t timer;
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

static int response_sent(struct lws *wsi, struct client *c, int sent)
{
    bool is_refused = c->is_refused;
    if (sent <= 0) return sent;
    forget(c);
    return is_refused || lws_http_transaction_completed(wsi) ? -1 : 0;
}

static int respond(struct lws *wsi, struct client *c, int status, const char *type,
                   const char *data, size_t size)
{
    return response_sent(
        wsi, c, web_send_head(wsi, &c->body, (unsigned)status, type, false, data, size));
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
    const char *length = web_header(wsi, digits, sizeof digits, WSI_TOKEN_HTTP_CONTENT_LENGTH);
    const char *type = web_header(wsi, word, sizeof word, WSI_TOKEN_HTTP_CONTENT_TYPE);
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
    if (web_header(wsi, c->authorization, sizeof c->authorization,
                   WSI_TOKEN_HTTP_AUTHORIZATION) == NULL)
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
        return response_sent(wsi, c, web_send_body(wsi, &c->body));
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
    { "vend", callback, sizeof(struct client), WEB_CHUNK, 0, NULL, WEB_CHUNK },
    { NULL, NULL, 0, 0, 0, NULL, 0 },
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

int serve_open(struct serve **out, struct uv_loop_s *loop, struct station *station,
               const struct serve_options *o)
{
    struct serve *s = calloc(1, sizeof *s);
    *out = s;
    if (s == NULL) return E_SPACE;
    struct lws_context_creation_info info = {
        .protocols = protocols,
        .user = s,
        .fd_limit_per_thread = SOCKETS_MAX,
        .timeout_secs = SLOW_S,
        .ssl_cert_filepath = o->cert,
        .ssl_private_key_filepath = o->key,
    };
    s->api.station = station;
    uv_timer_init(loop, &s->timer);
    s->timer.data = s;
    int e = web_listen(&s->context, loop, o->address, o->port, &info);
    if (e >= 0) uv_timer_start(&s->timer, campaign_tick, CAMPAIGN_MS, CAMPAIGN_MS);
    return e;
}

void serve_close(struct serve *s)
{
    if (s == NULL) return;
    uv_close((uv_handle_t *)&s->timer, NULL);
    web_close(&s->context);
}

void serve_end(struct serve *s)
{
    if (s) web_end(&s->context);
    free(s);
}
