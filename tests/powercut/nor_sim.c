#include "powercut/nor_sim.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/sys.h"

const char *const torn_name[TORN_MODELS] = { "nothing", "prefix", "bits",
                                             "order",   "half",   "neighbour" };

/* splitmix64 */
uint64_t sim_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

/* ---- cells ---- */

static const struct sim_sector *seen(const struct nor_sim *sim, uint32_t i)
{
    for (; sim; sim = sim->parent)
        if (sim->sector[i]) return sim->sector[i];
    return NULL;
}

static struct sim_sector *own(struct nor_sim *sim, uint32_t i)
{
    if (sim->sector[i]) return sim->sector[i];
    struct sim_sector *s = malloc(sizeof *s);
    ensure(s);
    const struct sim_sector *from = seen(sim->parent, i);
    s->weak = NULL;
    if (from)
        memcpy(s->data, from->data, NOR_SECTOR);
    else
        memset(s->data, 0xFF, NOR_SECTOR);
    if (from && from->weak) {
        s->weak = malloc(NOR_SECTOR);
        ensure(s->weak);
        memcpy(s->weak, from->weak, NOR_SECTOR);
    }
    return sim->sector[i] = s;
}

static void clear_bits(struct nor_sim *sim, uint32_t at, uint8_t keep)
{
    struct sim_sector *s = own(sim, at / NOR_SECTOR);
    s->data[at % NOR_SECTOR] &= keep;
    if (s->weak) s->weak[at % NOR_SECTOR] &= keep;
}

static void set_bits(struct nor_sim *sim, uint32_t at, uint8_t bits)
{
    own(sim, at / NOR_SECTOR)->data[at % NOR_SECTOR] |= bits;
}

void nor_sim_peek(const struct nor_sim *sim, uint32_t at, void *dst, size_t n)
{
    uint8_t *to = dst;
    while (n) {
        size_t part = NOR_SECTOR - at % NOR_SECTOR < n ? NOR_SECTOR - at % NOR_SECTOR : n;
        const struct sim_sector *s = seen(sim, at / NOR_SECTOR);
        if (s)
            memcpy(to, s->data + at % NOR_SECTOR, part);
        else
            memset(to, 0xFF, part);
        to += part;
        at += (uint32_t)part;
        n -= part;
    }
}

void nor_sim_poke(struct nor_sim *sim, uint32_t at, const void *src, size_t n)
{
    const uint8_t *from = src;
    for (size_t i = 0; i < n; i++, at++)
        own(sim, at / NOR_SECTOR)->data[at % NOR_SECTOR] = from[i];
}

/* ---- the chip ---- */

static int sim_read(void *ctx, uint32_t at, void *dst, size_t n)
{
    struct nor_sim *sim = ctx;
    uint8_t *to = dst;
    nor_rules_read(&sim->rules, at, n);
    nor_sim_peek(sim, at, dst, n);
    sim->reads++;
    sim->read_octets += n;
    for (size_t i = 0; i < n; i++) {
        const struct sim_sector *s = seen(sim, (at + (uint32_t)i) / NOR_SECTOR);
        if (!s || !s->weak) {
            i += NOR_SECTOR - (at + i) % NOR_SECTOR - 1;
            continue;
        }
        uint8_t weak = s->weak[(at + i) % NOR_SECTOR];
        if (weak) to[i] ^= (uint8_t)(weak & sim_random(&sim->random));
    }
    nor_rules_blur(&sim->rules, at, dst, n);
    return 0;
}

static int sim_prog_start(void *ctx, uint32_t at, const void *src, size_t n)
{
    struct nor_sim *sim = ctx;
    nor_rules_start(&sim->rules, NOR_PROG, at, n, 0);
    sim->src = src;
    return 0;
}

static int sim_erase_start(void *ctx, uint32_t at)
{
    struct nor_sim *sim = ctx;
    nor_rules_start(&sim->rules, NOR_ERASE, at, NOR_SECTOR, 0);
    return 0;
}

static void program(struct nor_sim *sim, const struct sim_op *op)
{
    struct sim_sector *s = own(sim, op->at / NOR_SECTOR);
    uint8_t *cell = s->data + op->at % NOR_SECTOR;
    for (size_t i = 0; i < op->n; i++) {
        if (op->src[i] & ~cell[i]) {
            sim->broken++;
            break;
        }
    }
    for (size_t i = 0; i < op->n; i++) cell[i] &= op->src[i];
    for (size_t i = 0; s->weak && i < op->n; i++)
        s->weak[op->at % NOR_SECTOR + i] &= op->src[i];
    sim->programs++;
    sim->programmed += op->n;
}

static void erase(struct nor_sim *sim, uint32_t at)
{
    struct sim_sector *s = own(sim, at / NOR_SECTOR);
    memset(s->data, 0xFF, NOR_SECTOR);
    free(s->weak);
    s->weak = NULL;
    sim->erases++;
}

static bool is_worn(struct nor_sim *sim, const struct sim_op *op)
{
    uint32_t i = op->at / NOR_SECTOR;
    if (op->op == NOR_ERASE) sim->wear[i]++;
    return sim->endurance && sim->wear[i] > sim->endurance;
}

static int sim_poll(void *ctx, enum nor_op which)
{
    struct nor_sim *sim = ctx;
    int e = nor_rules_poll(&sim->rules, which, 0, false);
    if (e < 0) return e;
    const struct nor_running *done = &sim->rules.running[which];
    struct sim_op op = {
        .op = which, .at = done->at, .src = which == NOR_PROG ? sim->src : NULL, .n = done->n
    };
    sim->operations++;
    enum sim_fate fate = sim->watch ? sim->watch(sim->watch_ctx, sim, &op) : SIM_DONE;
    if (is_worn(sim, &op)) fate = SIM_FAILS;
    if (fate == SIM_FAILS) nor_sim_tear(sim, &op, TORN_BITS);
    if (fate == SIM_DONE && which == NOR_PROG) program(sim, &op);
    if (fate == SIM_DONE && which == NOR_ERASE) erase(sim, op.at);
    return fate == SIM_FAILS ? E_IO : 0;
}

