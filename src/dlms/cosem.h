/* cosem.h - the object model's engine: const tables in, attributes out. Knows no meter.
 *
 * A row of the table is a family of objects LN, LN+1, ... in value group E. What a class can
 * do stands in its attributes and methods; who may do it in the row's policy; where the value
 * lives in `bind`, an id and never an address of state, so one table serves any number of
 * meters. Accessors answer with the wire's own data-access-result.
 *
 * Reading  cosem_get_begin(), then cosem_get_block() until COSEM_DONE. Any block size gives
 *          the same octets. What can change between two blocks is read through at->frozen;
 *          an array pins its rows in the span it opens.
 * Writing  cosem_set_begin(), then cosem_set_block() with the octets as they arrive. One
 *          element is decoded at a time and staged; nothing shows before commit.
 * Calling  cosem_call(); a return value that is an array, or long, is read like an attribute.
 *
 * Anything that cannot answer at once (flash still searching, an elliptic-curve job, a commit
 * under way) returns DAR_PENDING and is called again, with the same arguments, in a later
 * step. It must not have changed anything that a second call would change again.
 *
 * Power cut  nothing is kept here; a staged write that was not committed never was.
 * Cost       find: some 12 instructions a row of the table. A block: its octets.
 * Memory     row, class and policy 12 octets of ROM each on 32 bits, attribute and method 8;
 *            struct cosem_get about 110 octets of RAM, struct cosem_set 40 and a hold buffer.
 * Context    meter loop only.
 */
#ifndef DLMS_COSEM_H
#define DLMS_COSEM_H
#include "base/who.h"
#include "dlms/axdr.h"

#ifndef CFG_COLUMNS
#define CFG_COLUMNS 320 /* of a profile: a survey has 62, the billing list up to 300 */
#endif
_Static_assert(CFG_COLUMNS % 64 == 0 && CFG_COLUMNS >= 64, "whole words of columns");

struct obis {
    uint8_t a, b, c, d, e, f;
};

/* The same as const tables keep it: A and B below 16, F 255. */
struct obis_row {
    uint8_t a : 4, b : 4, c, d, e;
};
struct obis cosem_obis(const struct obis_row *r);

/* data-access-result; action-result is the same list (DLMS ASN.1). */
enum dar {
    DAR_LEAST =
        INT32_MIN, /* below 0 an E_* of base/err.def, which goes out as dar_of() of it */
    DAR_OK = 0,
    DAR_HW = 1,
    DAR_TEMPORARY = 2,
    DAR_DENIED = 3,
    DAR_UNDEFINED = 4,
    DAR_CLASS = 9,
    DAR_UNAVAILABLE = 11,
    DAR_TYPE = 12,
    DAR_SCOPE = 13,
    DAR_BLOCK = 14,        /* data-block-unavailable: too long, and no blocks agreed */
    DAR_LONG_ABORTED = 15, /* long-get-aborted; long-action-aborted */
    DAR_NO_LONG = 16,      /* no-long-get-in-progress; no-long-action-in-progress */
    DAR_LONG_SET_ABORTED = 17,
    DAR_NO_LONG_SET = 18,
    DAR_BLOCK_NUMBER = 19,
    DAR_OTHER = 250,
    DAR_PENDING = 0x100, /* never on the wire: ask again */
    DAR_ENOUGH = 0x101   /* nor is this: a row is out whose reading fills a step */
};

/* DAR_OK, or what a negative E_* of base/err.def is on the wire: E_TYPE and E_FORMAT 12,
 * E_RANGE and E_SPACE 250, E_BUSY and E_STATE 2, E_DENIED 3, E_NONE 4, E_IO and E_CRC 1. */
enum dar dar_of(int err);

struct cosem_row;
struct cosem_class;

struct cosem_at { /* what is asked, and by whom */
    const struct cosem_row *row;
    const struct cosem_class *cls; /* of the row */
    const struct who *who;
    const void *session; /* struct dlms_session of the asker; NULL for the meter itself */
    const void *frozen;  /* the registers as they stood, or NULL: as they stand */
    uint8_t k;           /* member of the row's family */
    uint8_t id;          /* attribute or method */
    uint8_t prot;        /* protection of the request, bits of enum cosem_prot */
};

