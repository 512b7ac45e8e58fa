/* read.c - `magno read`: objects, profiles and lists of a meter. */
#include <argp.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "tools/client/connect.h"
#include "tools/client/objects.h"
#include "tools/client/profile_show.h"
#include "tools/client/show.h"
#include "tools/commands.h"
#include "tools/common/json.h"
#include "tools/common/say.h"
#include "tools/common/when.h"
#include "tools/exit.h"

enum { TARGETS_MAX = 512, COLUMNS_MAX = 256, BATCH = 16, NAME_WIDTH = 46 };
enum {
    O_FROM = 0x200,
    O_TO,
    O_FIRST,
    O_COUNT,
    O_LAST,
    O_COLUMNS,
    O_LIST,
    O_ALL,
    O_CSV,
    O_TYPED,
    O_ACCESS
};

struct request {
    struct connect_options connect;
    struct target target[TARGETS_MAX];
    bool guessed[TARGETS_MAX]; /* its class is that which such objects usually have */
    size_t targets;
    bool has_from, has_to, list, all, csv, typed, access;
    utc_t from, to;
    long first, count, last; /* 0: not given */
    struct target column[COLUMNS_MAX];
    size_t columns;
    bool refused;         /* the meter said no to something */
    struct objects known; /* the object list, once it was needed */
};

static const struct argp_option options[] = {
    { NULL, 0, NULL, 0, "What is read:", 1 },
    { "list", O_LIST, NULL, 0, "The object list: what there is and who may do what", 0 },
    { "all", O_ALL, NULL, 0, "Every attribute that may be read", 0 },
    { "from", O_FROM, "TIME", 0, "Profile rows from this time on", 0 },
    { "to", O_TO, "TIME", 0, "Profile rows up to this time, itself included", 0 },
    { "first", O_FIRST, "N", 0, "Profile rows from this number on, from 1", 0 },
    { "count", O_COUNT, "N", 0, "So many profile rows", 0 },
    { "last", O_LAST, "N", 0, "The last N profile rows", 0 },
    { "columns", O_COLUMNS, "LIST", 0, "Only these columns: objects, separated by commas", 0 },
    { "access", O_ACCESS, NULL, 0, "By the ACCESS service, by GET what is too long for it", 0 },
    { "csv", O_CSV, NULL, 0, "Profiles as CSV", 0 },
    { "typed", O_TYPED, NULL, 0, "With --json: nested values with their types", 0 },
    { 0 },
};

static const char doc[] =
    "Read objects of a meter: registers, the clock, profiles, its object list.\v"
    "An OBJECT is a logical name (1-0:1.8.0, 1.0.1.8.0.255) or a common name (energy, clock, "
    "profile, voltage, events); :ATTR chooses an attribute by number or name, otherwise it is "
    "the "
    "value (attribute 2). CLASS/ before it says the class where it cannot be known.\n\n"
    "Examples:\n"
    "  magno read energy                               the meter on this machine\n"
    "  magno read 1-0:1.8.0 1-0:2.8.0 clock --json\n"
    "  magno read profile --from -2d --csv\n"
    "  magno read --host 10.0.0.7 --client 32 --password 12345678 energy voltage\n"
    "  magno read --hdlc --mode-e --device /dev/ttyUSB0 --client 32 --password 12345678 "
    "energy\n"
    "  magno read --list\n\n"
    "Without keys and passwords, a meter on this machine is read as client 1 with the "
    "development "
    "keys, any other one as the public client. Keys may stand in MAGNO_EK, MAGNO_AK and "
    "MAGNO_PASSWORD instead.";

/* -- command line ----------------------------------------------------------------------- */

static void add_target(struct request *r, const char *text, struct argp_state *state)
{
    struct trouble t;
    if (r->targets == TARGETS_MAX) argp_error(state, "more than %d objects", TARGETS_MAX);
    struct target *o = &r->target[r->targets];
    r->guessed[r->targets++] = !strchr(text, '/');
    if (names_parse(o, text, false, &t) < 0) argp_error(state, "%s", t.text);
    if (!strchr(text, ':') || o->attr == 0) o->attr = 2;
}

