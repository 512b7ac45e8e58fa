#include <stddef.h>

#include "meter/event/event.h"

#define A1(bit) (1 * 32 + (bit))
#define A2(bit) (2 * 32 + (bit))
#define A3(bit) (3 * 32 + (bit))
#define EVENT(name, code, log, also, alarm, alarm2, kind, other, severity, cause, text)        \
    { code, other, log, also, { alarm, alarm2 }, kind, severity },
static const struct event_info table[] = {
#include "meter/event/events.def"
};
#undef EVENT
enum { ROWS = sizeof table / sizeof table[0] };

#define EVENT(name, code, log, also, alarm, alarm2, kind, other, severity, cause, text) text,
static const char *const texts[] = {
#include "meter/event/events.def"
};

const struct event_info *event_table_at(unsigned i)
{
    return i < ROWS ? &table[i] : NULL;
}

const struct event_info *event_find(uint16_t code) /* rows ascend by code */
{
    size_t low = 0, high = ROWS;
    while (high - low > 1) {
        size_t mid = (low + high) / 2;
        if (table[mid].code <= code)
            low = mid;
        else
            high = mid;
    }
    return table[low].code == code ? &table[low] : NULL;
}

const char *event_text(uint16_t code)
{
    const struct event_info *e = event_find(code);
    return e ? texts[e - table] : NULL;
}
