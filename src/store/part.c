#include "store/part.h"

#include "store/nor.h"

/* Sectors of the product's 8-MiB chip. Each part starts where the one before it ends. */
enum {
    SEGMENT = 4,
    JOURNAL = 16 * SEGMENT,
    PARAMS = 2 * 32,
    KEYS = 2 * 8,
    STAGE = 128,
    LOG = 10,
    AUDIT = 14,
    MONTHLY = 48,
    DAILY = 80,
    SURVEY_1 = 409,
    SURVEY_2 = 307,
    SURVEY_3 = 307,
    CREDITS = 4,

    PARAMS_AT = JOURNAL,
    KEYS_AT = PARAMS_AT + PARAMS,
    STAGE_AT = KEYS_AT + KEYS,
    LOG_AT = STAGE_AT + STAGE,
    TOKENS_AT = LOG_AT + 10 * LOG,
    CHANGES_AT = TOKENS_AT + AUDIT,
    MONTHLY_AT = CHANGES_AT + AUDIT,
    DAILY_AT = MONTHLY_AT + MONTHLY,
    SURVEY_1_AT = DAILY_AT + DAILY,
    SURVEY_2_AT = SURVEY_1_AT + SURVEY_1,
    SURVEY_3_AT = SURVEY_2_AT + SURVEY_2,
    CREDITS_AT = SURVEY_3_AT + SURVEY_3,
    CHARGES_AT = CREDITS_AT + CREDITS,
    END = CHARGES_AT + CREDITS,
};
_Static_assert(END <= 2048, "the map fits 8 MiB");
_Static_assert((SURVEY_1 - 2) * ((NOR_SECTOR - 16) / 40) >= 366 * 96, "a leap year of surveys");
_Static_assert((LOG - 2) * ((NOR_SECTOR - 16) / 32) >= 256, "256 rows a log");
_Static_assert((AUDIT - 2) * ((NOR_SECTOR - 16) / 64) >= 256, "256 tokens and changes");
_Static_assert((CREDITS - 2) * ((NOR_SECTOR - 16) / 24) >= 256, "256 credits, and charges");
_Static_assert((MONTHLY - 2) * ((NOR_SECTOR - 16) / 1360) >= 36, "36 months");
_Static_assert((DAILY - 2) * ((NOR_SECTOR - 16) / 1360) >= 62, "62 days");

#define LOG_PART(n) [SERIES_LOG_1 + (n)] = { { LOG_AT + (n)*LOG, LOG }, 32 }

const struct store_map store_map = {
    .journal = { 0, JOURNAL },
    .params = { PARAMS_AT, PARAMS },
    .keys = { KEYS_AT, KEYS },
    .stage = { STAGE_AT, STAGE },
    .segment_sectors = SEGMENT,
    .series_count = SERIES_IDS,
    .params_ids = STORE_PARAMS_MAX,
    .keys_ids = STORE_KEYS_MAX,
    .series = {
        [SERIES_SURVEY_1] = { { SURVEY_1_AT, SURVEY_1 }, 40 },
        [SERIES_SURVEY_2] = { { SURVEY_2_AT, SURVEY_2 }, 40 },
        [SERIES_SURVEY_3] = { { SURVEY_3_AT, SURVEY_3 }, 40 },
        LOG_PART(0), LOG_PART(1), LOG_PART(2), LOG_PART(3), LOG_PART(4),
        LOG_PART(5), LOG_PART(6), LOG_PART(7), LOG_PART(8), LOG_PART(9),
        [SERIES_TOKENS] = { { TOKENS_AT, AUDIT }, 64 },
        [SERIES_CHANGES] = { { CHANGES_AT, AUDIT }, 64 },
        [SERIES_MONTHLY] = { { MONTHLY_AT, MONTHLY }, 1360 },
        [SERIES_DAILY] = { { DAILY_AT, DAILY }, 1360 },
        [SERIES_CREDITS] = { { CREDITS_AT, CREDITS }, 24 },
        [SERIES_CHARGES] = { { CHARGES_AT, CREDITS }, 24 },
    },
};