static void add_columns(struct request *r, char *text, struct argp_state *state)
{
    struct trouble t;
    char *rest = NULL;
    for (char *p = strtok_r(text, ",", &rest); p; p = strtok_r(NULL, ",", &rest)) {
        if (r->columns == COLUMNS_MAX) argp_error(state, "more than %d columns", COLUMNS_MAX);
        if (names_parse(&r->column[r->columns++], p, false, &t) < 0)
            argp_error(state, "%s", t.text);
    }
}

static utc_t take_time(const char *text, struct argp_state *state)
{
    utc_t t = { 0 };
    if (when_parse(&t, text, when_now()) < 0)
        argp_error(state, "'%s' is not a time; %s", text, when_forms);
    return t;
}

static long take_number(const char *text, struct argp_state *state)
{
    char *end;
    long v = strtol(text, &end, 10);
    if (*end || v < 1 || v > INT32_MAX)
        argp_error(state, "'%s' is not a number from 1 on", text);
    return v;
}

static void check(const struct request *r, struct argp_state *state)
{
    bool by_time = r->has_from || r->has_to, by_number = r->first || r->count || r->last;
    if (!r->targets && !r->list && !r->all)
        argp_error(state, "name an object (energy, 1-0:1.8.0), or use --list or --all");
    if (by_time && by_number)
        argp_error(state, "rows are chosen by time or by number, not by both");
    if (r->last && (r->first || r->count)) argp_error(state, "--last stands alone");
    if (r->csv && r->connect.json) argp_error(state, "--csv and --json exclude each other");
    if (r->has_from && r->has_to && r->to.s < r->from.s)
        argp_error(state, "--to is before --from");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct request *r = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &r->connect;
        break;
    case ARGP_KEY_ARG:
        add_target(r, arg, state);
        break;
    case ARGP_KEY_END:
        check(r, state);
        break;
    case O_FROM:
        r->from = take_time(arg, state), r->has_from = true;
        break;
    case O_TO:
        r->to = take_time(arg, state), r->has_to = true;
        break;
    case O_FIRST:
        r->first = take_number(arg, state);
        break;
    case O_COUNT:
        r->count = take_number(arg, state);
        break;
    case O_LAST:
        r->last = take_number(arg, state);
        break;
    case O_COLUMNS:
        add_columns(r, arg, state);
        break;
    case O_LIST:
        r->list = true;
        break;
    case O_ALL:
        r->all = true;
        break;
    case O_CSV:
        r->csv = true;
        break;
    case O_TYPED:
        r->typed = true;
        break;
    case O_ACCESS:
        r->access = true;
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

/* -- plain attributes ------------------------------------------------------------------- */

static void refuse(struct request *r, const struct target *o, int dar)
{
    r->refused = true;
    show_result(o, false, dar, r->connect.json);
}

/* Where the scaler of this attribute stands, or 0. */
static int8_t scaler_of(const struct target *o)
{
    bool value = o->attr == 2 || (o->class_id == 5 && o->attr == 3);
    if (!value) return 0;
    return o->class_id == 3 || o->class_id == 4 ? 3 : o->class_id == 5 ? 4 : 0;
}

static int fetch(struct request *r, struct session *s, struct item *items, size_t n,
                 struct trouble *t)
{
    if (r->access) {
        for (size_t i = 0; i < n; i++) items[i].kind = ITEM_GET;
        int e = session_access(s, items, n, false, t);
        if (e != E_SPACE) return e;
    }
    return session_get_list(s, items, n, t);
}

static int read_batch(struct request *r, struct session *s, const struct target *o, size_t n,
                      struct trouble *t);

static bool is_guessed(const struct request *r, const struct target *o)
{
    return o >= r->target && o < r->target + r->targets && r->guessed[o - r->target];
}

/* The usual class was the wrong one for this meter: its list knows. 1: nor does it. */
static int read_as_listed(struct request *r, struct session *s, const struct target *o,
                          struct trouble *t)
{
    struct target other = *o;
    int e = r->known.n ? 0 : objects_read(&r->known, s, t);
    const struct object_entry *x = e == 0 ? objects_find(&r->known, o->ln, 0) : NULL;
    if (e < 0 || !x || x->class_id == o->class_id) return e < 0 ? e : 1;
    other.class_id = x->class_id;
    return read_batch(r, s, &other, 1, t);
}

static int show_item(struct request *r, struct session *s, const struct target *o,
                     const struct item *value, const struct item *scaler, struct trouble *t)
{
    struct scale scale = { 0 };
    int e = value->result == DAR_CLASS && is_guessed(r, o) ? read_as_listed(r, s, o, t) : 1;
    if (e != 1) return e;
    if (scaler && scaler->result == 0)
        scale.known = value_scaler_unit(buf_in(&scaler->data), &scale.scaler, &scale.unit) == 0;
    if (value->result)
        refuse(r, o, value->result);
    else
        show_value(o, false, buf_in(&value->data), scale, r->connect.json, r->typed);
    return 0;
}

/* Up to BATCH attributes with their scalers, in one request. */
static int read_batch(struct request *r, struct session *s, const struct target *o, size_t n,
                      struct trouble *t)
{
    struct item items[2 * BATCH] = { 0 };
    size_t at[BATCH], k = n;
    for (size_t i = 0; i < n; i++) {
        items[i].target = o[i];
        at[i] = 0;
        if (!scaler_of(&o[i])) continue;
        at[i] = k;
        items[k].target = o[i];
        items[k++].target.attr = scaler_of(&o[i]);
    }
    int e = fetch(r, s, items, k, t);
    for (size_t i = 0; i < n && e == 0; i++)
        e = show_item(r, s, &o[i], &items[i], at[i] ? &items[at[i]] : NULL, t);
    for (size_t i = 0; i < k; i++) buf_free(&items[i].data);
    return e;
}

/* -- profiles --------------------------------------------------------------------------- */

static void choose_rows(const struct request *r, const struct profile *p, struct selection *sel)
{
    uint8_t from[12], to[12];
    static const uint8_t any[12] = { 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                     0xFF, 0xFF, 0xFF, 0x80, 0,    0xFF };
    memcpy(from, any, sizeof any);
    memcpy(to, any, sizeof any);
    if (r->has_from) value_put_utc(from, r->from);
    if (r->has_to) value_put_utc(to, r->to);
    if (r->has_from || r->has_to) selection_range(sel, from, to);
    uint32_t first = r->first ? (uint32_t)r->first : 1;
    if (r->last)
        first = p->entries > (uint32_t)r->last ? p->entries - (uint32_t)r->last + 1 : 1;
    if (r->first || r->count || r->last)
        selection_entry(sel, first, r->count ? first + (uint32_t)r->count - 1 : 0, 1, 0);
}

static int choose_columns(const struct request *r, struct profile *p, struct selection *sel,
                          struct trouble *t)
{
    size_t chosen[COLUMNS_MAX], n = 0;
    char text[NAMES_OBIS_TEXT];
    bool *wanted = must_alloc(p->columns + 1);
    int e = 0;
    for (size_t k = 0; k < r->columns && e == 0; k++) {
        bool found = false;
        for (size_t i = 0; i < p->columns; i++) {
            const struct target *c = &p->column[i].target;
            bool same_attr = r->column[k].attr == 0 || r->column[k].attr == c->attr;
            if (memcmp(&c->ln, &r->column[k].ln, sizeof c->ln) || !same_attr) continue;
            wanted[i] = found = true;
        }
        if (!found)
            e = trouble(t, E_NONE, "the profile has no column %s",
                        names_obis(text, r->column[k].ln));
    }
    for (size_t i = 0; i < p->columns && n < COLUMNS_MAX; i++)
        if (wanted[i]) chosen[n++] = i;
    free(wanted);
    if (e == 0 && n) profile_select(p, sel, chosen, n);
    return e;
}

static int read_profile(struct request *r, struct connection *c, const struct target *o,
                        struct trouble *t)
{
    struct profile p;
    struct selection sel = { 0 };
    int e = profile_open(&p, &c->session, o, t);
    if (e == 0) {
        choose_rows(r, &p, &sel);
        if (r->columns) e = choose_columns(r, &p, &sel, t);
    }
    connect_progress(c, "octets");
    if (e == 0) e = profile_fetch(&p, &c->session, &sel, t);
    connect_progress(c, NULL);
    if (e == 0)
        e = profile_show(&p,
                         r->csv            ? PROFILE_CSV
                         : r->connect.json ? PROFILE_JSON
                                           : PROFILE_TABLE,
                         r->typed, t);
    if (e > 0) refuse(r, o, e);
    profile_free(&p);
    buf_free(&sel.arg);
    if (e == E_FORMAT) { /* this one is broken; the others may not be */
        say("%s", t->text);
        r->refused = true;
    }
    return e < 0 && e != E_FORMAT ? e : 0;
}

/* -- lists ------------------------------------------------------------------------------ */

static void show_list(const struct request *r, const struct objects *list)
{
    char text[NAMES_OBIS_TEXT], name[NAMES_TEXT];
    uint16_t usual;
    for (size_t i = 0; i < list->n; i++) {
        const struct object_entry *e = &list->entry[i];
        struct buf rights = { 0 };
        if (r->connect.json) {
            json_line(objects_json(list, e));
            continue;
        }
        objects_rights(&rights, list, e);
        printf("%5u v%-2u %-18s %-*.*s %.*s\n", e->class_id, e->version,
               names_obis(text, e->ln), NAME_WIDTH, NAME_WIDTH,
               names_object(name, e->ln, &usual), (int)rights.n, (char *)rights.p);
        buf_free(&rights);
    }
}

static bool is_profile(const struct target *o)
{
    return o->class_id == 7 && o->attr == 2;
}

/* In the order asked for; runs of plain attributes go together. */
static int read_targets(struct request *r, struct connection *c, const struct target *o,
                        size_t n, struct trouble *t)
{
    int e = 0;
    for (size_t i = 0; i < n && e == 0;) {
        size_t k = 0;
        while (i + k < n && k < BATCH && !is_profile(&o[i + k])) k++;
        if (k)
            e = read_batch(r, &c->session, o + i, k, t);
        else
            e = read_profile(r, c, o + i, t);
        i += k ? k : 1;
    }
    return e;
}

static int read_all(struct request *r, struct connection *c, const struct objects *list,
                    struct trouble *t)
{
    struct progress p;
    int e = 0;
    progress_start(&p, "objects", list->n);
    for (size_t i = 0; i < list->n && e == 0; i++) {
        const struct object_entry *x = &list->entry[i];
        struct target o[OBJECTS_ATTRS_MAX];
        size_t n = 0;
        for (int k = 0; k < x->n_attrs; k++)
            if (objects_may(list, x->attr[k].mode) & ACCESS_READ)
                o[n++] = (struct target){ x->class_id, x->ln, x->attr[k].id };
        e = read_targets(r, c, o, n, t);
        progress_set(&p, i);
    }
    progress_end(&p);
    return e;
}

/* The classes of those objects whose number says nothing. */
static int find_classes(struct request *r, const struct objects *list, struct trouble *t)
{
    char text[NAMES_OBIS_TEXT];
    for (size_t i = 0; i < r->targets; i++) {
        if (r->target[i].class_id) continue;
        const struct object_entry *e = objects_find(list, r->target[i].ln, 0);
        if (!e)
            return trouble(
                t, E_NONE,
                "this client sees no object %s; `magno read --list` shows what there is",
                names_obis(text, r->target[i].ln));
        r->target[i].class_id = e->class_id;
    }
    return 0;
}

static bool needs_list(const struct request *r)
{
    for (size_t i = 0; i < r->targets; i++)
        if (r->target[i].class_id == 0) return true;
    return r->list || r->all;
}

static int work(struct request *r, struct connection *c, struct trouble *t)
{
    struct objects *list = &r->known;
    int e = needs_list(r) ? objects_read(list, &c->session, t) : 0;
    if (e > 0)
        e = trouble(t, E_DENIED, "the object list cannot be read: %s", names_dar((unsigned)e));
    if (e == 0) e = find_classes(r, list, t);
    if (e == 0 && r->list) show_list(r, list);
    if (e == 0) e = read_targets(r, c, r->target, r->targets, t);
    if (e == 0 && r->all) e = read_all(r, c, list, t);
    objects_free(list);
    return e;
}

int read_main(int argc, char **argv)
{
    static const struct argp_child children[] = { { &connect_argp, 0, NULL, 0 }, { 0 } };
    static const struct argp argp = { options, parse, "[OBJECT[:ATTR]...]", doc, children,
                                      NULL,    NULL };
    static struct request r;
    struct connection c;
    struct trouble t;
    connect_defaults(&r.connect);
    if (argp_parse(&argp, argc, argv, 0, NULL, &r)) return EXIT_USAGE;
    int code = connect_open(&c, &r.connect);
    if (code) return code;
    int e = work(&r, &c, &t);
    if (e < 0) code = say_fail(connect_exit(e), "%s", t.text);
    connect_close(&c);
    return code ? code : r.refused ? EXIT_REFUSED : EXIT_DONE;
}
