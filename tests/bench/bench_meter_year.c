/* A year of one meter, as a fleet would run it: quantities in steps of up to a minute, the real
 * store, profiles, billing and events. One line: seconds a meter-year, on one core.
 *
 * Usage: bench_meter_year [DAYS [FILE]]; FILE gets the flash image. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lab.h"

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
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
    FILE *f = argc > 2 ? fopen(argv[2], "wb") : NULL;
    bool bad = argc > 2 && (!f || fwrite(l->image, l->flash.nor.size, 1, f) != 1);
    if (f) bad = fclose(f) != 0 || bad;
    lab_free(l);
    return bad;
}