/* Protection bits as in security_policy and access_mode (classes 64 v1, 15 v3). */
enum cosem_prot {
    PROT_AUTH_REQ = 0x04,
    PROT_CRYPT_REQ = 0x08,
    PROT_SIGN_REQ = 0x10,
    PROT_AUTH_RES = 0x20,
    PROT_CRYPT_RES = 0x40,
    PROT_SIGN_RES = 0x80,
    PROT_REQ = 0x1C,
    PROT_RES = 0xE0
};

/* -- arrays ----------------------------------------------------------------------------- */

struct cols {
    uint64_t word[CFG_COLUMNS / 64];
};

/* Rows [next, end) of an array and their columns. open() fills it; the engine counts next up.
 * start is where next began: a row that leaves out what repeats must be whole there. work is
 * open()'s and row()'s own: a search under way, a place to go on from. All zero at first. */
struct span {
    uint32_t start, next, end;
    uint32_t work[12];
    struct cols cols;
};

/* The selection of a request: selector 0 for none, else its parameters as they came. */
struct cosem_sel {
    uint8_t selector;
    struct axdr_in arg;
};

struct cosem_seq {     /* an attribute or return value that is made of rows */
    bool bare;         /* rows follow each other without the head of an array */
    uint8_t selectors; /* bit n: selector n is known (object_list says so) */

    /* Turn the selection into a span. DAR_SCOPE: unknown selector; DAR_TYPE: bad selection
     * data. DAR_PENDING keeps the span: go on searching from span->work. NULL for return
     * values of methods: the method fills the span. */
    enum dar (*open)(void *app, const struct cosem_at *at, const struct cosem_sel *sel,
                     struct span *s);

    /* Emit element i, the same octets each time it is asked within a span. DAR_OK, DAR_ENOUGH
     * (the next one belongs to another step), DAR_PENDING, or the result that ends the transfer
     * (DAR_BLOCK: the row is gone). */
    enum dar (*row)(void *app, const struct cosem_at *at, uint32_t i, struct span *s,
                    struct axdr_out *o);

    /* Staged writing, all or nothing; all four or none. begin: rows are coming; put_row:
     * check and stage element i, which is exactly what `in` holds; commit makes them the
     * value; abort forgets them (also when the link goes down). The first three may be
     * DAR_PENDING, and put_row and commit E_BUSY for it. */
    enum dar (*begin)(void *app, const struct cosem_at *at, uint32_t rows);
    enum dar (*put_row)(void *app, const struct cosem_at *at, uint32_t i, struct axdr_in *in);
    enum dar (*commit)(void *app, const struct cosem_at *at);
    void (*abort)(void *app, const struct cosem_at *at);
};

/* -- classes ---------------------------------------------------------------------------- */

/* get, and maybe set; or seq. Attribute 1, the logical name, is the engine's. What is only
 * written has cosem_hidden to get. set gets exactly one whole value: it decodes into locals,
 * asks in->bad (what was read well was all) or judges the fields, and only then applies. The place of an
 * attribute or a method in its array is its id. Attributes have no gaps; a method without call
 * is none. */
struct cosem_attr {
    enum dar (*get)(void *app, const struct cosem_at *at, struct axdr_out *o);
    union {
        enum dar (*set)(void *app, const struct cosem_at *at, struct axdr_in *in);
        const struct cosem_seq *seq; /* get is NULL */
    };
};
enum dar cosem_hidden(void *app, const struct cosem_at *at, struct axdr_out *o);

/* What a method gives back: a short value written to out (any length up to its cap), or, with
 * method.ret, a span that is read afterwards. Nothing of both: no return parameters. */
struct cosem_ret {
    struct axdr_out out;
    struct span span;
};

struct cosem_method {
    /* arg holds exactly the parameter, or nothing when it was absent. A method without
     * parameter takes absent, null-data and integer 0 alike: cosem_no_arg(). */
    enum dar (*call)(void *app, const struct cosem_at *at, struct axdr_in *arg,
                     struct cosem_ret *ret);
    const struct cosem_seq *ret;
};

/* To ret of a method that takes nothing and gives nothing back: the engine sees to it. */
extern const struct cosem_seq cosem_order;

/* Rows that the method gives back, or NULL. */
const struct cosem_seq *cosem_ret_rows(const struct cosem_method *x);

struct cosem_class {
    uint16_t id;
    uint8_t version : 3, n_attr : 5;
    uint8_t n_method;
    const struct cosem_attr *attr;     /* [COSEM_ATTR(2)] and so on */
    const struct cosem_method *method; /* [COSEM_METHOD(1)] and so on */
};
#define COSEM_ATTR(id) ((id)-2)
#define COSEM_METHOD(id) ((id)-1)

