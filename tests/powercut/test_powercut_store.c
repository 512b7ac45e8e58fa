/* test_powercut_store.c - lives of the toy, with the lights going out.
 *
 *   single   every program and erase of many lives is cut once in every model: the chip is
 * forked inside the operation, torn, mounted and judged, and the life goes on double   after
 * each of those cuts the life goes on, and every operation of recovery and of the rest is cut
 * again chains   whole lives with random cuts one after the other
 *
 * Usage: test_powercut_store [single|double|chains|bad [FIRST [LIVES]]]; a failure prints the
 * command that repeats it.
 */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "powercut/toy.h"

struct run {
    uint64_t seed;
    unsigned steps, step;
    const struct store_map *map;
    struct nor_times times;
    uint64_t cuts, double_cuts;
    unsigned models; /* single: all; double: the first exhaustive, others sampled */
    bool twice;
    uint64_t random;
};

struct life {
    struct run *run;
    struct toy *toy;
    struct toy_diary *diary; /* what the second cut is judged by */
    enum torn model;
    uint64_t operation;
};

static const char *mode;

static void give_up(const struct run *run, const char *what, const char *where, enum torn model)
{
    fprintf(stderr, "%s: %s (%s, step %u, seed %llu)\nrepeat: test_powercut_store %s %llu 1\n",
            what, where, torn_name[model], run->step, (unsigned long long)run->seed, mode,
            (unsigned long long)run->seed);
    exit(1);
}

/* Mount a torn copy of the chip and judge it. */
static void try_cut(struct run *run, const struct nor_sim *parent, const struct sim_op *op,
                    enum torn model, const struct toy_diary *diary, const char *where)
{
    struct nor_sim child;
    struct toy toy;
    struct toy_diary scribble = *diary;
    nor_sim_fork(&child, parent, sim_random(&run->random));
    nor_sim_tear(&child, op, model);
    if (toy_look(&toy, run->map, &child.nor, &scribble) < 0)
        give_up(run, where, "does not mount", model);
    const char *e = toy_check(&toy, diary);
    if (e) give_up(run, where, e, model);
    nor_sim_free(&child);
}

static enum sim_fate cut_again(void *ctx, struct nor_sim *sim, const struct sim_op *op)
{
    struct life *life = ctx;
    struct run *run = life->run;
    life->operation++;
    if (life->model != TORN_BITS && sim_random(&run->random) % 100) return SIM_DONE;
    enum torn second = (enum torn)(sim_random(&run->random) % TORN_MODELS);
    run->double_cuts++;
    try_cut(run, sim, op, second, life->diary, "second cut");
    return SIM_DONE;
}

/* The first cut; the rest of that life, every operation of it cut again. */
static void go_on(struct run *run, const struct nor_sim *parent, const struct sim_op *op,
                  enum torn model, const struct toy_diary *diary)
{
    struct nor_sim child;
    struct toy toy;
    struct toy_diary own = *diary, before = *diary;
    struct life life = { .run = run, .toy = &toy, .diary = &before, .model = model };
    nor_sim_fork(&child, parent, sim_random(&run->random));
    nor_sim_tear(&child, op, model);
    child.watch = cut_again;
    child.watch_ctx = &life;
    if (toy_look(&toy, run->map, &child.nor, &own) < 0)
        give_up(run, "first cut", "does not mount", model);
    const char *e = toy_check(&toy, diary);
    if (e) give_up(run, "first cut", e, model);
    toy_accept(&toy, &own);
    life.diary = &own;
    for (unsigned step = run->step + 1; step < run->steps; step++)
        toy_live(&toy, run->seed, step);
    store_rest(&toy.store);
    e = toy_check(&toy, &own);
    if (e) give_up(run, "life after a cut", e, model);
    nor_sim_free(&child);
}

static enum sim_fate cut_here(void *ctx, struct nor_sim *sim, const struct sim_op *op)
{
    struct life *life = ctx;
    struct run *run = life->run;
    for (unsigned m = 0; m < TORN_MODELS; m++) {
        run->cuts++;
        if (run->twice)
            go_on(run, sim, op, (enum torn)m, life->diary);
        else
            try_cut(run, sim, op, (enum torn)m, life->diary, "cut");
    }
    return SIM_DONE;
}

static void one_life(struct run *run)
{
    struct nor_sim sim;
    struct toy toy;
    struct toy_diary diary;
    struct life life = { .run = run, .toy = &toy, .diary = &diary };
    memset(&diary, 0, sizeof diary);
    nor_sim_init(&sim, 20, run->times, run->seed);
    run->random = run->seed ^ 0xC0FFEE;
    run->step = 0;
    sim.watch = cut_here;
    sim.watch_ctx = &life;
    if (toy_mount(&toy, run->map, &sim.nor, &diary) < 0)
        give_up(run, "blank chip", "does not mount", TORN_NOTHING);
    for (run->step = 0; run->step < run->steps; run->step++)
        toy_live(&toy, run->seed, run->step);
    store_rest(&toy.store);
    const char *e = toy_check(&toy, &diary);
    if (!e && sim.broken) e = "a program wanted a bit back";
    if (e) give_up(run, "whole life", e, TORN_NOTHING);
    nor_sim_free(&sim);
}

