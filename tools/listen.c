/* listen.c - `magno listen`: what meters send without being asked, by TCP, UDP or a serial line. */
#include <argp.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/err.h"
#include "dlms/hdlc.h"
#include "dlms/wrapper.h"
#include "dlms/xdlms.h"
#include "tools/client/channel.h"
#include "tools/client/connect.h"
#include "tools/client/value.h"
#include "tools/commands.h"
#include "tools/common/json.h"
#include "tools/common/say.h"
#include "tools/exit.h"

enum { O_LISTEN = 0x200, O_PORT, O_COUNT, O_FOR, O_DEVICE, O_BAUD, O_CONNECT, O_QUIET };
enum { PORT = 4064, CALLERS = 64, CHUNK = 4096, APDU_MAX = 1 << 20, PEER = 64 };

struct caller {
    int fd; /* -1: free */
    bool serial;
    char name[PEER];
    struct buf in, blocks; /* octets so far; general blocks of an APDU */
    uint16_t block;
};

struct request {
    struct connect_options connect;
    const char *address, *device, *line;
    unsigned port, baud;
    long count;
    double seconds;
    bool mute; /* never confirm */
    struct keyring keys;
    struct seal_counter counter;
    struct caller caller[CALLERS];
    struct caller datagrams; /* who sent the last one */
    long seen;
    bool broken;
};

static const struct argp_option options[] = {
    { NULL, 0, NULL, 0, "Where pushes come:", 1 },
    { "listen", O_LISTEN, "ADDR", 0, "Address to listen on (127.0.0.1)", 0 },
    { "port", O_PORT, "N", 0, "TCP and UDP port (4064); 0: any free one", 0 },
    { "device", O_DEVICE, "FILE", 0, "A serial line or pseudo terminal instead, HDLC", 0 },
    { "baud", O_BAUD, "N", 0, "Its speed (9600)", 0 },
    { "connect", O_CONNECT, "ADDR:PORT", 0, "An HDLC line over TCP instead", 0 },
    { NULL, 0, NULL, 0, "How long:", 2 },
    { "count", O_COUNT, "N", 0, "Stop after so many pushes", 0 },
    { "for", O_FOR, "S", 0, "Stop after so many seconds", 0 },
    { "no-confirm", O_QUIET, NULL, 0, "Never confirm: meters will try again", 0 },
    { 0 },
};

static const char doc[] =
    "Receive pushes of meters and print them, one a line with --json.\v"
    "A push is opened with the keys given (or the development keys), and confirmed where the "
    "meter asks for it. Its values stand in the order of the push object list; the first is "
    "usually the logical name of the push, the second the meter's name.\n\n"
    "Examples:\n"
    "  magno listen --json                            on 127.0.0.1:4064\n"
    "  magno write 40/0-4:25.9.0:3 'structure(enum:0, text:127.0.0.1:4064, enum:0)'\n"
    "  magno listen --keys keys/ --listen 10.0.0.5 --port 4059\n"
    "  magno listen --device /dev/ttyUSB0 --count 1";

/* -- a push -------------------------------------------------------------------------------- */

static json_t *head_of(const struct caller *c, const struct layers *found)
{
    json_t *j = json_pack("{s:s}", "from", c->name);
    for (unsigned i = 0; i < found->n; i++) {
        const struct layer *l = &found->layer[i];
        if (l->key == KEY_SIGNATURE) {
            json_object_set_new(j, "signed", json_boolean(l->verified));
            continue;
        }
        json_object_set_new(j, "authenticated", json_boolean(l->sc & SC_AUTH));
        json_object_set_new(j, "encrypted", json_boolean(l->sc & SC_CRYPT));
        json_object_set_new(j, "counter", json_integer(l->ic));
    }
    return j;
}

static void put_time(json_t *j, struct axdr_in *in)
{
    char text[VALUE_TIME];
    uint32_t n = axdr_read_length(in);
    const uint8_t *dt = axdr_read_view(in, n);
    if (!in->bad && n == 12)
        json_object_set_new(j, "time", json_string(value_time_text(text, dt)));
}

static void show(struct request *r, json_t *j)
{
    r->seen++;
    if (r->connect.json) {
        json_line(j);
        return;
    }
    char *text = json_dumps(j, JSON_COMPACT | JSON_ENSURE_ASCII);
    printf("%s\n", text ? text : "");
    fflush(stdout);
    free(text);
    json_decref(j);
}

