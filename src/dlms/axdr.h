/* axdr.h - A-XDR values onto a window of an endless stream, and out of bounded octets.
 *
 * Writing  axdr_out swallows the first `skip` octets and notes in `full` that something did
 *          not fit: whatever was cut is emitted again for the next block with a larger skip.
 *          With buf NULL it only counts.
 * Reading  axdr_in turns `bad` at the first wrong tag or missing octet and then yields zeros:
 *          a decoder reads all its fields and asks once. Views into strings are borrowed.
 * Tables   a structure of fixed shape is an array of struct axdr_field over a C struct; the
 *          same rows encode, decode, check and size it.
 *
 * Source   IEC 61334-6 and the DLMS ASN.1. Lengths are sent in the shortest form and taken in
 *          any of up to four octets. Bounds of ours: depth 8, counts never above the octets
 *          that are left.
 * Power cut  nothing is kept.
 * Cost     a few tens of instructions a value; no recursion.
 * Memory   struct axdr_out 40, axdr_in 24 octets on a host; the buffers are the caller's.
 * Context  any.
 */
#ifndef DLMS_AXDR_H
#define DLMS_AXDR_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum axdr_tag {
    AXDR_NULL = 0x00,
    AXDR_ARRAY = 0x01,
    AXDR_STRUCTURE = 0x02,
    AXDR_BOOL = 0x03,
    AXDR_BITS = 0x04,
    AXDR_I32 = 0x05,
    AXDR_U32 = 0x06,
    AXDR_OCTETS = 0x09,
    AXDR_VISIBLE = 0x0A,
    AXDR_UTF8 = 0x0C,
    AXDR_BCD = 0x0D,
    AXDR_I8 = 0x0F,
    AXDR_I16 = 0x10,
    AXDR_U8 = 0x11,
    AXDR_U16 = 0x12,
    AXDR_COMPACT = 0x13,
    AXDR_I64 = 0x14,
    AXDR_U64 = 0x15,
    AXDR_ENUM = 0x16,
    AXDR_F32 = 0x17,
    AXDR_F64 = 0x18,
    AXDR_DATETIME = 0x19,
    AXDR_DATE = 0x1A,
    AXDR_TIME = 0x1B,
    AXDR_DELTA_I8 = 0x1C,
    AXDR_DELTA_I16 = 0x1D,
    AXDR_DELTA_I32 = 0x1E,
    AXDR_DELTA_U8 = 0x1F,
    AXDR_DELTA_U16 = 0x20,
    AXDR_DELTA_U32 = 0x21,
    AXDR_DONT_CARE = 0xFF
};

enum { AXDR_DEPTH = 8 }; /* arrays and structures inside each other */

struct axdr_out {
    uint8_t *buf; /* NULL: count only */
    size_t cap, len;
    size_t skip; /* octets still to swallow before the window begins */
    bool full;   /* something did not fit */
};

struct axdr_in {
    const uint8_t *p;
    size_t n;
    bool bad;
};

/* -- writing ---------------------------------------------------------------------------- */

/* A window of cap octets at buf. */
struct axdr_out axdr_out(uint8_t *buf, size_t cap);

/* All of them return 0: what emits one value ends with it. */

/* n octets as they are, no tag. */
int axdr_emit(struct axdr_out *o, const void *p, size_t n);

/* n octets, big-endian, of v; no tag. n 1..4. */
int axdr_emit_raw(struct axdr_out *o, uint32_t v, unsigned n);

/* A length or count, shortest form; no tag. */
int axdr_emit_length(struct axdr_out *o, uint32_t n);

/* Tag and count of an array or structure, or tag and length of a string that follows raw. */
int axdr_emit_head(struct axdr_out *o, uint8_t tag, uint32_t n);
int axdr_emit_struct(struct axdr_out *o, uint32_t n);
int axdr_emit_array(struct axdr_out *o, uint32_t n);

int axdr_emit_null(struct axdr_out *o);

