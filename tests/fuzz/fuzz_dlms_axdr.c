/* Any octets as A-XDR: lengths, values, a field table that reads back what it wrote. */
#include <stdint.h>
#include <string.h>

#include "base/sys.h"
#include "dlms/cosem.h"

struct sample {
    bool flag;
    uint8_t u8, kind, bits[3], date[5], time[4], moment[12];
    int16_t i16;
    uint32_t u32;
    int64_t i64;
    struct obis ln;
    AXDR_STRING(20) text;
};
static const struct axdr_field fields[] = {
    AXDR_NESTED(12),
    AXDR_FIELD(BOOL, struct sample, flag),
    AXDR_FIELD(U8, struct sample, u8),
    AXDR_ENUM_TO(9, struct sample, kind),
    AXDR_BIT_FIELD(20, struct sample, bits),
    AXDR_FIELD(DATE, struct sample, date),
    AXDR_FIELD(TIME, struct sample, time),
    AXDR_FIELD(DATETIME, struct sample, moment),
    AXDR_FIELD(I16, struct sample, i16),
    AXDR_FIELD(U32, struct sample, u32),
    AXDR_FIELD(I64, struct sample, i64),
    AXDR_FIELD(OBIS, struct sample, ln),
    AXDR_FIELD(STRING, struct sample, text),
};
enum { FIELDS = sizeof fields / sizeof fields[0] };

static void table(const uint8_t *p, size_t n)
{
    struct sample a, again;
    uint8_t out[256];
    struct axdr_in in = axdr_in(p, n);
    memset(&a, 0, sizeof a);
    memset(&again, 0, sizeof again);
    if (axdr_read_fields(&in, fields, FIELDS, &a)) return;
    struct axdr_out o = axdr_out(out, sizeof out);
    axdr_emit_fields(&o, fields, FIELDS, &a);
    ensure(!o.full && o.len <= axdr_size_fields(fields, FIELDS));
    in = axdr_in(out, o.len);
    ensure(axdr_read_fields(&in, fields, FIELDS, &again) == 0 && axdr_is_done(&in));
    ensure(memcmp(&a, &again, sizeof a) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    int len = axdr_length(p, n);
    ensure(len <= (int)n);
    for (size_t k = 0; len > 0 && k < (size_t)len; k++) ensure(axdr_length(p, k) == 0);
    struct axdr_in in = axdr_in(p, n), value = axdr_read_value(&in);
    ensure(len <= 0 || (value.n == (size_t)len && in.n == n - value.n));
    table(p, n);
    in = axdr_in(p, n);
    uint8_t tag;
    while (in.n && !in.bad) axdr_read_number(&in, &tag);
    struct cosem_sel sel = { .selector = 1, .arg = axdr_in(p, n) };
    struct cosem_range r;
    struct cosem_entry e;
    (void)cosem_read_range(&sel, &r);
    (void)cosem_read_entry(&sel, &e);
    return 0;
}