/* {0, b, 25, 9, 0, 255} names a push. */
static void name_push(json_t *j, struct axdr_in body)
{
    size_t n = 0;
    char name[24];
    if (axdr_peek(&body) != AXDR_STRUCTURE) return;
    axdr_read_head(&body, AXDR_STRUCTURE);
    if (axdr_peek(&body) != AXDR_OCTETS) return;
    const uint8_t *p = axdr_read_string(&body, AXDR_OCTETS, &n);
    if (body.bad || n != 6 || p[2] != 25 || p[3] != 9) return;
    snprintf(name, sizeof name, "%u-%u:%u.%u.%u", p[0], p[1], p[2], p[3], p[4]);
    json_object_set_new(j, "push", json_string(name));
}

/* True: the meter wants to hear that it came; id is its long-invoke-id. */
static bool take_data(struct request *r, json_t *j, struct axdr_in *in, uint32_t *id)
{
    *id = (uint32_t)axdr_read_raw(in, 4);
    json_object_set_new(j, "invoke", json_integer(*id & LONG_INVOKE_ID));
    json_object_set_new(j, "confirmed", json_boolean(*id & LONG_INVOKE_CONFIRMED));
    put_time(j, in);
    struct axdr_in body = axdr_read_value(in);
    if (in->bad || in->n) {
        json_object_set_new(j, "error", json_string("broken"));
        r->broken = true;
    } else {
        name_push(j, body);
        json_object_set_new(j, "values", value_json(body, false));
    }
    show(r, j);
    return *id & LONG_INVOKE_CONFIRMED;
}

static void take_event(struct request *r, json_t *j, struct axdr_in *in)
{
    char name[24];
    if (axdr_read_raw(in, 1)) put_time(j, in);
    unsigned cls = (unsigned)axdr_read_raw(in, 2);
    const uint8_t *ln = axdr_read_view(in, 6);
    unsigned attr = (unsigned)axdr_read_raw(in, 1);
    struct axdr_in value = axdr_read_value(in);
    if (in->bad || in->n) {
        json_object_set_new(j, "error", json_string("broken"));
        r->broken = true;
    } else {
        snprintf(name, sizeof name, "%u-%u:%u.%u.%u.%u", ln[0], ln[1], ln[2], ln[3], ln[4],
                 ln[5]);
        json_object_set_new(j, "event", json_string(name));
        json_object_set_new(j, "class", json_integer(cls));
        json_object_set_new(j, "attr", json_integer(attr));
        json_object_set_new(j, "value", value_json(value, false));
    }
    show(r, j);
}

/* -- confirming ---------------------------------------------------------------------------- */

static void send_all(int fd, const uint8_t *p, size_t n)
{
    while (n) {
        ssize_t some = write(fd, p, n);
        if (some <= 0) return; /* it will push again */
        p += some;
        n -= (size_t)some;
    }
}

/* The seal of the push: of which suite, and whether there is one. */
static const struct layer *seal_of(const struct layers *found)
{
    for (unsigned i = 0; i < found->n; i++)
        if (found->layer[i].key != KEY_SIGNATURE && found->layer[i].sc & SC_AUTH)
            return &found->layer[i];
    return NULL;
}

/* The confirmation under the same key and suite; empty where it cannot be made. */
static void make_confirm(struct request *r, uint32_t id, const struct layer *seal,
                         struct buf *out)
{
    struct trouble t;
    uint8_t plain[6] = { XDLMS_DATA_NOTIFICATION_CONFIRM };
    be_put32(plain + 1, id);
    if (!seal) {
        buf_put(out, plain, sizeof plain);
        return;
    }
    struct seal how = { .guard = GUARD_GENERAL_GLO,
                        .sc = (uint8_t)((seal->sc & SC_SUITE) | SC_AUTH | SC_CRYPT) };
    if (counter_take(&r->counter, &how.ic, &t) < 0 ||
        protect_seal(&r->keys, &how, plain, sizeof plain, out, &t) < 0)
        say("not confirmed: %s", t.text);
}

static void wrap(const struct wrapper *w, const struct buf *apdu, struct buf *out)
{
    uint8_t head[WRAPPER_HEAD];
    wrapper_write(head, &(struct wrapper){ w->destination, w->source, (uint16_t)apdu->n });
    buf_put(out, head, sizeof head);
    buf_put(out, apdu->p, apdu->n);
}

static void frame(const struct hdlc_frame *f, const struct buf *apdu, struct buf *out)
{
    static const uint8_t llc[HDLC_LLC] = { 0xE6, 0xE6, 0x00 };
    uint8_t octets[HDLC_FRAME_MAX];
    struct buf info = { 0 };
    buf_put(&info, llc, sizeof llc);
    buf_put(&info, apdu->p, apdu->n);
    struct hdlc_frame answer = {
        .dst = f->src, .src = f->dst, .control = HDLC_UI | HDLC_PF, .info = info.p, .n = info.n
    };
    int n = hdlc_frame_write(octets, sizeof octets, &answer);
    if (n > 0) buf_put(out, octets, (size_t)n);
    buf_free(&info);
}

