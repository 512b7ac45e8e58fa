#include "dlms/cosem.h"

#include <string.h>

#include "base/err.h"
#include "base/sys.h"

enum { SLICE_ROWS = 16 }; /* elements staged in one step */

enum dar dar_of(int err)
{
    static const struct {
        int8_t err;
        uint8_t dar;
    } map[] = {
        { E_TYPE, DAR_TYPE },     { E_FORMAT, DAR_TYPE },    { E_RANGE, DAR_OTHER },
        { E_SPACE, DAR_OTHER },   { E_BUSY, DAR_TEMPORARY }, { E_STATE, DAR_TEMPORARY },
        { E_DENIED, DAR_DENIED }, { E_NONE, DAR_UNDEFINED }, { E_IO, DAR_HW },
        { E_CRC, DAR_HW },
    };
    if (err >= 0) return (enum dar)err;
    for (size_t i = 0; i < sizeof map / sizeof map[0]; i++)
        if (map[i].err == err) return map[i].dar;
    return DAR_OTHER;
}

/* -- columns ---------------------------------------------------------------------------- */

bool cols_has(const struct cols *c, unsigned i)
{
    return c->word[i / 64] >> (i % 64) & 1;
}

void cols_add(struct cols *c, unsigned from, unsigned to)
{
    ensure(to <= CFG_COLUMNS);
    for (unsigned i = from; i < to; i++) c->word[i / 64] |= UINT64_C(1) << (i % 64);
}

unsigned cols_count(const struct cols *c)
{
    unsigned n = 0;
    for (unsigned w = 0; w < CFG_COLUMNS / 64; w++)
        for (uint64_t v = c->word[w]; v; v &= v - 1) n++;
    return n;
}

/* -- rights: what the class can, cut down to what the policy grants --------------------- */

static const struct cosem_acl *acl_of(const struct cosem_model *m, const struct cosem_row *r)
{
    return &m->acl[r->acl];
}

static bool row_is_visible(const struct cosem_model *m, const struct cosem_row *r,
                           unsigned role)
{
    const struct cosem_acl *acl = acl_of(m, r);
    return (acl->read | acl->write | acl->act) >> role & 1;
}

static const struct cosem_limit *limit_of(const struct cosem_acl *acl, unsigned role)
{
    for (const struct cosem_limit *l = acl->only; l && l->roles; l++)
        if (l->roles >> role & 1) return l;
    return NULL;
}

static bool in_set(uint32_t ids, uint8_t id)
{
    return ids == 0 || (id < 32 && ids >> id & 1);
}

bool cosem_is_visible(const struct cosem_model *m, const struct cosem_at *at)
{
    return row_is_visible(m, at->row, at->who->assoc);
}

static const struct cosem_seq *seq_of(const struct cosem_attr *a)
{
    return a && !a->get ? a->seq : NULL;
}

enum dar cosem_hidden(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app, (void)at, (void)o;
    return DAR_DENIED;
}

unsigned cosem_rights(const struct cosem_model *m, const struct cosem_at *at)
{
    const struct cosem_acl *acl = acl_of(m, at->row);
    const struct cosem_attr *a = cosem_attr(at);
    if (!a) return 0;
    unsigned role = at->who->assoc, rights = 0;
    const struct cosem_limit *l = limit_of(acl, role);
    const struct cosem_seq *q = seq_of(a);
    bool get = q ? q->open != NULL : a->get != cosem_hidden;
    bool set = q ? q->begin != NULL : a->set != NULL;
    if (get && acl->read >> role & 1 && (!l || in_set(l->get, at->id))) rights |= CAN_READ;
    if (set && acl->write >> role & 1 && (!l || in_set(l->set, at->id))) rights |= CAN_WRITE;
    if (at->id == 1 && row_is_visible(m, at->row, role)) rights = CAN_READ;
    return rights;
}

bool cosem_may_call(const struct cosem_model *m, const struct cosem_at *at)
{
    const struct cosem_acl *acl = acl_of(m, at->row);
    unsigned role = at->who->assoc;
    const struct cosem_limit *l = limit_of(acl, role);
    return (acl->act >> role & 1) && (!l || in_set(l->act, at->id));
}