struct cosem_row {
    uint8_t a : 4, b : 4, c, d, e; /* logical name; F is 255 */
    uint8_t span, acl, cls,
        n; /* objects in the family (>= 1); of cosem_model.acl, .cls; the class's */
    union {
        struct {
            uint16_t id;
            uint8_t tag, arg; /* A-XDR tag under which it is shown; arg is the class's */
        };
        const void *ext; /* a const description */
    } bind;
};

/* -- rights ----------------------------------------------------------------------------- */

/* For these roles only these ids, of what the masks grant. Bit n is id n, 0 means all; attributes
 * above 31 and methods above 15 are not granted where ids are named. The first row that names a
 * role counts for it; a row without roles ends the list. */
struct cosem_limit {
    uint16_t roles, act;
    uint32_t get, set;
};
#define COSEM_ID(n) (UINT32_C(1) << (n))
#define COSEM_IDS(from, to) ((UINT32_C(2) << (to)) - (UINT32_C(1) << (from)))

/* A policy: one bit an association. Attribute 1 is readable by whoever may do anything. */
struct cosem_acl {
    uint16_t read, write, act;
    const struct cosem_limit *only; /* ends with roles 0; NULL: no limits */
};

struct cosem_group {
    const struct cosem_row *row;
    uint16_t n;
};

struct cosem_model {
    const struct cosem_group *const *group; /* n_group of them, each with its rows */
    const struct cosem_class *cls;
    const struct cosem_acl *acl;
    const uint8_t *demand; /* [role]: protection every right of it asks, enum cosem_prot */
    uint8_t n_group, n_role;
    /* Is this object in service? DAR_OK, or DAR_UNAVAILABLE where class 122 switched it off.
     * NULL: always. Asked before each access from outside. */
    enum dar (*gate)(void *app, const struct cosem_at *at);
};

enum { CAN_READ = 1, CAN_WRITE = 2 };

/* -- tables ----------------------------------------------------------------------------- */

bool cols_has(const struct cols *c, unsigned i);
void cols_add(struct cols *c, unsigned from, unsigned to); /* columns [from, to) */
unsigned cols_count(const struct cols *c);

/* Fill at->row, at->cls and at->k. DAR_UNDEFINED: no such logical name, or none this role has any
 * right to; DAR_CLASS: the name exists for it, under other classes. at->who is read. */
enum dar cosem_find(const struct cosem_model *m, uint16_t cls, struct obis ln,
                    struct cosem_at *at);

/* Object i of all, in table order; false beyond the last. */
bool cosem_nth(const struct cosem_model *m, uint32_t i, struct cosem_at *at);

/* Logical name of the object at. */
struct obis cosem_ln(const struct cosem_at *at);

/* The attributes of a class are 1 (its logical name) to this one. */
unsigned cosem_attrs(const struct cosem_class *c);

/* The attribute or method at->id of at->cls, or NULL. */
const struct cosem_attr *cosem_attr(const struct cosem_at *at);
const struct cosem_method *cosem_method(const struct cosem_at *at);

/* What the role at->who->assoc may do with the object, its attribute at->id (CAN_*), its method
 * at->id; its protection left out of account. */
bool cosem_is_visible(const struct cosem_model *m, const struct cosem_at *at);
unsigned cosem_rights(const struct cosem_model *m, const struct cosem_at *at);
bool cosem_may_call(const struct cosem_model *m, const struct cosem_at *at);

/* The access selectors that attribute at->id knows, bit n selector n. */
unsigned cosem_selectors(const struct cosem_at *at);

/* -- object_list (class 15 attribute 2) ------------------------------------------------- */

/* Objects visible to at->who, optionally of one class (cls >= 0). */
uint32_t cosem_list_count(const struct cosem_model *m, const struct cosem_at *at, int32_t cls);

/* Objects of these classes alone. */
struct cosem_pick {
    const uint16_t *cls;
    uint8_t n;
};

/* Emit the i-th of them (pick NULL: of all) as an object_list_element; with rights, or
 * null-data in their place (access selectors 1 and 2). span->work[0] and [1] are used to go on
 * without counting from the start again. */
enum dar cosem_list_emit(const struct cosem_model *m, const struct cosem_at *at, uint32_t i,
                         const struct cosem_pick *pick, bool rights, struct span *s,
                         struct axdr_out *o);

