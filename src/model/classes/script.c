/* script.c - classes 9 and 22: what can be ordered by number, and when the meter orders it
 * itself. Scripts are const: what they do is a row of meter/commands.def. */
#include "base/err.h"
#include "meter/tou/single.h"
#include "model/classes.h"

#include <string.h>

static const struct script_table *table_of(const struct cosem_at *at)
{
    return at->row->bind.ext;
}

/* One that may be written orders its scripts anew, and leaves out some: the number of each among
 * the product's. How many there are. */
static unsigned numbers_of(struct meter *m, const struct script_table *t,
                           uint8_t number[SCRIPTS_MAX])
{
    int n = t->param ? param_read(m, t->param, number, SCRIPTS_MAX) : 0;
    for (unsigned i = 0; n <= 0 && i < SCRIPTS_MAX; i++) number[i] = (uint8_t)i;
    return n > 0 ? (unsigned)n : t->n;
}

const struct script *model_script(struct meter *m, const struct script_table *t, unsigned n)
{
    uint8_t number[SCRIPTS_MAX];
    bool there = n >= 1 && n <= numbers_of(m, t, number);
    return there ? &t->script[number[n - 1]] : NULL;
}

/* What a script does, as it is sent. */
struct action {
    uint16_t class_id;
    struct obis ln;
    uint8_t service;
    int8_t index;
    AXDR_STRING(5) name; /* parameter; a product's of none at all is sent as integer 0 */
};
static const struct axdr_field action_field[] = {
    AXDR_NESTED(5),
    AXDR_ENUM_TO(UINT8_MAX, struct action, service),
    AXDR_FIELD(U16, struct action, class_id),
    AXDR_FIELD(OBIS, struct action, ln),
    AXDR_FIELD(I8, struct action, index),
    AXDR_FIELD(STRING, struct action, name),
};

_Static_assert(sizeof(struct action) == 16, "compared as a whole: no padding");

static struct action make_action(const struct script *s)
{
    struct action x = { .class_id = s->class_id,
                        .ln = cosem_obis(&s->ln),
                        .service = s->service,
                        .index = s->index };
    if (s->name) x.name.len = (uint8_t)strlen(s->name);
    if (s->name) memcpy(x.name.at, s->name, x.name.len);
    return x;
}

static void emit_action(struct axdr_out *o, const struct script *s, uint8_t k)
{
    struct action x = make_action(s);
    x.ln.e = (uint8_t)(x.ln.e + k);
    axdr_emit_fields(o, action_field, COUNT(action_field) - !s->name, &x);
    if (!s->name) axdr_emit_i8(o, 0);
}

static enum dar get_scripts(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    const struct script_table *t = table_of(at);
    uint8_t number[SCRIPTS_MAX];
    unsigned n = numbers_of(meter_of(app), t, number);
    axdr_emit_array(o, n);
    for (unsigned i = 0; i < n; i++) {
        const struct script *s = &t->script[number[i]];
        axdr_emit_struct(o, 2);
        axdr_emit_u16(o, (uint16_t)(i + 1));
        axdr_emit_array(o, t->objects);
        for (uint8_t k = 0; k < t->objects; k++) emit_action(o, s, k);
    }
    return DAR_OK;
}

/* The number of the product's script that does this; n where none does. */
static unsigned read_action(struct axdr_in *in, const struct script_table *t)
{
    struct action x = { .class_id = 0 };
    unsigned i = 0;
    if (axdr_read_fields(in, action_field, COUNT(action_field), &x)) return t->n;
    for (; i < t->n; i++) {
        struct action its = make_action(&t->script[i]);
        if (!memcmp(&its, &x, sizeof x)) break;
    }
    return i;
}

/* Numbered from 1, each doing one thing that the product's own do. */
static enum dar set_scripts(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    const struct script_table *t = table_of(at);
    uint8_t number[SCRIPTS_MAX], was[SCRIPTS_MAX];
    bool good = true;
    uint32_t n = axdr_read_head(in, AXDR_ARRAY);
    if (!in->bad && (n == 0 || n > SCRIPTS_MAX)) return DAR_OTHER;
    for (unsigned i = 0; i < n && !in->bad; i++) {
        axdr_read_struct(in, 2);
        good &= axdr_read_u16(in) == i + 1 && axdr_read_head(in, AXDR_ARRAY) == 1;
        number[i] = (uint8_t)read_action(in, t);
        good &= number[i] < t->n;
    }
    if (in->bad) return DAR_TYPE;
    if (!good) return DAR_OTHER;
    if (n == numbers_of(meter_of(app), t, was) && !memcmp(was, number, n)) return DAR_OK;
    return param_write(meter_of(app), at->who, t->param, number, n);
}