/* Has the request the protection that every right of this role asks? */
static bool is_protected(const struct cosem_model *m, const struct cosem_at *at)
{
    return !(m->demand[at->who->assoc] & PROT_REQ & ~at->prot);
}

/* -- finding ---------------------------------------------------------------------------- */

static const struct cosem_class *class_of(const struct cosem_model *m,
                                          const struct cosem_row *r)
{
    return &m->cls[r->cls];
}

static bool row_holds(const struct cosem_row *r, struct obis q)
{
    return r->c == q.c && r->d == q.d && (uint8_t)(q.e - r->e) < r->span && r->a == q.a &&
           r->b == q.b;
}

static void point(const struct cosem_model *m, const struct cosem_row *r, unsigned k,
                  struct cosem_at *at)
{
    at->row = r;
    at->cls = class_of(m, r);
    at->k = (uint8_t)k;
}

enum dar cosem_find(const struct cosem_model *m, uint16_t cls, struct obis q,
                    struct cosem_at *at)
{
    enum dar dar = DAR_UNDEFINED;
    if (q.f != 255) return dar;
    for (const struct cosem_group *const *g = m->group; g < m->group + m->n_group; g++)
        for (const struct cosem_row *r = (*g)->row; r < (*g)->row + (*g)->n; r++) {
            if (!row_holds(r, q) || !row_is_visible(m, r, at->who->assoc)) continue;
            dar = DAR_CLASS;
            if (class_of(m, r)->id != cls) continue;
            point(m, r, (uint8_t)(q.e - r->e), at);
            return DAR_OK;
        }
    return dar;
}

bool cosem_nth(const struct cosem_model *m, uint32_t i, struct cosem_at *at)
{
    for (const struct cosem_group *const *g = m->group; g < m->group + m->n_group; g++)
        for (const struct cosem_row *r = (*g)->row; r < (*g)->row + (*g)->n; i -= r->span, r++)
            if (i < r->span) {
                point(m, r, i, at);
                return true;
            }
    return false;
}

struct obis cosem_ln(const struct cosem_at *at)
{
    const struct cosem_row *r = at->row;
    return (struct obis){ r->a, r->b, r->c, r->d, (uint8_t)(r->e + at->k), 255 };
}

static enum dar get_name(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct obis ln = cosem_ln(at);
    (void)app;
    axdr_emit_octets(o, &ln, sizeof ln);
    return DAR_OK;
}

static const struct cosem_attr name_attr = { .get = get_name };

unsigned cosem_attrs(const struct cosem_class *c)
{
    return 1u + c->n_attr;
}

const struct cosem_attr *cosem_attr(const struct cosem_at *at)
{
    if (at->id == 1) return &name_attr;
    if (at->id < 1 || at->id > cosem_attrs(at->cls)) return NULL;
    return &at->cls->attr[COSEM_ATTR(at->id)];
}

const struct cosem_method *cosem_method(const struct cosem_at *at)
{
    if (at->id < 1 || at->id > at->cls->n_method) return NULL;
    const struct cosem_method *x = &at->cls->method[COSEM_METHOD(at->id)];
    return x->call ? x : NULL;
}

unsigned cosem_selectors(const struct cosem_at *at)
{
    const struct cosem_seq *q = seq_of(cosem_attr(at));
    return q ? q->selectors : 0;
}

static enum dar gate(const struct cosem_model *m, void *app, const struct cosem_at *at)
{
    return m->gate ? m->gate(app, at) : DAR_OK;
}

/* -- object_list ------------------------------------------------------------------------ */

/* Row number i of all rows; NULL beyond the last. */
static const struct cosem_row *row_at(const struct cosem_model *m, uint32_t i)
{
    for (const struct cosem_group *const *g = m->group; g < m->group + m->n_group;
         i -= (*g)->n, g++)
        if (i < (*g)->n) return &(*g)->row[i];
    return NULL;
}

uint32_t cosem_list_count(const struct cosem_model *m, const struct cosem_at *at, int32_t cls)
{
    uint32_t n = 0;
    for (const struct cosem_group *const *g = m->group; g < m->group + m->n_group; g++)
        for (const struct cosem_row *r = (*g)->row; r < (*g)->row + (*g)->n; r++)
            if (row_is_visible(m, r, at->who->assoc) && (cls < 0 || class_of(m, r)->id == cls))
                n += r->span;
    return n;
}

