#include "powercut/cuts.h"

static void cut(struct cuts *c, const struct nor_sim *parent, const struct sim_op *op,
                enum torn model, sim_watcher *watch)
{
    struct nor_sim child;
    nor_sim_fork(&child, parent, sim_random(&c->random));
    nor_sim_tear(&child, op, model);
    child.watch = watch;
    child.watch_ctx = c;
    c->judge(c->ctx, &child, model);
    nor_sim_free(&child);
}

static enum sim_fate cut_power_up(void *ctx, struct nor_sim *sim, const struct sim_op *op)
{
    struct cuts *c = ctx;
    if (sim_random(&c->random) % c->of) return SIM_DONE;
    c->second_cuts++;
    c->again = true;
    cut(c, sim, op, (enum torn)(sim_random(&c->random) % TORN_MODELS), NULL);
    c->again = false;
    return SIM_DONE;
}

static enum sim_fate cut_life(void *ctx, struct nor_sim *sim, const struct sim_op *op)
{
    struct cuts *c = ctx;
    c->operations++;
    for (unsigned model = 0; model < TORN_MODELS; model++) {
        bool twice = sim_random(&c->random) % c->every == 0;
        c->cuts++;
        cut(c, sim, op, (enum torn)model, twice ? cut_power_up : NULL);
    }
    return SIM_DONE;
}

void cuts_watch(struct cuts *c, struct nor_sim *sim)
{
    sim->watch = cut_life;
    sim->watch_ctx = c;
}
