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

static const struct level_row *levels_of(void *app)
{
    return meter_of(app)->wallets.watchman.level;
}

static enum dar get_levels(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)at;
    axdr_emit_array(o, LEVEL_ROWS);
    for (unsigned i = 0; i < LEVEL_ROWS; i++)
        axdr_emit_fields(o, level_field, COUNT(level_field), &levels_of(app)[i]);
    return DAR_OK;
}

static enum dar set_levels(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    struct level_row row[LEVEL_ROWS];
    memset(row, 0, sizeof row);
    if (axdr_read_head(in, AXDR_ARRAY) != LEVEL_ROWS) return in->bad ? DAR_TYPE : DAR_OTHER;
    for (unsigned i = 0; i < LEVEL_ROWS; i++)
        if (axdr_read_fields(in, level_field, COUNT(level_field), &row[i])) return DAR_TYPE;
    if (in->bad) return DAR_TYPE;
    return credit_set_levels(meter_of(app), at->who, row);
}

const struct cosem_attr levels_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_levels, .set = set_levels },
};