static void emit_attribute(const struct cosem_model *m, const struct cosem_at *at,
                           struct axdr_out *o)
{
    unsigned mode = cosem_rights(m, at), selectors = cosem_selectors(at), n = 0;
    if (mode) mode |= m->demand[at->who->assoc];
    axdr_emit_struct(o, 3);
    axdr_emit_i8(o, (int8_t)at->id);
    axdr_emit_enum(o, (uint8_t)mode);
    if (!selectors) {
        axdr_emit_null(o);
        return;
    }
    for (unsigned b = 1; b < 8; b++) n += selectors >> b & 1;
    axdr_emit_array(o, n);
    for (unsigned b = 1; b < 8; b++)
        if (selectors >> b & 1) axdr_emit_i8(o, (int8_t)b);
}

static void emit_rights(const struct cosem_model *m, const struct cosem_at *at,
                        struct axdr_out *o)
{
    struct cosem_at it = *at;
    unsigned methods = 0;
    axdr_emit_struct(o, 2);
    axdr_emit_array(o, cosem_attrs(it.cls));
    for (it.id = 1; it.id <= cosem_attrs(it.cls); it.id++) emit_attribute(m, &it, o);
    for (it.id = 1; it.id <= it.cls->n_method; it.id++) methods += cosem_method(&it) != NULL;
    axdr_emit_array(o, methods);
    for (it.id = 1; it.id <= it.cls->n_method; it.id++) {
        if (!cosem_method(&it)) continue;
        axdr_emit_struct(o, 2);
        axdr_emit_i8(o, (int8_t)it.id);
        axdr_emit_enum(o, cosem_may_call(m, &it) ? (uint8_t)(1 | m->demand[it.who->assoc]) : 0);
    }
}

static bool is_picked(const struct cosem_pick *pick, uint16_t cls)
{
    if (!pick) return true;
    for (unsigned i = 0; i < pick->n; i++)
        if (pick->cls[i] == cls) return true;
    return false;
}

/* All members of a row are visible or none: so a place is a row, and how many came before it,
 * kept in work[0] and work[1] from one element to the next. */
static bool list_seek(const struct cosem_model *m, struct cosem_at *at, uint32_t i,
                      const struct cosem_pick *pick, struct span *s)
{
    const struct cosem_row *r;
    if (i < s->work[1]) s->work[0] = s->work[1] = 0;
    for (; (r = row_at(m, s->work[0])) != NULL; s->work[0]++) {
        if (!row_is_visible(m, r, at->who->assoc) || !is_picked(pick, class_of(m, r)->id))
            continue;
        if (i - s->work[1] < r->span) {
            point(m, r, i - s->work[1], at);
            return true;
        }
        s->work[1] += r->span;
    }
    return false;
}

void cosem_list_emit_one(const struct cosem_model *m, const struct cosem_at *at, bool rights,
                         struct axdr_out *o)
{
    struct obis ln = cosem_ln(at);
    axdr_emit_struct(o, 4);
    axdr_emit_u16(o, at->cls->id);
    axdr_emit_u8(o, at->cls->version);
    axdr_emit_octets(o, &ln, sizeof ln);
    if (rights)
        emit_rights(m, at, o);
    else
        axdr_emit_null(o);
}

enum dar cosem_list_emit(const struct cosem_model *m, const struct cosem_at *at, uint32_t i,
                         const struct cosem_pick *pick, bool rights, struct span *s,
                         struct axdr_out *o)
{
    struct cosem_at it = *at;
    if (!list_seek(m, &it, i, pick, s)) return DAR_BLOCK;
    cosem_list_emit_one(m, &it, rights, o);
    return DAR_OK;
}

/* -- GET: a span that can be resumed ---------------------------------------------------- */

