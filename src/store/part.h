/* part.h - where everything lies on the data flash: one const table, checked when compiled.
 *
 * All numbers are sectors of 4 KiB. store_map is the product's: 8 MiB (docs/formats.md 2). A
 * test, a fleet or another chip brings a table of its own; store_init() checks it.
 *
 *   journal   at least 3 segments of segment_sectors
 *   params    two halves, at most 64 sectors each; keys likewise
 *   stage     one image slot (image.h)
 *   series    a ring each, at least 3 sectors
 */
#ifndef STORE_PART_H
#define STORE_PART_H
#include <stdint.h>

struct part {
    uint16_t first, sectors;
};

struct series_part {
    struct part ring;
    uint16_t row_size; /* of a ring never used: octets on flash, two of them the checksum */
};

enum {
    STORE_SERIES_MAX = 19,
    STORE_PARAMS_MAX = 512,
    STORE_KEYS_MAX = 32,
    STORE_COUNTERS = 16
};

/* The rings of the product, in the order of the map. */
enum series_id {
    SERIES_SURVEY_1,
    SERIES_SURVEY_2,
    SERIES_SURVEY_3,
    SERIES_LOG_1, /* nine logs of codes, then the power failures */
    SERIES_LOG_10 = SERIES_LOG_1 + 9,
    SERIES_TOKENS,
    SERIES_CHANGES, /* parameter changes: who, old and new digest */
    SERIES_MONTHLY,
    SERIES_DAILY,
    SERIES_CREDITS, /* credit tokens alone */
    SERIES_CHARGES, /* what was taken for debts */
    SERIES_IDS
};
_Static_assert((int)SERIES_IDS <= (int)STORE_SERIES_MAX, "a handle for every ring");

struct store_map {
    struct part journal, params, keys, stage;
    uint8_t segment_sectors; /* of the journal: 4 in the product */
    uint8_t series_count;
    uint16_t params_ids, keys_ids; /* ids 0 .. n - 1; at most STORE_..._MAX */
    struct series_part series[STORE_SERIES_MAX];
};

extern const struct store_map store_map;

#endif
