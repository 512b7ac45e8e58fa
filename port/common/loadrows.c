#include "port/common/loadrows.h"

#include "base/bytes.h"
#include "base/err.h"
#include "base/sys.h"

void load_row_put(uint8_t dst[LOAD_ROW_BYTES], const struct load_row *row)
{
    le_put32(dst, row->at_s);
    le_put32(dst + 4, (uint32_t)row->p_mw);
    le_put32(dst + 8, (uint32_t)row->q_mvar);
    le_put32(dst + 12, row->u_mv);
    le_put32(dst + 16, row->f_mhz);
}

struct load_row load_row_get(const uint8_t src[LOAD_ROW_BYTES])
{
    return (struct load_row){ .at_s = le_get32(src),
                              .p_mw = (int32_t)le_get32(src + 4),
                              .q_mvar = (int32_t)le_get32(src + 8),
                              .u_mv = le_get32(src + 12),
                              .f_mhz = le_get32(src + 16) };
}

static struct load load_of(const struct load_row *row)
{
    struct load l = LOAD_OFF;
    l.p_mw = row->p_mw;
    l.q_mvar = row->q_mvar;
    l.u_mv = row->u_mv;
    l.f_mhz = row->f_mhz;
    return l;
}

int load_rows_check(const uint8_t *rows, size_t n)
{
    if (n == 0) return E_FORMAT;
    for (size_t k = 0; k < n; k++) {
        struct load_row row = load_row_get(rows + k * LOAD_ROW_BYTES);
        struct load load = load_of(&row);
        if (k == 0 && row.at_s != 0) return E_FORMAT;
        if (k > 0 && row.at_s <= le_get32(rows + (k - 1) * LOAD_ROW_BYTES)) return E_FORMAT;
        if (load_check(&load) < 0) return E_RANGE;
    }
    return 0;
}

struct load load_rows_at(const uint8_t *rows, size_t n, uint32_t t, uint32_t *next_s)
{
    ensure(n > 0);
    size_t low = 0, high = n; /* the row sought is in [low, high) */
    while (high - low > 1) {
        size_t mid = low + (high - low) / 2;
        if (le_get32(rows + mid * LOAD_ROW_BYTES) <= t) {
            low = mid;
        } else {
            high = mid;
        }
    }
    *next_s = high < n ? le_get32(rows + high * LOAD_ROW_BYTES) : UINT32_MAX;
    struct load_row row = load_row_get(rows + low * LOAD_ROW_BYTES);
    return load_of(&row);
}
