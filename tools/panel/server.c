/* server.c - libwebsockets on the caller's libuv loop. One protocol serves requests and live
 * pages alike; lws keeps a struct client for each socket.
 *
 * A live page gets a whole state first and then, at each tick, the sections that changed. A
 * page too slow to have taken the last tick's message gets a whole state again instead of a
 * backlog: memory per page stays at one message, however slow it is.
 */
#include "tools/panel/panel.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/err.h"
#include "tools/common/say.h"
#include "tools/common/web.h"
#include "tools/panel/command.h"
#include "tools/panel/lcd.h"
#include "tools/panel/origin.h"
#include "tools/panel/page.h"
#include "tools/panel/sections.h"

enum {
    TICK_US = 200000,
    LIVE_MAX = 32,
    SOCKETS_MAX = 64,
    SLOW_S = 5, /* for a request to arrive: who is slower holds one of the sockets */
    HOST_MAX = 128
};

/* Text with the room in front that lws_write() wants. */
struct text {
    uint8_t *mem;
    size_t n, cap;
};

struct client {
    struct lws *wsi;
    struct client *next;
    uint64_t seen;        /* tick of the last message; 0: nothing yet */
    char in[COMMAND_MAX]; /* a command as it comes in */
    size_t in_n;
    struct text reply; /* to a command, or a response's body that is ours to free */
    struct web_body body;
    bool refused; /* a request whose body is not wanted: answer, then hang up */
};

struct panel {
    struct lws_context *context;
    struct panel_source source;
    struct lcd lcd;
    struct panel_view *view;
    char *shown[SECTIONS];  /* each section's JSON, NULL when absent */
    bool changed[SECTIONS]; /* since the last tick */
    struct text delta;      /* of tick `tick` */
    uint64_t tick;
    lws_sorted_usec_list_t timer;
    struct client *live;
    unsigned lives;
    bool closing, own_lcd; /* own: this meter leaves its display to lcd.c */
};

/* ---------- text ---------- */

static void text_put(struct text *t, const char *s, size_t n)
{
    if (t->n + n > t->cap) {
        size_t cap = 2 * (t->n + n) + 1024;
        uint8_t *mem = realloc(t->mem, LWS_PRE + cap);
        if (!mem) exit(say_fail(1, "out of memory"));
        t->mem = mem;
        t->cap = cap;
    }
    memcpy(t->mem + LWS_PRE + t->n, s, n);
    t->n += n;
}

static void text_puts(struct text *t, const char *s)
{
    text_put(t, s, strlen(s));
}

static void text_free(struct text *t)
{
    free(t->mem);
    *t = (struct text){ 0 };
}

/* ---------- the state ---------- */

static void look(struct panel *p)
{
    struct panel_view *v = p->view;
    struct panel_source *s = &p->source;
    memset(v, 0, sizeof *v);
    s->fill(s->ctx, &v->state);
    p->own_lcd = !v->state.has_lcd;
    if (p->own_lcd) lcd_compose(&p->lcd, &v->state, say_now_ms());
    if (s->wave) s->wave(s->ctx, &v->wave);
    v->has_events = s->events != NULL;
    if (s->events) v->events = s->events(s->ctx, v->event, PANEL_EVENTS, 0);
    if (s->rows && v->state.has_profile)
        v->rows = s->rows(s->ctx, v->row, PANEL_ROWS, v->state.profile.day);
}

static void refresh(struct panel *p)
{
    look(p);
    for (size_t i = 0; i < SECTIONS; i++) {
        json_t *j = sections[i].json(p->view);
        char *text =
            j ? json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15)) : NULL;
        json_decref(j);
        if (text && p->shown[i] ? strcmp(text, p->shown[i]) != 0 : text != p->shown[i])
            p->changed[i] = true;
        free(p->shown[i]);
        p->shown[i] = text;
    }
}

static void put_section(struct text *t, const char *name, const char *json)
{
    text_puts(t, t->n ? ",\"" : "{\"");
    text_puts(t, name);
    text_puts(t, "\":");
    text_puts(t, json ? json : "null");
}

static void put_whole(struct text *t, const struct panel *p)
{
    for (size_t i = 0; i < SECTIONS; i++)
        if (p->shown[i]) put_section(t, sections[i].name, p->shown[i]);
    text_puts(t, "}");
}

static void tick_at(struct panel *p, lws_usec_t us);