/* -- octets to APDUs ----------------------------------------------------------------------- */

/* What came, in whichever carrier; the reply goes back the same way. */
struct carried {
    const struct wrapper *w;
    const struct hdlc_frame *f;
    int fd;
    const struct sockaddr *to; /* datagrams */
    socklen_t to_n;
};

static void reply(struct request *r, const struct carried *by, uint32_t id,
                  const struct layer *seal)
{
    struct buf apdu = { 0 }, out = { 0 };
    if (r->mute) return;
    make_confirm(r, id, seal, &apdu);
    if (apdu.n && by->w) wrap(by->w, &apdu, &out);
    if (apdu.n && by->f) frame(by->f, &apdu, &out);
    if (out.n && by->to)
        (void)sendto(by->fd, out.p, out.n, 0, by->to, by->to_n);
    else if (out.n)
        send_all(by->fd, out.p, out.n);
    buf_free(&apdu);
    buf_free(&out);
}

static void take_whole(struct request *r, struct caller *c, const struct carried *by,
                       const uint8_t *p, size_t n)
{
    struct buf plain = { 0 };
    struct layers found = { 0 };
    struct trouble t;
    uint32_t id = 0;
    int e = protect_open(&r->keys, p, n, &plain, &found, &t);
    json_t *j = head_of(c, &found);
    struct axdr_in in = buf_in(&plain);
    uint8_t tag = e < 0 ? 0 : (uint8_t)axdr_read_raw(&in, 1);
    if (tag == XDLMS_DATA_NOTIFICATION) {
        if (take_data(r, j, &in, &id)) reply(r, by, id, seal_of(&found));
    } else if (tag == XDLMS_EVENT_NOTIFICATION) {
        take_event(r, j, &in);
    } else {
        r->broken = true;
        json_object_set_new(j, "error", json_string(e < 0 ? t.text : "neither push nor event"));
        json_object_set_new(j, "apdu", json_hex(p, n));
        show(r, j);
    }
    buf_free(&plain);
}

/* General blocks that nobody acknowledges are put together in order. */
static void take_apdu(struct request *r, struct caller *c, const struct carried *by,
                      const uint8_t *p, size_t n)
{
    struct axdr_in in = axdr_in(p, n);
    struct gbt b;
    if (n == 0 || p[0] != XDLMS_GBT) {
        if (n) take_whole(r, c, by, p, n);
        return;
    }
    if (gbt_read(&in, &b) < 0) return;
    if (b.number == 1) buf_clear(&c->blocks);
    if (b.number == 1) c->block = 0;
    if (b.number != c->block + 1 || c->blocks.n + b.n > APDU_MAX) return;
    c->block = b.number;
    buf_put(&c->blocks, b.data, b.n);
    if (b.last) take_whole(r, c, by, c->blocks.p, c->blocks.n);
}

/* False: this is no wrapper, hang up. */
static bool take_wrapped(struct request *r, struct caller *c)
{
    struct wrapper w;
    while (c->in.n >= WRAPPER_HEAD) {
        if (wrapper_read(c->in.p, &w) < 0) return false;
        size_t whole = (size_t)WRAPPER_HEAD + w.length;
        if (c->in.n < whole) return true;
        struct carried by = { .w = &w, .fd = c->fd };
        take_apdu(r, c, &by, c->in.p + WRAPPER_HEAD, w.length);
        buf_drop(&c->in, whole);
    }
    return true;
}

static void take_frames(struct request *r, struct caller *c)
{
    struct hdlc_frame f;
    size_t used = 0;
    int n;
    while ((n = hdlc_frame_read(c->in.p, c->in.n, &f, &used)) > 0) {
        struct carried by = { .f = &f, .fd = c->fd };
        bool ui = (f.control & ~HDLC_PF) == HDLC_UI && f.n > HDLC_LLC;
        if (ui) take_apdu(r, c, &by, f.info + HDLC_LLC, f.n - HDLC_LLC);
        buf_drop(&c->in, (size_t)n);
    }
    buf_drop(&c->in, used < c->in.n ? used : c->in.n);
}

/* -- sockets ------------------------------------------------------------------------------- */