static void connect(struct nor_sim *sim, uint32_t size, struct nor_times times)
{
    nor_rules_init(&sim->rules, size, times);
    sim->nor = (struct nor){ .ctx = sim,
                             .size = size,
                             .read = sim_read,
                             .prog_start = sim_prog_start,
                             .erase_start = sim_erase_start,
                             .poll = sim_poll };
}

void nor_sim_init(struct nor_sim *sim, uint32_t sectors, struct nor_times times, uint64_t seed)
{
    ensure(sectors <= SIM_SECTORS_MAX);
    memset(sim, 0, sizeof *sim);
    sim->random = seed;
    connect(sim, sectors * NOR_SECTOR, times);
}

void nor_sim_fork(struct nor_sim *child, const struct nor_sim *parent, uint64_t seed)
{
    memset(child, 0, sizeof *child);
    child->parent = parent;
    child->random = seed;
    connect(child, parent->nor.size, parent->rules.times);
}

void nor_sim_free(struct nor_sim *sim)
{
    for (uint32_t i = 0; i < sim->nor.size / NOR_SECTOR; i++) {
        if (!sim->sector[i]) continue;
        free(sim->sector[i]->weak);
        free(sim->sector[i]);
        sim->sector[i] = NULL;
    }
}

void nor_sim_power_up(struct nor_sim *sim)
{
    connect(sim, sim->nor.size, sim->rules.times);
}

/* ---- tearing ---- */

/* Bits of one octet of the operation that happened anyway. */
static void happen(struct nor_sim *sim, const struct sim_op *op, size_t i, uint8_t which)
{
    uint32_t at = op->at + (uint32_t)i;
    if (op->op == NOR_PROG)
        clear_bits(sim, at, (uint8_t)(op->src[i] | ~which));
    else
        set_bits(sim, at, which);
}

static void tear_prefix(struct nor_sim *sim, const struct sim_op *op, size_t least)
{
    size_t k = least + sim_random(&sim->random) % (op->n + 1 - least);
    for (size_t i = 0; i < k; i++) happen(sim, op, i, 0xFF);
}

static uint8_t some_bits(uint64_t *random, unsigned eighths)
{
    uint8_t b = 0;
    for (unsigned i = 0; i < 8; i++) b |= (uint8_t)((sim_random(random) % 8 < eighths) << i);
    return b;
}

static void tear_bits(struct nor_sim *sim, const struct sim_op *op)
{
    unsigned eighths = (unsigned)(sim_random(&sim->random) % 9);
    if (eighths == 8) eighths = 7;
    for (size_t i = 0; i < op->n; i++) happen(sim, op, i, some_bits(&sim->random, eighths));
}

static void tear_order(struct nor_sim *sim, const struct sim_op *op)
{
    unsigned eighths = (unsigned)(sim_random(&sim->random) % 8);
    size_t step = op->op == NOR_ERASE ? NOR_PAGE : 1;
    for (size_t i = 0; i < op->n; i += step) {
        if (sim_random(&sim->random) % 8 >= eighths) continue;
        for (size_t k = i; k < i + step; k++) happen(sim, op, k, 0xFF);
    }
}

static void weaken(struct nor_sim *sim, const struct sim_op *op)
{
    struct sim_sector *s = own(sim, op->at / NOR_SECTOR);
    if (!s->weak) s->weak = malloc(NOR_SECTOR);
    ensure(s->weak);
    for (size_t i = 0; i < NOR_SECTOR; i++)
        s->weak[i] = some_bits(&sim->random, sim_random(&sim->random) % 4 ? 0 : 2);
}

/* One bit that is 1 becomes 0. */
static void disturb(struct nor_sim *sim, uint32_t page)
{
    uint8_t b[NOR_PAGE];
    nor_sim_peek(sim, page, b, sizeof b);
    for (unsigned tries = 0; tries < 100; tries++) {
        uint32_t i = (uint32_t)(sim_random(&sim->random) % (NOR_PAGE * 8));
        if (!(b[i / 8] >> i % 8 & 1)) continue;
        clear_bits(sim, page + i / 8, (uint8_t) ~(1u << i % 8));
        return;
    }
}

static void tear_neighbour(struct nor_sim *sim, const struct sim_op *op)
{
    uint32_t page = op->at / NOR_PAGE * NOR_PAGE;
    tear_prefix(sim, op, 1);
    if (op->op == NOR_ERASE) return;
    if (page % NOR_SECTOR) disturb(sim, page - NOR_PAGE);
    if ((page + NOR_PAGE) % NOR_SECTOR) disturb(sim, page + NOR_PAGE);
}

void nor_sim_tear(struct nor_sim *sim, const struct sim_op *op, enum torn model)
{
    switch (model) {
    case TORN_PREFIX:
        tear_prefix(sim, op, 0);
        break;
    case TORN_BITS:
        tear_bits(sim, op);
        break;
    case TORN_ORDER:
        tear_order(sim, op);
        break;
    case TORN_HALF:
        tear_bits(sim, op);
        if (op->op == NOR_ERASE) weaken(sim, op);
        break;
    case TORN_NEIGHBOUR:
        tear_neighbour(sim, op);
        break;
    default:
        break;
    }
}