static void tick(lws_sorted_usec_list_t *timer)
{
    struct panel *p = lws_container_of(timer, struct panel, timer);
    if (!p->live || p->closing) return;
    refresh(p);
    p->tick++;
    p->delta.n = 0;
    for (size_t i = 0; i < SECTIONS; i++) {
        if (p->changed[i]) put_section(&p->delta, sections[i].name, p->shown[i]);
        p->changed[i] = false;
    }
    if (p->delta.n) text_puts(&p->delta, "}");
    for (struct client *c = p->live; c; c = c->next) lws_callback_on_writable(c->wsi);
    tick_at(p, TICK_US);
}

static void tick_at(struct panel *p, lws_usec_t us)
{
    lws_sul_schedule(p->context, 0, &p->timer, tick, us);
}

/* ---------- commands ---------- */

static int obey(struct panel *p, const struct panel_command *c)
{
    look(p);
    const struct panel_state *s = &p->view->state;
    if (c->order == PANEL_DO_SPEED && c->number) lcd_auto(&p->lcd, say_now_ms());
    if (c->order == PANEL_DO_BUTTON && p->own_lcd) {
        lcd_press(&p->lcd, s->now.powered, say_now_ms());
        return E_OK;
    }
    if (c->order != PANEL_DO_BUTTON && !s->has_world) return E_STATE;
    return p->source.command ? p->source.command(p->source.ctx, c) : E_STATE;
}

/* Carry out the text and put the answer into *t. Returns the error, as the answer says it. */
static int answer(struct panel *p, struct text *t, const char *in, size_t n)
{
    struct command_text c;
    int e = command_parse(&c, in, n);
    if (e >= 0) {
        e = obey(p, &c.command);
        if (e < 0) lws_strncpy(c.why, err_text(e), sizeof c.why);
    }
    json_t *o = json_pack("{s:I,s:b}", "id", (json_int_t)c.id, "ok", e >= 0);
    if (e < 0) json_object_set_new(o, "error", json_string(c.why));
    char *text = json_dumps(o, JSON_COMPACT);
    text_puts(t, text ? text : "{}");
    free(text);
    json_decref(o);
    return e;
}

/* ---------- who asks ---------- */

static bool is_ours(struct lws *wsi)
{
    char host[HOST_MAX], origin[HOST_MAX];
    const char *h = web_header(wsi, host, sizeof host, WSI_TOKEN_HOST);
    return origin_is_host(h) &&
           origin_is_ours(web_header(wsi, origin, sizeof origin, WSI_TOKEN_ORIGIN), h);
}

/* ---------- responses ---------- */

/* `sent` is what web_send_head() or web_send_body() said: the end is where the body is freed.
 */
static int response_sent(struct lws *wsi, struct client *c, int sent)
{
    if (sent <= 0) return sent;
    text_free(&c->reply);
    c->body = (struct web_body){ 0 };
    return c->refused || lws_http_transaction_completed(wsi) ? -1 : 0;
}

static int respond(struct lws *wsi, struct client *c, unsigned status, const char *type,
                   bool keep, const void *data, size_t size)
{
    return response_sent(wsi, c, web_send_head(wsi, &c->body, status, type, keep, data, size));
}

static int respond_text(struct lws *wsi, struct client *c, unsigned status)
{
    return respond(wsi, c, status, "application/json", false, c->reply.mem + LWS_PRE,
                   c->reply.n);
}

static int respond_error(struct lws *wsi, struct client *c, unsigned status, const char *why)
{
    c->reply.n = 0;
    text_puts(&c->reply, "{\"error\":\"");
    text_puts(&c->reply, why);
    text_puts(&c->reply, "\"}");
    return respond_text(wsi, c, status);
}

/* ---------- requests ---------- */

static int get_state(struct panel *p, struct lws *wsi, struct client *c)
{
    refresh(p);
    c->reply.n = 0;
    put_whole(&c->reply, p);
    return respond_text(wsi, c, HTTP_STATUS_OK);
}

static int get_file(struct lws *wsi, struct client *c, const char *path)
{
    for (const struct page_file *f = page_files; f->path; f++)
        if (strcmp(f->path, path) == 0)
            return respond(wsi, c, HTTP_STATUS_OK, f->type, f->named, f->data, f->size);
    return respond_error(wsi, c, HTTP_STATUS_NOT_FOUND, "there is nothing here");
}

