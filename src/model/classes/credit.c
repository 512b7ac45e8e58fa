/* credit.c - what a utility sets for the end of credit: object 0-0:96.61.0, class 1. */
#include <string.h>

#include "base/err.h"
#include "model/classes.h"

/* -- alarm levels, three of each wallet ---------------------------------------------------- */

static const struct axdr_field level_field[] = {
    AXDR_NESTED(5),
    AXDR_FIELD(I32, struct level_row, threshold),
    AXDR_FIELD(U8, struct level_row, buzzer),
    AXDR_FIELD(U8, struct level_row, led),
    AXDR_FIELD(U16, struct level_row, repeat_s),
    AXDR_FIELD(BOOL, struct level_row, blip),
};

static const struct row_shape level_shape = { level_field, COUNT(level_field),
                                              sizeof(struct level_row), LEVEL_ROWS };

static enum dar get_levels(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)at;
    return emit_rows(o, &level_shape, meter_of(app)->wallets.watchman.level, LEVEL_ROWS);
}

static enum dar set_levels(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    struct level_row row[LEVEL_ROWS];
    memset(row, 0, sizeof row);
    int n = read_rows(in, &level_shape, row);
    if (n < 0) return n;
    return n == LEVEL_ROWS ? credit_set_levels(meter_of(app), at->who, row) : DAR_OTHER;
}

const struct cosem_attr levels_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_levels, .set = set_levels },
};