enum dar cosem_get_begin(const struct cosem_model *m, void *app, struct cosem_get *g,
                         const struct cosem_at *at, const struct cosem_sel *sel)
{
    const struct cosem_attr *a = cosem_attr(at);
    if (!a) return DAR_UNDEFINED;
    enum dar dar = gate(m, app, at);
    if (dar != DAR_OK) return dar;
    if (!(cosem_rights(m, at) & CAN_READ) || !is_protected(m, at)) return DAR_DENIED;
    if (sel->selector && (sel->selector > 7 || !(cosem_selectors(at) >> sel->selector & 1)))
        return DAR_SCOPE;
    g->at = *at;
    g->seq = seq_of(a);
    g->skip = 0;
    g->headed = g->seq && g->seq->bare;
    if (g->seq)
        dar = dar_of(g->seq->open(app, at, sel, &g->rows));
    else
        g->rows = (struct span){ .end = 1 };
    if (dar == DAR_OK) g->rows.start = g->rows.next;
    return dar;
}

void cosem_ret_begin(struct cosem_get *g, const struct cosem_at *at, const struct cosem_ret *r)
{
    const struct cosem_method *x = cosem_method(at);
    ensure(x && cosem_ret_rows(x));
    *g = (struct cosem_get){ .at = *at, .seq = x->ret, .rows = r->span };
    g->headed = x->ret->bare;
    g->rows.start = g->rows.next;
}

static enum dar emit_part(void *app, struct cosem_get *g, struct axdr_out *o)
{
    if (!g->seq) return cosem_attr(&g->at)->get(app, &g->at, o);
    if (g->headed) return g->seq->row(app, &g->at, g->rows.next, &g->rows, o);
    axdr_emit_array(o, g->rows.end - g->rows.next);
    return DAR_OK;
}

enum cosem_more cosem_get_block(void *app, struct cosem_get *g, struct axdr_out *o,
                                enum dar *dar)
{
    bool array = g->seq != NULL;
    *dar = DAR_OK;
    while (g->rows.next < g->rows.end || (array && !g->headed)) {
        size_t from = o->len;
        o->skip = g->skip; /* octets of this part that went out with the last block */
        *dar = dar_of(emit_part(app, g, o));
        bool enough = *dar == DAR_ENOUGH;
        if (enough) *dar = DAR_OK;
        if (*dar != DAR_OK) {
            o->len = from;
            o->skip = 0;
            return *dar == DAR_PENDING ? COSEM_MORE : COSEM_DONE;
        }
        if (o->full) {
            g->skip += o->len - from;
            return COSEM_MORE;
        }
        if (o->skip) { /* it became shorter while it was read */
            o->skip = 0;
            *dar = DAR_LONG_ABORTED;
            return COSEM_DONE;
        }
        g->skip = 0;
        if (array && !g->headed)
            g->headed = true;
        else
            g->rows.next++;
        if (enough && g->rows.next < g->rows.end) {
            *dar = DAR_PENDING;
            return COSEM_MORE;
        }
    }
    return COSEM_DONE;
}

/* -- SET: elements staged one at a time, committed as a whole --------------------------- */

enum dar cosem_set_begin(const struct cosem_model *m, void *app, struct cosem_set *s,
                         const struct cosem_at *at, uint8_t *hold, uint16_t hold_size)
{
    const struct cosem_attr *a = cosem_attr(at);
    *s = (struct cosem_set){ .at = *at, .hold = hold, .hold_size = hold_size };
    if (!a) return DAR_UNDEFINED;
    enum dar dar = gate(m, app, at);
    if (dar != DAR_OK) return dar;
    if (!(cosem_rights(m, at) & CAN_WRITE) || !is_protected(m, at)) return DAR_DENIED;
    s->attr = a;
    return DAR_OK;
}

void cosem_set_abort(void *app, struct cosem_set *s)
{
    if (s->attr && s->staged) s->attr->seq->abort(app, &s->at);
    s->attr = NULL;
}

/* What can be looked at: the held octets with the new ones behind them, or, with none held,
 * the new ones where they stand. */
static struct axdr_in whole(struct cosem_set *s, const uint8_t *p, size_t n)
{
    if (!s->held) return axdr_in(p, n);
    size_t room = (size_t)s->hold_size - s->held, some = n < room ? n : room;
    memcpy(s->hold + s->held, p, some);
    return axdr_in(s->hold, s->held + some);
}