/* ---- chains ---- */

struct chain {
    struct run *run;
    jmp_buf off;
    bool is_bad[64];
    unsigned bad, bad_max;
    struct sim_op op;
    uint8_t src[NOR_PAGE];
    uint64_t left;
};

/* A sector fails for the first time, at most one of each part of the map, and then always. */
static enum sim_fate fate_of(struct chain *c, struct nor_sim *sim, const struct sim_op *op)
{
    uint32_t i = op->at / NOR_SECTOR;
    if (c->bad < c->bad_max && i % 4 == 1 && sim_random(&c->run->random) % 40 == 0) {
        c->bad += !c->is_bad[i];
        c->is_bad[i] = true;
    }
    (void)sim;
    return !c->is_bad[i] ? SIM_DONE : i % 8 == 1 ? SIM_FAILS : SIM_LIES;
}

static enum sim_fate pull_plug(void *ctx, struct nor_sim *sim, const struct sim_op *op)
{
    struct chain *c = ctx;
    if (c->left-- > 0) return fate_of(c, sim, op);
    c->op = *op;
    if (op->src) {
        memcpy(c->src, op->src, op->n);
        c->op.src = c->src;
    }
    longjmp(c->off, 1);
}

/* One chip, cut after cut; what is found is what the next stretch is judged by. */
static void one_chain(struct run *run, unsigned cuts)
{
    static struct nor_sim sim;
    static struct toy toy;
    static struct toy_diary diary;
    static struct chain chain;
    static volatile unsigned step, done;
    memset(&diary, 0, sizeof diary);
    memset(&chain, 0, sizeof chain);
    chain.run = run;
    chain.bad_max = run->map == &toy_spare_map ? 9 : 0;
    nor_sim_init(&sim, run->map == &toy_spare_map ? 48 : 20, run->times, run->seed);
    run->random = run->seed ^ 0xBEEF;
    sim.watch = pull_plug;
    sim.watch_ctx = &chain;
    step = done = 0;
    chain.left = UINT64_MAX;
    if (toy_mount(&toy, run->map, &sim.nor, &diary) < 0)
        give_up(run, "blank chip", "does not mount", TORN_NOTHING);
    for (;;) {
        if (setjmp(chain.off) == 0) {
            unsigned most = sim_random(&run->random) % 4 ? 400 : 12;
            chain.left = sim_random(&run->random) % most;
            diary.failures = chain.bad;
            if (done) {
                if (toy_look(&toy, run->map, &sim.nor, &diary) < 0)
                    give_up(run, "chain", "does not mount", TORN_NOTHING);
                const char *e = toy_check(&toy, &diary);
                if (e) give_up(run, "chain", e, TORN_NOTHING);
                toy_accept(&toy, &diary);
            }
            if (done >= cuts) break;
            for (;; step++) {
                run->step = step;
                toy_live(&toy, run->seed, step);
            }
        }
        enum torn model = (enum torn)(sim_random(&run->random) % TORN_MODELS);
        nor_sim_tear(&sim, &chain.op, model);
        nor_sim_power_up(&sim);
        run->cuts++;
        done++;
        step++;
    }
    nor_sim_free(&sim);
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void say(const char *what, unsigned lives, const struct run *run, double start)
{
    printf("%s: %u lives, %llu cuts, %llu second cuts, %.1f s: nothing lost\n", what, lives,
           (unsigned long long)run->cuts, (unsigned long long)run->double_cuts,
           now_s() - start);
}

static void run_mode(const char *name, uint64_t first, unsigned lives)
{
    struct run run = { .map = &toy_map };
    double start = now_s();
    mode = name;
    run.twice = strcmp(name, "double") == 0;
    for (unsigned i = 0; i < lives; i++) {
        run.seed = first + i;
        run.times =
            run.seed % 2 ? (struct nor_times){ 2000, 9000 } : (struct nor_times){ 0, 0 };
        run.steps = run.twice ? 14 : 120;
        if (strcmp(name, "bad") == 0) run.map = &toy_spare_map;
        if (strcmp(name, "chains") == 0 || strcmp(name, "bad") == 0)
            one_chain(&run, 60);
        else
            one_life(&run);
    }
    say(name, lives, &run, start);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
        unsigned lives = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 0) : 10;
        run_mode(argv[1], first, lives);
        return 0;
    }
    run_mode("single", 1, 2);
    run_mode("chains", 1, 40);
    run_mode("bad", 1, 20);
    run_mode("double", 1, 1);
    return 0;
}