/* The element of the object at->row, at->k. */
void cosem_list_emit_one(const struct cosem_model *m, const struct cosem_at *at, bool rights,
                         struct axdr_out *o);

/* -- GET -------------------------------------------------------------------------------- */

struct cosem_get {
    struct cosem_at at;
    bool headed;
    const struct cosem_seq *seq; /* rows, or NULL: one plain value */
    size_t skip;                 /* octets of the present row that are already out */
    struct span rows;            /* from next on they are still to be sent */
};
enum cosem_more { COSEM_DONE, COSEM_MORE };

/* Rights and selection; opens the span. DAR_PENDING: call again with the same g (zeroed by
 * the caller before the first call). */
enum dar cosem_get_begin(const struct cosem_model *m, void *app, struct cosem_get *g,
                         const struct cosem_at *at, const struct cosem_sel *sel);

/* Fill o's window from where the last one ended. *dar other than DAR_OK: the transfer is
 * over, with that. DAR_PENDING with COSEM_MORE: what there is stands, call again for more. */
enum cosem_more cosem_get_block(void *app, struct cosem_get *g, struct axdr_out *o,
                                enum dar *dar);

/* -- SET -------------------------------------------------------------------------------- */

struct cosem_set {
    struct cosem_at at;
    bool staged, ended; /* ended: all octets are in, only the last move is pending */
    uint16_t hold_size, held;
    const struct cosem_attr *attr; /* NULL: no SET under way */
    uint8_t *hold;                 /* the element whose last octets have not arrived */
    uint32_t rows, done;
    uint32_t used; /* octets of the present block that are done with */
};

/* hold: where incomplete elements wait, hold_size octets, the caller's until the end; the
 * longest element (or plain value) that can come in pieces. */
enum dar cosem_set_begin(const struct cosem_model *m, void *app, struct cosem_set *s,
                         const struct cosem_at *at, uint8_t *hold, uint16_t hold_size);

/* The next octets. On anything but DAR_OK and DAR_PENDING the SET is over and undone.
 * DAR_PENDING: call again with the same arguments (the slice is over, or storage is busy). */
enum dar cosem_set_block(void *app, struct cosem_set *s, const uint8_t *p, size_t n, bool last);
void cosem_set_abort(void *app, struct cosem_set *s);

/* -- ACTION ----------------------------------------------------------------------------- */

/* Rights, then the method. ret->out must be a window; ret->span is zeroed by the caller
 * before the first call and kept over DAR_PENDING. */
enum dar cosem_call(const struct cosem_model *m, void *app, const struct cosem_at *at,
                    struct axdr_in *arg, struct cosem_ret *ret);

/* Nothing, null-data or integer 0? For methods without parameter; those of cosem_order were
 * asked already. */
bool cosem_no_arg(struct axdr_in *arg);

/* Read the return value that method.ret describes: g to be read by cosem_get_block(). */
void cosem_ret_begin(struct cosem_get *g, const struct cosem_at *at, const struct cosem_ret *r);

/* -- selections ------------------------------------------------------------------------- */

struct cosem_capture { /* capture_object_definition */
    uint16_t class_id;
    struct obis ln;
    int8_t attr;
    uint16_t index; /* data_index */
};
struct capture_row { /* the same as const tables keep it: classes below 256, 0 nothing */
    uint8_t class_id;
    struct obis_row ln;
    int8_t attr;
    uint8_t index;
};
struct cosem_capture cosem_capture(const struct capture_row *r);
void cosem_emit_capture(struct axdr_out *o, const struct cosem_capture *c);
int cosem_read_capture(struct axdr_in *in, struct cosem_capture *c); /* 0, E_TYPE */

struct cosem_range { /* selector 1 of a profile buffer */
    struct cosem_capture by;
    struct axdr_in from, to; /* one whole value each, any type */
    uint32_t n_columns;      /* 0: all */
    struct axdr_in columns;  /* that many captures, one behind the other */
};
struct cosem_entry {      /* selector 2 */
    uint32_t from, to;    /* rows from 1; to 0: the last */
    uint16_t first, last; /* columns from 1; last 0: the last */
};
/* DAR_OK, or DAR_TYPE when the parameters have another shape; entry: also when from or first
 * is 0, or to < from, last < first. */
enum dar cosem_read_range(const struct cosem_sel *sel, struct cosem_range *r);
enum dar cosem_read_entry(const struct cosem_sel *sel, struct cosem_entry *e);

#endif