/* `took` octets of what whole() showed are done with. */
static void advance(struct cosem_set *s, size_t took)
{
    s->used += (uint32_t)(took - s->held);
    s->held = 0;
}

/* Keep what is incomplete for the next block. */
static enum dar keep(struct cosem_set *s, const uint8_t *p, size_t n)
{
    if (n > (size_t)s->hold_size - s->held) return DAR_OTHER; /* longer than any we take */
    memcpy(s->hold + s->held, p, n);
    s->held = (uint16_t)(s->held + n);
    s->used += (uint32_t)n;
    return DAR_OK;
}

/* Octets of the array's head at v, 0 when more are needed, < 0 when it is none. */
static int head_length(struct axdr_in v, uint32_t *rows)
{
    if (v.n == 0) return 0;
    if (v.p[0] != AXDR_ARRAY) return E_TYPE;
    int used = axdr_length_octets(v.p + 1, v.n - 1, rows);
    return used > 0 ? used + 1 : used;
}

/* What a step of staging came to: one that is busy is asked again. */
static enum dar staged(enum dar dar)
{
    return (int)dar == E_BUSY ? DAR_PENDING : dar_of(dar);
}

/* Stage the head or one element. *took: octets used; 0 with DAR_OK when more are needed. */
static enum dar stage_one(void *app, struct cosem_set *s, struct axdr_in v, size_t *took)
{
    const struct cosem_seq *q = s->attr->seq;
    uint32_t rows;
    int n = s->staged ? axdr_length(v.p, v.n) : head_length(v, &rows);
    *took = n > 0 ? (size_t)n : 0;
    if (n < 0 || (s->staged && s->done == s->rows)) return DAR_TYPE;
    if (n == 0) return DAR_OK;
    if (!s->staged) {
        enum dar dar = dar_of(q->begin(app, &s->at, rows));
        s->staged = dar == DAR_OK;
        s->rows = rows;
        return dar;
    }
    struct axdr_in in = axdr_in(v.p, (size_t)n);
    enum dar dar = staged(q->put_row(app, &s->at, s->done, &in));
    if (dar == DAR_OK && !axdr_is_done(&in)) dar = DAR_TYPE;
    if (dar == DAR_OK) s->done++;
    return dar;
}

static enum dar stage(void *app, struct cosem_set *s, const uint8_t *p, size_t n)
{
    for (unsigned rows = 0; s->used < n; rows++) {
        if (rows == SLICE_ROWS) return DAR_PENDING;
        size_t took;
        struct axdr_in v = whole(s, p + s->used, n - s->used);
        enum dar dar = stage_one(app, s, v, &took);
        if (dar != DAR_OK) return dar;
        if (took == 0) return keep(s, p + s->used, n - s->used);
        advance(s, took);
    }
    return DAR_OK;
}

static enum dar finish(void *app, struct cosem_set *s, const uint8_t *p, size_t n)
{
    if (seq_of(s->attr))
        return s->staged && s->done == s->rows && !s->held
                   ? staged(s->attr->seq->commit(app, &s->at))
                   : DAR_TYPE;
    struct axdr_in in = s->held ? axdr_in(s->hold, s->held) : axdr_in(p, n);
    if (axdr_length(in.p, in.n) != (int)in.n) return DAR_TYPE;
    return dar_of(s->attr->set(app, &s->at, &in));
}

static enum dar take_block(void *app, struct cosem_set *s, const uint8_t *p, size_t n,
                           bool last)
{
    enum dar dar = DAR_OK;
    if (!s->ended) {
        if (seq_of(s->attr))
            dar = stage(app, s, p, n);
        else if (!last || s->held)
            dar = keep(s, p, n);
        if (dar != DAR_OK) return dar;
        s->used = 0;
        s->ended = last;
    }
    return last ? finish(app, s, p, n) : DAR_OK;
}

enum dar cosem_set_block(void *app, struct cosem_set *s, const uint8_t *p, size_t n, bool last)
{
    if (!s->attr) return DAR_NO_LONG_SET;
    enum dar dar = take_block(app, s, p, n, last);
    if (dar == DAR_OK && last) s->attr = NULL;
    if (dar != DAR_OK && dar != DAR_PENDING) cosem_set_abort(app, s);
    return dar;
}

