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

/* One that may be written orders its scripts anew. How many there are. */
static unsigned count_of(const struct meter *m, const struct script_table *t)
{
    return t->n - (t->param ? (unsigned)param_get(m, t->param) >> SCRIPTS_OUT : 0);
}

const struct script *model_script(struct meter *m, const struct script_table *t, unsigned n)
{
    if (n < 1 || n > count_of(m, t)) return NULL;
    return &t->script[(t->param ? param_script(m, t->param, n) : n) - 1];
}

/* What a script does. */
static void emit_actions(struct axdr_out *o, const struct script_table *t,
                         const struct script *s)
{
    struct obis ln = cosem_obis(&s->ln);
    axdr_emit_array(o, t->objects);
    for (unsigned k = 0; k < t->objects; k++, ln.e++) {
        axdr_emit_struct(o, 5);
        axdr_emit_enum(o, s->service);
        axdr_emit_u16(o, s->class_id);
        axdr_emit_octets(o, &ln, 6);
        axdr_emit_i8(o, s->index);
        if (s->name)
            axdr_emit_octets(o, s->name, strlen(s->name));
        else
            axdr_emit_i8(o, 0);
    }
}

static enum dar get_scripts(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    const struct script_table *t = table_of(at);
    unsigned n = count_of(meter_of(app), t);
    axdr_emit_array(o, n);
    for (unsigned i = 1; i <= n; i++) {
        axdr_emit_struct(o, 2);
        axdr_emit_u16(o, (uint16_t)i);
        emit_actions(o, t, model_script(meter_of(app), t, i));
    }
    return DAR_OK;
}

/* The number of the product's script that does this, octet by octet; n where none does. */
static unsigned read_actions(struct axdr_in *in, const struct script_table *t)
{
    uint8_t body[64]; /* two actions with a name of five octets are 58 */
    unsigned i = 0;
    for (; i < t->n; i++) {
        struct axdr_out o = axdr_out(body, sizeof body);
        emit_actions(&o, t, &t->script[i]);
        if (in->n < o.len || memcmp(in->p, body, o.len) != 0) continue;
        axdr_read_view(in, o.len);
        break;
    }
    return i;
}

/* Numbered from 1, each doing what one of the product's own does. */
static enum dar set_scripts(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    const struct script_table *t = table_of(at);
    uint32_t n = axdr_read_head(in, AXDR_ARRAY), value = (t->n - n) << SCRIPTS_OUT;
    if (!in->bad && (n < t->least || n > t->n)) return DAR_OTHER;
    for (unsigned i = 0; i < n; i++) {
        axdr_read_struct(in, 2);
        bool numbered = axdr_read_u16(in) == i + 1;
        unsigned number = read_actions(in, t);
        if (in->bad) return DAR_TYPE;
        if (!numbered || number == t->n) return DAR_OTHER;
        value |= (number ^ i) << SCRIPT_BITS * i;
    }
    if (in->bad) return DAR_TYPE;
    return param_set(meter_of(app), at->who, t->param, (int32_t)value);
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
