/* metrology_sweep [--quick] [--csv] [GROUP] - errors of the metrology core over the test waves.
 *
 * A line a case, the worst of each group at the end; exit 1 when a limit is not kept. --csv
 * prints all columns for plotting.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "wave/sweep.h"

struct worst {
    char group[16];
    unsigned cases, broken;
    struct sweep_limit most;
};

static void raise_to(double *most, double x)
{
    if (fabs(x) > *most) *most = fabs(x);
}

static void note(struct worst *w, const struct sweep_case *c, const struct sweep_result *r)
{
    const struct sweep_limit *l = &c->limit, *e = &r->error;
    w->cases++;
    w->broken += !r->kept;
    if (l->p_ppm > 0) raise_to(&w->most.p_ppm, e->p_ppm);
    if (l->q_ppm > 0) raise_to(&w->most.q_ppm, e->q_ppm);
    if (l->u_ppm > 0) raise_to(&w->most.u_ppm, e->u_ppm);
    if (l->i_ppm > 0) raise_to(&w->most.i_ppm, e->i_ppm);
    if (l->spread_ppm > 0) raise_to(&w->most.spread_ppm, e->spread_ppm);
    if (l->f_mhz > 0) raise_to(&w->most.f_mhz, e->f_mhz);
    if (l->angle_mdeg > 0) raise_to(&w->most.angle_mdeg, e->angle_mdeg);
}

static void print(const struct sweep_case *c, const struct sweep_result *r, int csv)
{
    const struct sweep_limit *e = &r->error;
    if (csv)
        printf("%s;%s;%.9g;%.9g;%.9g;%.9g;%.9g;%.4f;%.4f;%.4f;%.4f;%.4f;%.6f;%.5f\n", c->group,
               c->name, c->wave.f, r->truth.u, r->truth.i, r->truth.p, r->truth.q, e->p_ppm,
               e->q_ppm, e->u_ppm, e->i_ppm, e->spread_ppm, e->f_mhz, e->angle_mdeg);
    else
        printf("%-13s %-34s P %+9.3f Q %+9.3f U %+7.3f I %+8.3f spread %7.3f ppm  f %+8.5f mHz "
               " %+8.4f mdeg%s\n",
               c->group, c->name, e->p_ppm, e->q_ppm, e->u_ppm, e->i_ppm, e->spread_ppm,
               e->f_mhz, e->angle_mdeg, r->kept ? "" : "  OVER");
}

int main(int argc, char **argv)
{
    static struct worst worst[16];
    unsigned groups = 0, broken = 0, cases = 0;
    int quick = 0, csv = 0;
    const char *only = NULL;
    for (int k = 1; k < argc; k++) {
        if (!strcmp(argv[k], "--quick"))
            quick = 1;
        else if (!strcmp(argv[k], "--csv"))
            csv = 1;
        else if (argv[k][0] != '-')
            only = argv[k];
        else
            return fprintf(stderr, "usage: metrology_sweep [--quick] [--csv] [GROUP]\n"), 2;
    }
    if (csv) puts("group;name;f;u;i;p;q;p_ppm;q_ppm;u_ppm;i_ppm;spread_ppm;f_mhz;angle_mdeg");
    struct sweep_case c;
    for (unsigned n = 0; sweep_at(n, &c); n++) {
        if ((quick && !c.quick) || (only && strcmp(only, c.group))) continue;
        struct sweep_result r = sweep_run(&c);
        print(&c, &r, csv);
        unsigned g = 0;
        while (g < groups && strcmp(worst[g].group, c.group)) g++;
        if (g == groups) snprintf(worst[groups++].group, sizeof worst->group, "%s", c.group);
        note(&worst[g], &c, &r);
        broken += !r.kept;
        cases++;
    }
    for (unsigned g = 0; g < groups && !csv; g++) {
        const struct sweep_limit *m = &worst[g].most;
        printf("worst %-13s %4u cases  P %8.3f Q %8.3f U %6.3f I %7.3f spread %7.3f ppm  f "
               "%.5f mHz  %.4f mdeg\n",
               worst[g].group, worst[g].cases, m->p_ppm, m->q_ppm, m->u_ppm, m->i_ppm,
               m->spread_ppm, m->f_mhz, m->angle_mdeg);
    }
    if (!csv) printf("%u cases, %u over a limit\n", cases, broken);
    return broken ? 1 : 0;
}