/* An order that is not taken now (lock-out of billing) may be taken later. */
enum dar model_order(struct meter *m, const struct who *who, uint16_t command, int32_t arg)
{
    int err = command_do(m, who, command, arg);
    return err == E_DENIED ? DAR_TEMPORARY : err;
}

static enum dar call_execute(void *app, const struct cosem_at *at, struct axdr_in *arg,
                             struct cosem_ret *ret)
{
    const struct script_table *t = table_of(at);
    uint16_t n = axdr_read_u16(arg);
    (void)ret;
    if (arg->bad) return DAR_TYPE;
    const struct script *s = model_script(meter_of(app), t, n);
    return s ? model_order(meter_of(app), at->who, s->command, s->arg) : DAR_OTHER;
}

const struct cosem_attr script_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_scripts },
};
const struct cosem_attr script_table_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_scripts, .set = set_scripts },
};
const struct cosem_method script_method[] = { [COSEM_METHOD(1)] = { .call = call_execute } };

/* -- class 22 ------------------------------------------------------------------------------ */
static const struct schedule *schedule_of(const struct cosem_at *at)
{
    return at->row->bind.ext;
}

static enum dar get_script(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app;
    return emit_script(o, &schedule_of(at)->script, schedule_of(at)->selector);
}

static enum dar get_type(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app, (void)at;
    axdr_emit_enum(o, 1); /* one entry, wildcards in its date */
    return DAR_OK;
}

/* A moment: {time, date}. */
static const struct axdr_field moment_field[] = {
    AXDR_NESTED(2),
    { .kind = AXDR_K_TIME },
    { .kind = AXDR_K_DATE, .at = 4 },
};
static const struct row_shape moments = { moment_field, COUNT(moment_field), SCHEDULE_TIME,
                                          SINGLE_ENTRIES };
_Static_assert((int)SCHEDULE_TIME == (int)SINGLE_TIME, "a moment is a moment");

static enum dar get_times(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    const struct schedule *s = schedule_of(at);
    uint8_t when[SCHEDULE_TIME];
    s->get(meter_of(app), s->which, when);
    return emit_rows(o, &moments, when, 1);
}

static enum dar set_times(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    uint8_t when[SINGLE_ENTRIES][SCHEDULE_TIME];
    const struct schedule *s = schedule_of(at);
    int n = read_rows(in, &moments, when);
    if (n < 0) return n;
    return n == 1 ? s->set(meter_of(app), at->who, s->which, when[0]) : DAR_OTHER;
}

const struct cosem_attr schedule_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_script },
    [COSEM_ATTR(3)] = { .get = get_type },
    [COSEM_ATTR(4)] = { .get = get_times, .set = set_times },
};

/* -- class 22 that may be written whole: its script and its type as well ------------------- */
static enum single_id single_of(const struct cosem_at *at)
{
    return (enum single_id)((const struct single_view *)at->row->bind.ext)->id;
}

static struct single_action action_of(void *app, const struct cosem_at *at)
{
    struct single_action x;
    single_get(meter_of(app), single_of(at), &x);
    return x;
}

static enum dar set_action(void *app, const struct cosem_at *at, const struct single_action *x)
{
    return single_set(meter_of(app), at->who, single_of(at), x);
}

static const struct obis *table_name(const struct cosem_at *at)
{
    return &((const struct single_view *)at->row->bind.ext)->script;
}

static enum dar get_single_script(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    return emit_script(o, table_name(at), action_of(app, at).selector);
}

static enum dar set_single_script(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    struct single_action x = action_of(app, at);
    struct obis ln;
    axdr_read_struct(in, 2);
    axdr_read_octets(in, &ln, sizeof ln);
    uint16_t selector = axdr_read_u16(in);
    if (in->bad) return DAR_TYPE;
    if (memcmp(&ln, table_name(at), sizeof ln) != 0 || selector > UINT8_MAX) return DAR_OTHER;
    x.selector = (uint8_t)selector;
    return set_action(app, at, &x);
}

static enum dar get_single_type(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    return axdr_emit_enum(o, action_of(app, at).type);
}

static enum dar set_single_type(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    struct single_action x = action_of(app, at);
    x.type = axdr_read_enum(in);
    return in->bad ? DAR_TYPE : set_action(app, at, &x);
}

static enum dar get_single_times(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct single_action x = action_of(app, at);
    return emit_rows(o, &moments, x.when, x.n);
}

static enum dar set_single_times(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    struct single_action x = action_of(app, at);
    int n = read_rows(in, &moments, x.when);
    if (n < 0) return n;
    x.n = (uint8_t)n;
    return set_action(app, at, &x);
}

const struct cosem_attr single_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_single_script, .set = set_single_script },
    [COSEM_ATTR(3)] = { .get = get_single_type, .set = set_single_type },
    [COSEM_ATTR(4)] = { .get = get_single_times, .set = set_single_times },
};
