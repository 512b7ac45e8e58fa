/* A year of one meter, as a fleet would run it: quantities in steps of up to a minute, the real
 * store, profiles, billing and events. One line: seconds a meter-year, on one core.
 *
 * Usage: bench_meter_year [DAYS [FILE [full]]]; FILE gets the flash image. full: then small
 * values are written one by one, and the image is the one before the last turn of the journal
 * before the log of the values turns over, with a sector of rows in every log but one row: all
 * that a mount reads is as long as it gets. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "lab.h"

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void fill_logs(struct lab *l)
{
    uint8_t row[SERIES_ROW_MAX] = { 0 };
    for (unsigned id = 0; id < store_map.series_count; id++) {
        const struct series *r = &l->m.store.series[id];
        if (r->row_size > FLASH_ARENA) continue;
        while (r->slot + 2 != (NOR_SECTOR - 16) / r->row_size) {
            le_put32(row, (uint32_t)clock_utc(&l->m.clock, l->now).s);
            series_append(&l->m.store, id, row);
            lab_settle(l);
        }
    }
}

static void fill_values(struct lab *l)
{
    size_t size = l->flash.nor.size;
    const struct store *s = &l->m.store;
    uint8_t *before = malloc(size), *kept = malloc(size);
    uint32_t half = s->params.half_number, most = 0;
    for (unsigned i = 0; before && kept && s->params.half_number == half; i++) {
        uint32_t turn = s->journal.generation, entries = s->params.entries;
        memcpy(before, l->image, size);
        param_set(&l->m, &lab_who, PARAM_PULSE_MS, (int32_t)(10 + i % 200));
        lab_settle(l);
        if (s->journal.generation == turn || s->params.half_number != half) continue;
        memcpy(kept, before, size);
        most = entries;
    }
    printf("%u entries in the log of the values\n", most);
    if (kept) memcpy(l->image, kept, size);
    free(before);
    free(kept);
}

int main(int argc, char **argv)
{
    int days = argc > 1 ? atoi(argv[1]) : 365;
    struct lab *l = lab_new(0, 0);
    l->io.impulse = NULL;
    if (lab_power_up(l, 1767225600)) return 1;
    double from = seconds();
    for (int i = 0; i < days * 24; i++) {
        l->load =
            (struct lab_load){ 300000 + i * 7919 % 4000000, i * 104729 % 500000, 230000, 9000 };
        lab_run_s(l, 3600);
    }
    double s = seconds() - from;
    printf("%.3f s for %d days, %.3f us a minute, %llu windows, %llu Wh\n", s, days,
           s * 1e6 / (days * 1440.0), (unsigned long long)l->windows,
           (unsigned long long)reg_at(&l->m.now, REG_WH_IMPORT));
    if (argc > 3 && strcmp(argv[3], "full") == 0) {
        fill_logs(l);
        fill_values(l);
    }
    FILE *f = argc > 2 ? fopen(argv[2], "wb") : NULL;
    bool bad = argc > 2 && (!f || fwrite(l->image, l->flash.nor.size, 1, f) != 1);
    if (f) bad = fclose(f) != 0 || bad;
    lab_free(l);
    return bad;
}
