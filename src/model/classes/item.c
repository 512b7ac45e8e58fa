/* item.c - items of the display as clients name them: {class, name, attribute}. */
#include <string.h>

#include "base/err.h"
#include "meter/display/sum.h"
#include "model/classes.h"

/* Items that are no registers: so many from the first, told apart by the index; all segments are
 * nobody's value. */
static const struct {
    uint16_t first;
    uint8_t n;
    struct capture_row shows;
} special[] = {
    { DISPLAY_TIME, 1, { 1, { 1, 0, 0, 9, 1 }, 2, 0 } },
    { DISPLAY_DATE, 1, { 1, { 1, 0, 0, 9, 2 }, 2, 0 } },
    { DISPLAY_SERIAL, 1, { 1, { 1, 0, 0, 0, 0 }, 2, 0 } },
    { DISPLAY_TEST, 1, { 0, { 0, 0, 0, 0, 0 }, 0, 0 } },
    { DISPLAY_ALARM, 1, { 1, { 0, 0, 97, 98, 0 }, 2, 0 } },
    { DISPLAY_TAMPERS, 1, { 1, { 0, 0, 97, 98, 2 }, 2, 0 } },
    { DISPLAY_ERROR, 1, { 1, { 0, 0, 97, 97, 0 }, 2, 0 } },
    { DISPLAY_HOLDER, 1, { 70, { 0, 0, 96, 3, 10 }, 3, 0 } },
    { DISPLAY_CAUSE, 1, { 1, { 0, 0, 96, 50, 20 }, 2, 0 } },
    { DISPLAY_VERSION, 1, { 1, { 1, 0, 0, 2, 0 }, 2, 0 } },
    { SUM_CREDIT, 1, { 1, { 0, 0, 96, 61, 5 }, 2, 0 } },
    { SUM_CREDIT + 1, 1, { 111, { 0, 0, 19, 0, 0 }, 5, 0 } },
    { SUM_CREDIT + 2, 1, { 111, { 0, 0, 19, 1, 0 }, 5, 0 } },
    { SUM_COST, 3, { 1, { 0, 0, 96, 60, 31 }, 2, 0 } },
    { SUM_MONTH_ENERGY, 12, { 7, { 0, 0, 98, 1, 0 }, 2, 0 } },
    { SUM_MONTH_COST, 12, { 1, { 0, 0, 96, 60, 30 }, 2, 0 } },
    { SUM_PRICE, 1, { 1, { 0, 0, 96, 60, 11 }, 2, 0 } },
    { SUM_TOP_UP, 3, { 115, { 0, 0, 19, 40, 0 }, 3, 0 } },
    { SUM_TOKEN, 10, { 115, { 0, 0, 19, 40, 0 }, 2, 0 } },
    { SUM_KEY, 1, { 116, { 0, 0, 19, 60, 0 }, 2, 0 } },
    { SUM_EMERGENCY, 1, { 112, { 0, 0, 19, 10, 1 }, 2, 0 } },
    { SUM_DAYS, 1, { 1, { 0, 0, 96, 61, 7 }, 2, 0 } },
    { SUM_FRIENDLY, 1, { 1, { 0, 0, 96, 61, 2 }, 2, 0 } },
    { SUM_MODE, 1, { 111, { 0, 0, 19, 0, 0 }, 2, 0 } },
    { SUM_BOUGHT, 3, { 1, { 0, 0, 96, 61, 8 }, 2, 0 } },
    { SUM_OFFER, 1, { 112, { 0, 0, 19, 10, 1 }, 9, 0 } },
    { SUM_SEQUENCE, 1, { 7, { 0, 0, 99, 15, 0 }, 7, 0 } },
    { SUM_UNITS, 2, { 1, { 0, 0, 96, 62, 0 }, 2, 0 } },
    { SUM_UNIT_VERSION, 1, { 1, { 1, 3, 0, 2, 0 }, 2, 0 } },
    { SUM_LIMIT, 1, { 71, { 0, 0, 17, 0, 0 }, 3, 0 } },
};

struct cosem_capture model_capture_of_item(uint16_t item)
{
    static const struct profile_view none = { .which = 0 };
    for (unsigned i = 0; i < COUNT(special); i++)
        if ((uint16_t)(item - special[i].first) < special[i].n) {
            struct cosem_capture c = cosem_capture(&special[i].shows);
            c.index = (uint16_t)(item - special[i].first);
            return c;
        }
    return model_capture_of(item, &none);
}

int model_item_of(const struct cosem_capture *c)
{
    for (unsigned i = 0; i < COUNT(special); i++) {
        struct cosem_capture shows = cosem_capture(&special[i].shows);
        if (c->class_id == shows.class_id && c->attr == shows.attr && c->index < special[i].n &&
            !memcmp(&c->ln, &shows.ln, sizeof c->ln))
            return special[i].first + c->index;
    }
    int reg = model_column_of(c);
    return reg < REG_COUNT ? reg : E_NONE;
}
