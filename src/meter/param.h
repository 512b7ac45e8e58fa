/* param.h - what the meter is told: typed, ranged, kept, audited.
 *
 * params.def names each parameter once: id, type, range, default, topic (which event tells of a
 * change). A scalar is an int32 and lives in RAM as well; octet strings lie on flash and are
 * read when asked for; long values (calendars) are staged row by row. Every successful write is
 * one transaction: the value, event 47 and its topic's event, and a row of the who-log with
 * object, client, channel and digests of old and new. Writing the value that stands already
 * succeeds and leaves no trace.
 *
 * Power cut  old or new as a whole.
 * Cost       param_get() one load. param_write() one journal page or two.
 * Context    meter loop only.
 */
#ifndef METER_PARAM_H
#define METER_PARAM_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/who.h"
#include "crypto/sha256.h"

struct meter;

struct param_stage { /* a long value on its way in */
    struct sha256 digest;
    struct who who;
    uint16_t id, rows, put;
    bool open;
};

#define SCALAR(id, min, max, def, topic) id,
#define OCTETS(id, max, topic) id,
#define LONG(id, rows, row_size, topic) id,
enum param {
#include "meter/params.def"
    PARAMS
};
#undef SCALAR
#undef OCTETS
#undef LONG

enum param_kind { PARAM_SCALAR, PARAM_OCTETS, PARAM_LONG };

/* Which event of the security log tells of a change. */
enum param_topic {
    TOPIC_TOU,
    TOPIC_PROFILE,
    TOPIC_LIMIT,
    TOPIC_PREPAY,
    TOPIC_COMM,
    TOPIC_OTHER,
    TOPIC_SEALED /* legally relevant: counted apart */
};

struct param_info {
    int32_t min, max, def; /* scalar; max = octets at most for the others */
    uint16_t row_size;     /* of a long value; max = rows */
    uint8_t kind, topic;
};
const struct param_info *param_info_at(uint16_t id); /* id < PARAMS */

/* "PARAM_ZONE_MIN", as in params.def. */
const char *param_name_at(uint16_t id);

/* A scalar. */
int32_t param_get(const struct meter *m, uint16_t id);
/* Tables of up to eight scripts that may be written: script n, from 1, does what the product's own
 * number ((n - 1) ^ d) + 1 does, d the n-th three bits from below; above them so many are left out
 * at the end. Numbers beyond eight, and 0, stand for themselves. */
enum { SCRIPT_BITS = 3, SCRIPTS_OUT = 24, SCRIPTS_LARGEST = (1 << 27) - 1 };
unsigned param_script(const struct meter *m, uint16_t id, unsigned n);

/* E_RANGE outside, E_TYPE no scalar, E_BUSY a commit is in flight. It stands, and is durable,
 * when meter_is_ready() holds again; nothing else is handled before. So for all writes here. */
int param_set(struct meter *m, const struct who *who, uint16_t id, int32_t value);

/* Several scalars in one transaction, at most SCALARS_MAX of them: all or none. Those that are
 * free to be set (not surveys and calendars, which have doors of their own). */
enum { SCALARS_MAX = 8 };
struct param_value {
    uint16_t id;
    int32_t value;
};
int param_set_all(struct meter *m, const struct who *who, const struct param_value *v,
                  unsigned n);

/* Octets: up to cap into dst; their number (0 when never written). E_SPACE: more than cap.
 * Where an object shows them as attributes in a row, what is written with n PARAM_PART added to
 * the parameter, n < 16, is told of as the n-th behind the first. */
enum { PARAM_PART = 0x400 };
int param_read(struct meter *m, uint16_t id, void *dst, size_t cap);
int param_write(struct meter *m, const struct who *who, uint16_t part, const void *src,
                size_t n);

/* Long values: rows of param_info.row_size octets each. One stage a meter: E_BUSY to a second;
 * a stage belongs to whom began it. begin: E_RANGE too many rows. put: in order. abort at any
 * time. The commit is the caller's: param_begin_stage() below. rows_read: as many as n octets
 * hold, or there are; their number. */
int param_rows(struct meter *m, uint16_t id);
int param_rows_read(struct meter *m, uint16_t id, unsigned row, void *dst, size_t n);
int param_row_read(struct meter *m, uint16_t id, unsigned row, void *dst, size_t n);
int param_stage_begin(struct meter *m, const struct who *who, uint16_t id, unsigned rows);
int param_stage_put(struct meter *m, const struct who *who, const void *src, size_t n);
int param_stage_read(struct meter *m, unsigned row, void *dst, size_t n);
void param_stage_abort(struct meter *m, const struct who *who);
/* Are all rows staged, and those of parameter id, a list of the same rows? */
bool param_stage_is(struct meter *m, const struct who *who, uint16_t id);

/* The who-log (0-0:99.16.0): rows [first, next), each one change. */
enum { AUDIT_SECRET = 0x8000 };

/* What an event of a changed value says that is no parameter: + wallet, its credit; + 2 * debt +
 * wallet, what is left of a debt. */
enum { CHANGED_CREDIT = 0x4000, CHANGED_DEBT = 0x4002 };
struct audit_row {
    int64_t utc_s;
    struct who who;
    uint16_t param; /* and its part, or AUDIT_SECRET + the slot of a key or
                                             password */
    uint8_t old_digest[8], new_digest[8]; /* SHA-256, shortened; zeros for secrets */
    uint8_t chain[8];                     /* digest of the row before */
};
struct audit_span {
    uint32_t first, next;
};
struct audit_span audit_span(const struct meter *m);
int audit_read(struct meter *m, uint32_t number, struct audit_row *row);

/* -- for the parts of meter/ alone ----------------------------------------------------- */

/* Defaults into RAM; then what flash holds. */
void param_init(struct meter *m);
void param_mount(struct meter *m);
void scalar_take(struct meter *m, const uint8_t *body, size_t n);
void octets_take(struct meter *m, const uint8_t *body, size_t n);

/* Open a change that writes a parameter, its audit row and events; the caller adds what goes
 * with it and commits. E_BUSY. */
int param_begin_scalar(struct meter *m, const struct who *who, uint16_t id, int32_t value);
int param_begin_octets(struct meter *m, const struct who *who, uint16_t part, const void *src,
                       size_t n);

/* Into the open change: a scalar in its range, octets of its length, and the audit row; a scalar
 * with the events of what its value means as well (54, 55, 263), as param_set() does. */
void param_put_scalar(struct meter *m, const struct who *who, uint16_t id, int32_t value);
void param_put_meant(struct meter *m, const struct who *who, uint16_t id, int32_t value);
void param_put_octets(struct meter *m, const struct who *who, uint16_t part, const void *src,
                      size_t n);

/* The same for what was staged, all of its rows: E_MORE when some are missing, E_STATE without
 * a stage, or another's. */
int param_begin_stage(struct meter *m, const struct who *who);

/* Into the open change: the who-log's row and the events of a changed parameter. */
void param_put_audit(struct meter *m, const struct who *who, uint16_t id,
                     const uint8_t old_digest[8], const uint8_t new_digest[8]);

/* The same for several at once, secrets (AUDIT_SECRET + slot, no digests) among them. */
struct audit_change {
    uint16_t param;
    uint8_t old_digest[8], new_digest[8];
};
void audit_put(struct meter *m, const struct who *who, const struct audit_change *c,
               unsigned n);

/* For struct store_app: the link of such a row to the one before. */
void audit_chain(void *ctx, const uint8_t *before, uint8_t *row);

#endif