/* Tag and value of any tag of fixed width up to 64 bits: integers, BOOL, ENUM, BCD, floats
 * as their bits, deltas. v is taken modulo the width. ensure: the tag has such a width. */
int axdr_emit_int(struct axdr_out *o, uint8_t tag, int64_t v);

/* Tag, length, n octets; tag OCTETS, VISIBLE or UTF8. */
int axdr_emit_string(struct axdr_out *o, uint8_t tag, const void *p, size_t n);

/* Bit-string of n bits, bit 0 the high bit of p[0]; bits beyond n are sent as zero. */
int axdr_emit_bits(struct axdr_out *o, const uint8_t *p, uint32_t n);

/* The usual ones. */
int axdr_emit_octets(struct axdr_out *o, const void *p, size_t n);
int axdr_emit_bool(struct axdr_out *o, bool v);
int axdr_emit_enum(struct axdr_out *o, uint8_t v);
int axdr_emit_i8(struct axdr_out *o, int8_t v);
int axdr_emit_u8(struct axdr_out *o, uint8_t v);
int axdr_emit_i16(struct axdr_out *o, int16_t v);
int axdr_emit_u16(struct axdr_out *o, uint16_t v);
int axdr_emit_i32(struct axdr_out *o, int32_t v);
int axdr_emit_u32(struct axdr_out *o, uint32_t v);
int axdr_emit_i64(struct axdr_out *o, int64_t v);
int axdr_emit_u64(struct axdr_out *o, uint64_t v);

/* -- reading ---------------------------------------------------------------------------- */

static inline struct axdr_in axdr_in(const uint8_t *p, size_t n)
{
    return (struct axdr_in){ .p = p, .n = n };
}

/* Everything read, and read well? */
bool axdr_is_done(const struct axdr_in *in);

/* Tag of the next value without taking it; -1 at the end or when bad. */
int axdr_peek(const struct axdr_in *in);

/* n octets (1..8), big-endian, no tag. */
uint64_t axdr_read_raw(struct axdr_in *in, unsigned n);

/* n octets as they are, no tag: where they stand, or NULL with in->bad. */
const uint8_t *axdr_read_view(struct axdr_in *in, size_t n);

/* A length or count, no tag: 80 and forms above four octets are bad. */
uint32_t axdr_read_length(struct axdr_in *in);

/* Count of an array or structure (or length of a string) with that tag; never larger than
 * the octets left, else bad and 0. */
uint32_t axdr_read_head(struct axdr_in *in, uint8_t tag);

/* A structure of exactly n fields? Else bad. */
bool axdr_read_struct(struct axdr_in *in, uint32_t n);

/* The value of a fixed-width tag up to 64 bits, sign-extended where the tag is signed; BOOL
 * gives 0 or 1. U64 comes as its bits. */
int64_t axdr_read_int(struct axdr_in *in, uint8_t tag);

/* Any of the integer tags (I8..U64, ENUM too): its value, and its tag when tag is not NULL.
 * U64 above INT64_MAX is bad. */
int64_t axdr_read_number(struct axdr_in *in, uint8_t *tag);

/* A string of that tag (OCTETS, VISIBLE, UTF8): a view and its length; NULL with bad. An
 * empty string is not bad; its view may not be read. */
const uint8_t *axdr_read_string(struct axdr_in *in, uint8_t tag, size_t *n);

/* An octet-string of exactly n octets into dst; zeros with bad. */
void axdr_read_octets(struct axdr_in *in, void *dst, size_t n);

/* A bit-string of exactly n bits into dst[(n + 7) / 8], spare bits cleared. */
void axdr_read_bits(struct axdr_in *in, uint8_t *dst, uint32_t n);

/* date-time, date, time: as octet-string of that size or under their own tag; into
 * dst[12], dst[5], dst[4] as they came. Unspecified fields are kept; fields that can be no
 * date make it bad only where axdr_is_*() is asked. */
