/* action.c - `magno action`: methods of a meter's objects. */
#include <argp.h>
#include <string.h>

#include "base/err.h"
#include "tools/client/connect.h"
#include "tools/client/show.h"
#include "tools/commands.h"
#include "tools/common/say.h"
#include "tools/exit.h"

enum { O_NOTHING = 0x200, O_ACCESS, O_TYPED };

struct request {
    struct connect_options connect;
    struct target target;
    struct buf param;
    bool given, nothing, access, typed;
    int words;
};

static const struct argp_option options[] = {
    { NULL, 0, NULL, 0, "How it is called:", 1 },
    { "no-parameter", O_NOTHING, NULL, 0, "Send no parameter at all (integer:0 is usual)", 0 },
    { "access", O_ACCESS, NULL, 0, "By the ACCESS service", 0 },
    { "typed", O_TYPED, NULL, 0, "With --json: nested values with their types", 0 },
    { 0 },
};

static const char doc[] =
    "Call a method of a meter's object.\v"
    "METHOD is a number or a name (remote_disconnect, capture, adjust_to_minute); VALUE is its "
    "parameter as type:value, integer:0 when it is left out.\n\n"
    "Examples:\n"
    "  magno action relay:remote_disconnect\n"
    "  magno action relay:2\n"
    "  magno action clock:shift_time long:5\n"
    "  magno action 0-0:10.0.1:execute long-unsigned:1\n"
    "  magno action token:enter text:12345678901234567890";

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct request *r = state->input;
    struct trouble t;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &r->connect;
        return 0;
    case ARGP_KEY_ARG:
        if (r->words++ == 0) {
            if (names_parse(&r->target, arg, true, &t) < 0) argp_error(state, "%s", t.text);
            if (r->target.attr < 1)
                argp_error(state, "name the method: %s:1, or %s:NAME", arg, arg);
        } else {
            if (r->words > 2) argp_error(state, "one method at a time");
            if (value_parse(&r->param, arg, &t) < 0) argp_error(state, "%s", t.text);
            r->given = true;
        }
        return 0;
    case ARGP_KEY_END:
        if (r->words == 0) argp_error(state, "name an object and its method");
        if (!r->given && !r->nothing) buf_put(&r->param, (uint8_t[]){ AXDR_I8, 0 }, 2);
        return 0;
    case O_NOTHING:
        return r->nothing = true, 0;
    case O_ACCESS:
        return r->access = true, 0;
    case O_TYPED:
        return r->typed = true, 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int call(struct request *r, struct session *s, struct buf *ret, struct trouble *t)
{
    struct item it = { .kind = ITEM_ACTION, .target = r->target };
    if (!r->access) return session_action(s, &r->target, &r->param, ret, t);
    buf_put(&it.data, r->param.p, r->param.n);
    int e = session_access(s, &it, 1, false, t);
    if (e == 0) buf_put(ret, it.data.p, it.data.n);
    buf_free(&it.data);
    return e < 0 ? e : it.result;
}

int action_main(int argc, char **argv)
{
    static const struct argp_child children[] = { { &connect_argp, 0, NULL, 0 }, { 0 } };
    static const struct argp argp = { options, parse, "OBJECT:METHOD [VALUE]", doc, children,
                                      NULL,    NULL };
    struct request r = { 0 };
    struct connection c;
    struct trouble t;
    struct buf ret = { 0 };
    connect_defaults(&r.connect);
    if (argp_parse(&argp, argc, argv, 0, NULL, &r)) return EXIT_USAGE;
    int code = connect_open(&c, &r.connect);
    if (code) return code;
    int e = call(&r, &c.session, &ret, &t);
    if (e < 0)
        code = say_fail(connect_exit(e), "%s", t.text);
    else if (e == 0 && ret.n)
        show_value(&r.target, true, buf_in(&ret), (struct scale){ 0 }, r.connect.json, r.typed);
    else
        show_result(&r.target, true, e, r.connect.json);
    connect_close(&c);
    buf_free(&ret);
    buf_free(&r.param);
    return code ? code : e ? EXIT_REFUSED : EXIT_DONE;
}