/* The body, if there is one, is not for us: what is left of it must not be taken for a command
 * or for the next request. */
static int refuse(struct lws *wsi, struct client *c, unsigned status, const char *why)
{
    c->refused = true;
    return respond_error(wsi, c, status, why);
}

static int post_begin(struct lws *wsi, struct client *c, const char *path)
{
    char digits[10], word[40];
    const char *length = web_header(wsi, digits, sizeof digits, WSI_TOKEN_HTTP_CONTENT_LENGTH);
    const char *type = web_header(wsi, word, sizeof word, WSI_TOKEN_HTTP_CONTENT_TYPE);
    c->in_n = 0;
    if (!length) return refuse(wsi, c, 411, "say Content-Length");
    if (strspn(length, "0123456789") != strlen(length) || atol(length) > COMMAND_MAX)
        return refuse(wsi, c, 413, "a command has at most 1024 octets");
    if (strcmp(path, "/api/command") != 0)
        return refuse(wsi, c, HTTP_STATUS_NOT_FOUND, "commands go to /api/command");
    if (!type || strncmp(type, "application/json", 16) != 0)
        return refuse(wsi, c, 415, "say Content-Type: application/json");
    return 0;
}

static int post_body(struct client *c, const void *in, size_t n)
{
    if (c->refused) return 0;
    if (c->in_n + n > COMMAND_MAX) return -1;
    memcpy(c->in + c->in_n, in, n);
    c->in_n += n;
    return 0;
}

static unsigned status_of(int e)
{
    if (e >= 0) return HTTP_STATUS_OK;
    return e == E_STATE || e == E_BUSY ? HTTP_STATUS_CONFLICT : HTTP_STATUS_BAD_REQUEST;
}

static int post_end(struct panel *p, struct lws *wsi, struct client *c)
{
    if (c->refused) return 0;
    c->reply.n = 0;
    return respond_text(wsi, c, status_of(answer(p, &c->reply, c->in, c->in_n)));
}

static int request(struct panel *p, struct lws *wsi, struct client *c, const char *path)
{
    text_free(&c->reply);
    c->body = (struct web_body){ 0 };
    c->refused = false;
    if (!is_ours(wsi))
        return refuse(wsi, c, HTTP_STATUS_FORBIDDEN,
                      "only the panel's own page may ask: use an address or localhost");
    if (lws_hdr_total_length(wsi, WSI_TOKEN_POST_URI)) return post_begin(wsi, c, path);
    if (!lws_hdr_total_length(wsi, WSI_TOKEN_GET_URI) &&
        !lws_hdr_total_length(wsi, WSI_TOKEN_HEAD_URI))
        return refuse(wsi, c, HTTP_STATUS_METHOD_NOT_ALLOWED, "GET, HEAD and POST only");
    if (strcmp(path, "/api/state") == 0) return get_state(p, wsi, c);
    return get_file(wsi, c, path);
}

/* ---------- live pages ---------- */

static int live_filter(struct panel *p, struct lws *wsi)
{
    char path[16];
    const char *uri = web_header(wsi, path, sizeof path, WSI_TOKEN_GET_URI);
    return uri && strcmp(uri, "/live") == 0 && is_ours(wsi) && p->lives < LIVE_MAX ? 0 : -1;
}

static int live_open(struct panel *p, struct lws *wsi, struct client *c)
{
    c->wsi = wsi;
    c->next = p->live;
    p->live = c;
    p->lives++;
    tick_at(p, 1);
    return 0;
}

static void live_close(struct panel *p, struct client *c)
{
    struct client **at = &p->live;
    while (*at && *at != c) at = &(*at)->next;
    if (!*at) return;
    *at = c->next;
    p->lives--;
}

static int live_send(struct lws *wsi, const struct text *t)
{
    return lws_write(wsi, t->mem + LWS_PRE, t->n, LWS_WRITE_TEXT) < 0 ? -1 : 0;
}

static int live_send_whole(struct panel *p, struct lws *wsi)
{
    struct text t = { 0 };
    put_whole(&t, p);
    int e = live_send(wsi, &t);
    text_free(&t);
    return e;
}