void axdr_read_datetime(struct axdr_in *in, uint8_t dst[12]);
void axdr_read_date(struct axdr_in *in, uint8_t dst[5]);
void axdr_read_time(struct axdr_in *in, uint8_t dst[4]);

/* One whole value of any kind, taken off in and given as an input of its own. */
struct axdr_in axdr_read_value(struct axdr_in *in);

bool axdr_read_bool(struct axdr_in *in);
uint8_t axdr_read_enum(struct axdr_in *in);
int8_t axdr_read_i8(struct axdr_in *in);
uint8_t axdr_read_u8(struct axdr_in *in);
int16_t axdr_read_i16(struct axdr_in *in);
uint16_t axdr_read_u16(struct axdr_in *in);
int32_t axdr_read_i32(struct axdr_in *in);
uint32_t axdr_read_u32(struct axdr_in *in);
int64_t axdr_read_i64(struct axdr_in *in);
uint64_t axdr_read_u64(struct axdr_in *in);

/* Octets of the one whole value at p: > 0 its length, 0 more octets are needed, < 0 it can
 * never become A-XDR (E_FORMAT), or is deeper than AXDR_DEPTH (E_RANGE). */
int axdr_length(const uint8_t *p, size_t n);

/* Octets of the length field at p and its value: > 0, 0 and < 0 as above. */
int axdr_length_octets(const uint8_t *p, size_t n, uint32_t *v);

/* Width in octets of the value behind a fixed-width tag (0 for NULL and DONT_CARE), or -1. */
int axdr_width(uint8_t tag);

/* Can these be a date-time, date, time? Unspecified fields and the daylight-saving and
 * last-day codes of year, month and day are allowed. A weekday that contradicts is too. */
bool axdr_is_datetime(const uint8_t v[12]);
bool axdr_is_date(const uint8_t v[5]);
bool axdr_is_time(const uint8_t v[4]);

/* -- field tables ----------------------------------------------------------------------- */

enum axdr_kind {
    AXDR_K_STRUCT, /* arg fields follow, inside a structure of their own; no storage */
    AXDR_K_NULL,   /* null-data; no storage */
    AXDR_K_BOOL,   /* bool */
    AXDR_K_I8,
    AXDR_K_U8,
    AXDR_K_I16,
    AXDR_K_U16,
    AXDR_K_I32,
    AXDR_K_U32,
    AXDR_K_I64,
    AXDR_K_U64,
    AXDR_K_ENUM,     /* uint8_t, 0..arg */
    AXDR_K_OCTETS,   /* uint8_t[n], exactly n octets as octet-string */
    AXDR_K_OBIS,     /* struct obis or uint8_t[6], octet-string of 6 */
    AXDR_K_DATETIME, /* uint8_t[12], served as octet-string, taken tagged too */
    AXDR_K_DATE,     /* uint8_t[5] */
    AXDR_K_TIME,     /* uint8_t[4] */
    AXDR_K_BITS,     /* uint8_t[(arg + 7) / 8], exactly arg bits */
    AXDR_K_STRING,   /* AXDR_STRING(n) member: 0..n octets as octet-string */
    AXDR_K_VISIBLE,  /* the same as visible-string */
    AXDR_K_UTF8,     /* the same as utf8-string */
    AXDR_K_ROWS      /* an array of 0..arg elements; AXDR_ROWS() */
};

struct axdr_field {
    uint8_t kind; /* enum axdr_kind */
    uint8_t arg;  /* see the kinds; of OCTETS and strings sizeof the member */
    uint16_t at;  /* offsetof the member */
};

/* A string of 0..n octets as a struct member. */
#define AXDR_STRING(n)                                                                         \
    struct {                                                                                   \
        uint8_t len;                                                                           \
        uint8_t at[n];                                                                         \
    }

#define AXDR_SIZE(s, m) sizeof(((s *)0)->m)
#define AXDR_ROW(k, a, s, m)                                                                   \
    {                                                                                          \
        .kind = (k), .arg = (a), .at = offsetof(s, m)                                          \
    }
