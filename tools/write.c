/* write.c - `magno write`: attributes of a meter. */
#include <argp.h>
#include <string.h>

#include "base/err.h"
#include "tools/client/connect.h"
#include "tools/client/show.h"
#include "tools/commands.h"
#include "tools/common/say.h"
#include "tools/exit.h"

enum { O_WITH_LIST = 0x200, O_ACCESS, PAIRS_MAX = 64 };

struct request {
    struct connect_options connect;
    struct item item[PAIRS_MAX];
    const char *text[PAIRS_MAX]; /* as it was written */
    size_t words;
    bool with_list, access;
};

static const struct argp_option options[] = {
    { NULL, 0, NULL, 0, "How it is written:", 1 },
    { "with-list", O_WITH_LIST, NULL, 0, "All in one request", 0 },
    { "access", O_ACCESS, NULL, 0, "By the ACCESS service", 0 },
    { 0 },
};

static const char doc[] =
    "Write attributes of a meter's objects.\v"
    "VALUE is type:value (unsigned:5, long-unsigned:900, octet-string:0A0B, text:hello, "
    "dt:2026-01-01T00:00:00Z, boolean:true, enum:1, obis:1-0:1.8.0, array(...), "
    "structure(...), "
    "hex: for encoded octets), or a bare value, which is written with the type that the "
    "attribute "
    "has now. Without :ATTR it is attribute 2.\n\n"
    "Examples:\n"
    "  magno write 0-0:96.1.1 'text:Pole 7, Mill Lane'\n"
    "  magno write clock now\n"
    "  magno write 1-0:99.1.0:capture_period 900\n"
    "  magno write 0-0:17.0.0:threshold_normal double-long-unsigned:5000";

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct request *r = state->input;
    struct trouble t;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &r->connect;
        return 0;
    case ARGP_KEY_ARG:
        if (r->words == 2 * PAIRS_MAX) argp_error(state, "more than %d attributes", PAIRS_MAX);
        struct item *it = &r->item[r->words / 2];
        if (r->words++ % 2) return r->text[r->words / 2 - 1] = arg, 0;
        if (names_parse(&it->target, arg, false, &t) < 0) argp_error(state, "%s", t.text);
        if (it->target.attr == 0) it->target.attr = 2;
        it->kind = ITEM_SET;
        return 0;
    case ARGP_KEY_END:
        if (r->words == 0 || r->words % 2)
            argp_error(state, "give an object and a value for each");
        return 0;
    case O_WITH_LIST:
        return r->with_list = true, 0;
    case O_ACCESS:
        return r->access = true, 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* Is a type written in front? Then it is complete; otherwise the attribute is asked for its. */
static int make_value(struct session *s, struct item *it, const char *text, struct trouble *t)
{
    struct buf now = { 0 };
    if (value_parse(&it->data, text, t) == 0) return 0;
    if (value_has_type(text)) return E_FORMAT;
    int e = session_get(s, &it->target, NULL, &now, t);
    if (e > 0)
        e = trouble(
            t, E_FORMAT,
            "'%s' has no type, and the attribute cannot be read for it (%s); write type:value",
            text, names_dar((unsigned)e));
    buf_clear(&it->data);
    if (e == 0) e = value_parse_like(&it->data, buf_in(&now), text, t);
    buf_free(&now);
    return e;
}

static int write_all(struct request *r, struct session *s, struct trouble *t)
{
    size_t n = r->words / 2;
    if (r->access) return session_access(s, r->item, n, false, t);
    if (r->with_list) return session_set_list(s, r->item, n, t);
    for (size_t i = 0; i < n; i++) {
        int e = session_set(s, &r->item[i].target, NULL, &r->item[i].data, t);
        if (e < 0) return e;
        r->item[i].result = e;
    }
    return 0;
}

static int work(struct request *r, struct session *s, bool *refused, struct trouble *t)
{
    size_t n = r->words / 2;
    int e = 0;
    for (size_t i = 0; i < n && e == 0; i++) e = make_value(s, &r->item[i], r->text[i], t);
    if (e == 0) e = write_all(r, s, t);
    for (size_t i = 0; i < n && e == 0; i++) {
        show_result(&r->item[i].target, false, r->item[i].result, r->connect.json);
        *refused |= r->item[i].result != 0;
    }
    for (size_t i = 0; i < n; i++) buf_free(&r->item[i].data);
    return e;
}

int write_main(int argc, char **argv)
{
    static const struct argp_child children[] = { { &connect_argp, 0, NULL, 0 }, { 0 } };
    static const struct argp argp = { options, parse, "OBJECT[:ATTR] VALUE...", doc, children,
                                      NULL,    NULL };
    static struct request r;
    struct connection c;
    struct trouble t;
    bool refused = false;
    connect_defaults(&r.connect);
    if (argp_parse(&argp, argc, argv, 0, NULL, &r)) return EXIT_USAGE;
    int code = connect_open(&c, &r.connect);
    if (code) return code;
    int e = work(&r, &c.session, &refused, &t);
    if (e < 0) code = say_fail(e == E_FORMAT ? EXIT_USAGE : connect_exit(e), "%s", t.text);
    connect_close(&c);
    return code ? code : refused ? EXIT_REFUSED : EXIT_DONE;
}