/* -- ACTION ----------------------------------------------------------------------------- */

enum dar cosem_call(const struct cosem_model *m, void *app, const struct cosem_at *at,
                    struct axdr_in *arg, struct cosem_ret *ret)
{
    const struct cosem_method *x = cosem_method(at);
    if (!x) return DAR_UNDEFINED;
    enum dar dar = gate(m, app, at);
    if (dar != DAR_OK) return dar;
    if (!cosem_may_call(m, at) || !is_protected(m, at)) return DAR_DENIED;
    if (x->ret == &cosem_order && !cosem_no_arg(arg)) return DAR_TYPE;
    return dar_of(x->call(app, at, arg, ret));
}

const struct cosem_seq cosem_order = { .bare = false };

const struct cosem_seq *cosem_ret_rows(const struct cosem_method *x)
{
    return x->ret != &cosem_order ? x->ret : NULL;
}

bool cosem_no_arg(struct axdr_in *arg)
{
    if (arg->n == 0 && !arg->bad) return true;
    if (axdr_peek(arg) == AXDR_NULL)
        axdr_read_raw(arg, 1);
    else
        arg->bad |= axdr_read_i8(arg) != 0;
    return axdr_is_done(arg);
}

/* -- selections ------------------------------------------------------------------------- */

struct obis cosem_obis(const struct obis_row *r)
{
    return (struct obis){ r->a, r->b, r->c, r->d, r->e, 255 };
}

struct cosem_capture cosem_capture(const struct capture_row *r)
{
    if (!r->class_id) return (struct cosem_capture){ .attr = 0 };
    return (struct cosem_capture){ r->class_id, cosem_obis(&r->ln), r->attr, r->index };
}

static const struct axdr_field capture_fields[] = {
    AXDR_NESTED(4),
    AXDR_FIELD(U16, struct cosem_capture, class_id),
    AXDR_FIELD(OBIS, struct cosem_capture, ln),
    AXDR_FIELD(I8, struct cosem_capture, attr),
    AXDR_FIELD(U16, struct cosem_capture, index),
};
enum { CAPTURE_FIELDS = sizeof capture_fields / sizeof capture_fields[0] };

void cosem_emit_capture(struct axdr_out *o, const struct cosem_capture *c)
{
    axdr_emit_fields(o, capture_fields, CAPTURE_FIELDS, c);
}

int cosem_read_capture(struct axdr_in *in, struct cosem_capture *c)
{
    return axdr_read_fields(in, capture_fields, CAPTURE_FIELDS, c);
}

enum dar cosem_read_range(const struct cosem_sel *sel, struct cosem_range *r)
{
    struct axdr_in in = sel->arg;
    struct cosem_capture each;
    axdr_read_struct(&in, 4);
    in.bad |= cosem_read_capture(&in, &r->by) != 0;
    r->from = axdr_read_value(&in);
    r->to = axdr_read_value(&in);
    r->n_columns = axdr_read_head(&in, AXDR_ARRAY);
    r->columns = in;
    for (uint32_t i = 0; i < r->n_columns && !in.bad; i++)
        in.bad |= cosem_read_capture(&in, &each) != 0;
    return axdr_is_done(&in) ? DAR_OK : DAR_TYPE;
}

enum dar cosem_read_entry(const struct cosem_sel *sel, struct cosem_entry *e)
{
    static const struct axdr_field fields[] = {
        AXDR_NESTED(4),
        AXDR_FIELD(U32, struct cosem_entry, from),
        AXDR_FIELD(U32, struct cosem_entry, to),
        AXDR_FIELD(U16, struct cosem_entry, first),
        AXDR_FIELD(U16, struct cosem_entry, last),
    };
    struct axdr_in in = sel->arg;
    if (axdr_read_fields(&in, fields, sizeof fields / sizeof fields[0], e) ||
        !axdr_is_done(&in))
        return DAR_TYPE;
    bool order = (e->to == 0 || e->to >= e->from) && (e->last == 0 || e->last >= e->first);
    return e->from && e->first && order ? DAR_OK : DAR_TYPE;
}