/* AXDR_FIELD(U16, struct day_action, selector): kind without its prefix. ENUM through
 * AXDR_ENUM_TO, BITS through AXDR_BIT_FIELD, STRUCT and NULL through theirs. The size of the
 * member is what the kind says, which the compiler judges. */
#define AXDR_FIELD(k, s, m)                                                                    \
    AXDR_ROW(AXDR_K_##k, AXDR_SIZED(AXDR_OCTETS_##k, AXDR_SIZE(s, m)), s, m)
#define AXDR_ENUM_TO(max, s, m)                                                                \
    AXDR_ROW(AXDR_K_ENUM, AXDR_SIZED(1, AXDR_SIZE(s, m)) * 0 + (max), s, m)
#define AXDR_BIT_FIELD(bits, s, m)                                                             \
    AXDR_ROW(AXDR_K_BITS, AXDR_SIZED(((bits) + 7) / 8, AXDR_SIZE(s, m)) * 0 + (bits), s, m)
/* has, when that is as it must be (0: any); an array of negative size otherwise */
#define AXDR_SIZED(must, has)                                                                  \
    ((has) + 0 * sizeof(char[(must) == 0 || (must) == (has) ? 1 : -1]))
enum {
    AXDR_OCTETS_BOOL = 1,
    AXDR_OCTETS_I8 = 1,
    AXDR_OCTETS_U8 = 1,
    AXDR_OCTETS_I16 = 2,
    AXDR_OCTETS_U16 = 2,
    AXDR_OCTETS_I32 = 4,
    AXDR_OCTETS_U32 = 4,
    AXDR_OCTETS_I64 = 8,
    AXDR_OCTETS_U64 = 8,
    AXDR_OCTETS_OCTETS = 0,
    AXDR_OCTETS_OBIS = 6,
    AXDR_OCTETS_DATETIME = 12,
    AXDR_OCTETS_DATE = 5,
    AXDR_OCTETS_TIME = 4,
    AXDR_OCTETS_STRING = 0,
    AXDR_OCTETS_VISIBLE = 0,
    AXDR_OCTETS_UTF8 = 0
};
/* The array member m of struct s, of which each element is as the next n rows tell, their
 * members those of an element. count is the uint8_t member that says how many there are. Without
 * one, AXDR_ALL_ROWS, all are emitted, and what is not read stays as it was. Not one in another. */
#define AXDR_ROWS(n, s, m, count)                                                              \
    AXDR_ROW(AXDR_K_ROWS, AXDR_SIZE(s, m) / AXDR_SIZE(s, m[0]), s, m),                         \
        AXDR_ROW(n, AXDR_SIZE(s, m[0]), s, count)
#define AXDR_ALL_ROWS(n, s, m)                                                                 \
    AXDR_ROW(AXDR_K_ROWS, AXDR_SIZE(s, m) / AXDR_SIZE(s, m[0]), s, m),                         \
    {                                                                                          \
        .kind = (n), .arg = AXDR_SIZE(s, m[0]), .at = UINT16_MAX                               \
    }
#define AXDR_NESTED(n)                                                                         \
    {                                                                                          \
        .kind = AXDR_K_STRUCT, .arg = (n)                                                      \
    }
#define AXDR_EMPTY                                                                             \
    {                                                                                          \
        .kind = AXDR_K_NULL                                                                    \
    }

/* Emit *s as the n rows of f tell. Write the outermost structure as a first AXDR_NESTED row
 * (or leave it out for a bare value). */
int axdr_emit_fields(struct axdr_out *o, const struct axdr_field *f, size_t n, const void *s);

/* Read into *s, which is only complete when 0 comes back.
 * E_TYPE   another structure or type: type-unmatched.
 * E_RANGE  an enum above its maximum, a string too long, a date that can be none. */
int axdr_read_fields(struct axdr_in *in, const struct axdr_field *f, size_t n, void *s);

/* The most octets an encoding of these rows, which have no arrays, can have. */
size_t axdr_size_fields(const struct axdr_field *f, size_t n);

#endif