static void name_peer(char name[PEER], const struct sockaddr_storage *from)
{
    char text[INET6_ADDRSTRLEN] = "";
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)from;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)from;
    bool is_v6 = from->ss_family == AF_INET6;
    inet_ntop(from->ss_family, is_v6 ? (const void *)&v6->sin6_addr : &v4->sin_addr, text,
              sizeof text);
    snprintf(name, PEER, is_v6 ? "[%s]:%u" : "%s:%u", text, ntohs(v4->sin_port));
}

static int open_socket(struct request *r, int kind, struct trouble *t)
{
    struct sockaddr_storage at = { 0 };
    struct sockaddr_in *v4 = (struct sockaddr_in *)&at;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&at;
    socklen_t n = sizeof at;
    const int one = 1;
    if (inet_pton(AF_INET, r->address, &v4->sin_addr) == 1)
        at.ss_family = AF_INET;
    else if (inet_pton(AF_INET6, r->address, &v6->sin6_addr) == 1)
        at.ss_family = AF_INET6;
    else
        return trouble(t, E_RANGE, "%s is no IP address", r->address);
    v4->sin_port = htons((uint16_t)r->port);
    int fd = socket(at.ss_family, kind | SOCK_CLOEXEC, 0);
    if (fd >= 0) (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    bool bad = fd < 0 || bind(fd, (struct sockaddr *)&at,
                              at.ss_family == AF_INET ? sizeof *v4 : sizeof *v6);
    if (!bad && kind == SOCK_STREAM) bad = listen(fd, CALLERS);
    if (!bad) bad = getsockname(fd, (struct sockaddr *)&at, &n);
    if (bad) {
        int why = errno;
        if (fd >= 0) close(fd);
        return trouble(t, E_IO, "cannot listen on %s port %u: %s", r->address, r->port,
                       strerror(why));
    }
    r->port = ntohs(v4->sin_port);
    return fd;
}

static void hang_up(struct caller *c)
{
    close(c->fd);
    buf_free(&c->in);
    buf_free(&c->blocks);
    *c = (struct caller){ .fd = -1 };
}

static void accept_one(struct request *r, int listener)
{
    struct sockaddr_storage from = { 0 };
    socklen_t n = sizeof from;
    int fd = accept(listener, (struct sockaddr *)&from, &n);
    if (fd < 0) return;
    for (unsigned i = 0; i < CALLERS; i++)
        if (r->caller[i].fd < 0) {
            r->caller[i].fd = fd;
            name_peer(r->caller[i].name, &from);
            return;
        }
    close(fd);
}

static void take_datagram(struct request *r, int fd)
{
    static uint8_t octets[65536];
    struct sockaddr_storage from = { 0 };
    socklen_t n = sizeof from;
    struct wrapper w;
    struct caller c = { .fd = fd }, *last = &r->datagrams;
    ssize_t got = recvfrom(fd, octets, sizeof octets, 0, (struct sockaddr *)&from, &n);
    if (got <= WRAPPER_HEAD || wrapper_read(octets, &w) < 0) return;
    if (w.length != got - WRAPPER_HEAD) return;
    name_peer(c.name, &from);
    if (strcmp(c.name, last->name)) { /* blocks of two meters are not one push */
        buf_free(&last->blocks);
        *last = c;
    }
    struct carried by = { .w = &w, .fd = fd, .to = (struct sockaddr *)&from, .to_n = n };
    take_apdu(r, last, &by, octets + WRAPPER_HEAD, w.length);
}

static void take_octets(struct request *r, struct caller *c)
{
    uint8_t octets[CHUNK];
    ssize_t n = read(c->fd, octets, sizeof octets);
    if (n <= 0) {
        hang_up(c);
        return;
    }
    buf_put(&c->in, octets, (size_t)n);
    if (c->serial)
        take_frames(r, c);
    else if (!take_wrapped(r, c))
        hang_up(c);
}

static bool is_over(const struct request *r, uint64_t end)
{
    bool gone = (r->device || r->line) && r->caller[0].fd < 0;
    return gone || (r->count && r->seen >= r->count) || (end && say_now_ms() >= end);
}

static void serve(struct request *r, const int socket_fd[2])
{
    uint64_t end = r->seconds > 0 ? say_now_ms() + (uint64_t)(r->seconds * 1000) : 0;
    while (!is_over(r, end)) {
        struct pollfd fd[2 + CALLERS];
        for (unsigned i = 0; i < 2; i++) fd[i] = (struct pollfd){ socket_fd[i], POLLIN, 0 };
        for (unsigned i = 0; i < CALLERS; i++)
            fd[2 + i] = (struct pollfd){ r->caller[i].fd, POLLIN, 0 };
        if (poll(fd, 2 + CALLERS, 100) <= 0) continue;
        if (fd[0].revents) accept_one(r, socket_fd[0]);
        if (fd[1].revents) take_datagram(r, socket_fd[1]);
        for (unsigned i = 0; i < CALLERS && !is_over(r, end); i++)
            if (r->caller[i].fd >= 0 && fd[2 + i].revents) take_octets(r, &r->caller[i]);
    }
}

/* -- command line -------------------------------------------------------------------------- */

static int open_line(struct request *r, struct channel *ch, struct trouble *t)
{
    char host[PEER];
    if (r->device) return channel_serial(ch, r->device, r->baud, false, t);
    const char *colon = strrchr(r->line, ':');
    size_t n = colon ? (size_t)(colon - r->line) : 0;
    if (!n || n >= sizeof host)
        return trouble(t, E_RANGE, "--connect wants ADDR:PORT, not '%s'", r->line);
    memcpy(host, r->line, n);
    host[n] = 0;
    return channel_tcp(ch, host, (unsigned)strtoul(colon + 1, NULL, 10), 10000, t);
}

static int work(struct request *r, struct trouble *t)
{
    int fd[2] = { -1, -1 }, e = connect_keys(&r->connect, &r->keys, t);
    struct channel ch = { .fd = -1 };
    bool is_line = r->device || r->line;
    if (e == 0)
        counter_init(&r->counter, &r->keys.global, r->keys.client_title, !r->connect.no_state);
    if (e == 0 && is_line) {
        e = open_line(r, &ch, t);
        r->caller[0] = (struct caller){ .fd = ch.fd, .serial = true };
        snprintf(r->caller[0].name, PEER, "%.60s", r->device ? r->device : r->line);
    } else if (e == 0) {
        fd[0] = open_socket(r, SOCK_STREAM, t);
        if (fd[0] >= 0) fd[1] = open_socket(r, SOCK_DGRAM, t);
        e = fd[0] < 0 || fd[1] < 0 ? E_IO : 0;
    }
    if (e == 0 && !is_line && r->connect.json)
        json_line(json_pack("{s:b,s:i}", "ready", 1, "port", (int)r->port));
    else if (e == 0 && !is_line)
        say("listening on %s:%u", r->address, r->port);
    if (e == 0) serve(r, fd);
    for (unsigned i = 0; i < 2; i++)
        if (fd[i] >= 0) close(fd[i]);
    for (unsigned i = 0; i < CALLERS; i++)
        if (r->caller[i].fd >= 0) hang_up(&r->caller[i]);
    buf_free(&r->datagrams.blocks);
    protect_wipe(&r->keys);
    return e;
}

static long take_number(const char *text, long least, long most, const char *what,
                        struct argp_state *state)
{
    char *end;
    long v = strtol(text, &end, 10);
    if (*end || v < least || v > most)
        argp_error(state, "--%s is a number from %ld to %ld", what, least, most);
    return v;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct request *r = state->input;
    char *end;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &r->connect;
        return 0;
    case O_LISTEN:
        r->address = arg;
        return 0;
    case O_PORT:
        r->port = (unsigned)take_number(arg, 0, 65535, "port", state);
        return 0;
    case O_COUNT:
        r->count = take_number(arg, 1, INT32_MAX, "count", state);
        return 0;
    case O_FOR:
        r->seconds = strtod(arg, &end);
        if (*end || r->seconds <= 0) argp_error(state, "--for is a number of seconds");
        return 0;
    case O_DEVICE:
        r->device = arg;
        return 0;
    case O_BAUD:
        r->baud = (unsigned)take_number(arg, 300, 115200, "baud", state);
        return 0;
    case O_CONNECT:
        r->line = arg;
        return 0;
    case O_QUIET:
        r->mute = true;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "'%s': there are no arguments", arg);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int listen_main(int argc, char **argv)
{
    static const struct argp_child children[] = { { &connect_keys_argp, 0, NULL, 0 }, { 0 } };
    static const struct argp argp = { options, parse, NULL, doc, children, NULL, NULL };
    struct request r = { .address = "127.0.0.1", .port = PORT, .baud = 9600 };
    struct trouble t = { 0 };
    for (unsigned i = 0; i < CALLERS; i++) r.caller[i].fd = -1;
    connect_defaults(&r.connect);
    argp_parse(&argp, argc, argv, 0, NULL, &r);
    int e = work(&r, &t);
    if (e < 0) return say_fail(connect_exit(e), "%s", t.text);
    return r.broken ? EXIT_REFUSED : EXIT_DONE;
}