static int live_writable(struct panel *p, struct lws *wsi, struct client *c)
{
    if (c->reply.n) {
        int e = live_send(wsi, &c->reply);
        c->reply.n = 0;
        lws_rx_flow_control(wsi, 1);
        lws_callback_on_writable(wsi);
        return e;
    }
    if (c->seen == p->tick) return 0;
    bool follows = c->seen && c->seen + 1 == p->tick;
    c->seen = p->tick;
    if (!follows) return live_send_whole(p, wsi);
    return p->delta.n ? live_send(wsi, &p->delta) : 0;
}

static int live_refuse(struct lws *wsi, enum lws_close_status status)
{
    lws_close_reason(wsi, status, NULL, 0);
    return -1;
}

/* One command at a time: nothing more is read from this page until its answer is out. */
static int live_receive(struct panel *p, struct lws *wsi, struct client *c, const void *in,
                        size_t n)
{
    if (lws_frame_is_binary(wsi)) return live_refuse(wsi, LWS_CLOSE_STATUS_UNACCEPTABLE_OPCODE);
    if (c->in_n + n > COMMAND_MAX) return live_refuse(wsi, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE);
    memcpy(c->in + c->in_n, in, n);
    c->in_n += n;
    if (!lws_is_final_fragment(wsi) || lws_remaining_packet_payload(wsi)) return 0;
    text_puts(&c->reply, "{\"reply\":");
    answer(p, &c->reply, c->in, c->in_n);
    text_puts(&c->reply, "}");
    c->in_n = 0;
    lws_rx_flow_control(wsi, 0);
    lws_callback_on_writable(wsi);
    return 0;
}

/* ---------- lws ---------- */

static bool is_end_of_http(enum lws_callback_reasons reason)
{
    return reason == LWS_CALLBACK_CLOSED_HTTP || reason == LWS_CALLBACK_HTTP_DROP_PROTOCOL;
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t n)
{
    struct client *c = user;
    struct panel *p = lws_context_user(lws_get_context(wsi));
    if (p->closing && c && reason != LWS_CALLBACK_CLOSED && !is_end_of_http(reason)) return -1;
    switch (reason) {
    case LWS_CALLBACK_HTTP:
        return request(p, wsi, c, in);
    case LWS_CALLBACK_HTTP_BODY:
        return post_body(c, in, n);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return post_end(p, wsi, c);
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return response_sent(wsi, c, web_send_body(wsi, &c->body));
    case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
        return live_filter(p, wsi);
    case LWS_CALLBACK_ESTABLISHED:
        return live_open(p, wsi, c);
    case LWS_CALLBACK_RECEIVE:
        return live_receive(p, wsi, c, in, n);
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return live_writable(p, wsi, c);
    case LWS_CALLBACK_CLOSED:
        live_close(p, c);
        text_free(&c->reply);
        return 0;
    default:
        if (c && is_end_of_http(reason)) text_free(&c->reply);
        return 0;
    }
}

static const struct lws_protocols protocols[] = {
    { "panel", callback, sizeof(struct client), COMMAND_MAX, 0, NULL, WEB_CHUNK },
    { NULL, NULL, 0, 0, 0, NULL, 0 },
};

int panel_open(struct panel **out, struct uv_loop_s *loop, const char *address, uint16_t port,
               const struct panel_source *source)
{
    static const lws_retry_bo_t alive = { .secs_since_valid_ping = 20,
                                          .secs_since_valid_hangup = 30 };
    struct panel *p = calloc(1, sizeof *p);
    *out = p;
    if (!p) return E_SPACE;
    struct lws_context_creation_info info = {
        .protocols = protocols,
        .user = p,
        .fd_limit_per_thread = SOCKETS_MAX,
        .timeout_secs = SLOW_S,
        .retry_and_idle_policy = &alive,
    };
    p->source = *source;
    p->view = calloc(1, sizeof *p->view);
    return p->view ? web_listen(&p->context, loop, address, port, &info) : E_SPACE;
}

void panel_close(struct panel *p)
{
    if (!p) return;
    p->closing = true;
    lws_sul_cancel(&p->timer);
    for (size_t i = 0; i < SECTIONS; i++) {
        free(p->shown[i]);
        p->shown[i] = NULL;
    }
    text_free(&p->delta);
    free(p->view);
    p->view = NULL;
    web_close(&p->context);
}

void panel_end(struct panel *p)
{
    if (p) web_end(&p->context);
    free(p);
}

bool panel_has_page(void)
{
    return page_built;
}
