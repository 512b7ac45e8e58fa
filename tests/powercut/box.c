#include "powercut/box.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/sys.h"

static int checkpoint(void *ctx, unsigned piece, uint8_t *type, uint8_t body[JOURNAL_BODY_MAX])
{
    const struct box *b = ctx;
    if (piece >= BOX_STATE) return E_NONE;
    *type = (uint8_t)(JOURNAL_APP + piece);
    le_put32(body, b->state[piece]);
    return 4;
}

static void replay(void *ctx, uint8_t type, const uint8_t *body, size_t n)
{
    struct box *b = ctx;
    uint32_t first = n >= 4 ? le_get32(body) : 0;
    if (b->records < BOX_RECORDS) {
        b->seen[b->records].type = type;
        b->seen[b->records].n = (uint16_t)n;
        b->seen[b->records++].first = first;
    }
    if (type >= JOURNAL_APP && type < JOURNAL_APP + BOX_STATE && n == 4)
        b->state[type - JOURNAL_APP] = first;
}

static void note(void *ctx, enum store_note what, uint32_t detail)
{
    struct box *b = ctx;
    (void)detail;
    b->notes[what]++;
}

struct box *box_new(const struct store_map *map, uint32_t sectors, struct nor_times times)
{
    struct box *b = calloc(1, sizeof *b);
    ensure(b);
    nor_sim_init(&b->sim, sectors, times, 1);
    b->app = (struct store_app){ b, checkpoint, replay, note, NULL, 0 };
    b->store.map = map;
    return b;
}

void box_free(struct box *b)
{
    nor_sim_free(&b->sim);
    free(b);
}

int box_mount(struct box *b)
{
    const struct store_map *map = b->store.map;
    nor_sim_power_up(&b->sim);
    memset(b->state, 0, sizeof b->state);
    memset(b->notes, 0, sizeof b->notes);
    b->records = 0;
    store_init(&b->store, map, &b->sim.nor, &b->scratch, &b->app);
    return store_mount(&b->store);
}

int box_set(struct box *b, unsigned i, uint32_t v)
{
    uint8_t body[4];
    b->state[i] = v;
    le_put32(body, v);
    return journal_put(&b->store, (uint8_t)(JOURNAL_APP + i), body, sizeof body);
}

void box_fill(uint8_t *p, size_t n, uint32_t seed)
{
    uint64_t state = seed;
    for (size_t i = 0; i < n; i++) p[i] = (uint8_t)sim_random(&state);
}

int box_is_filled(const uint8_t *p, size_t n, uint32_t seed)
{
    uint64_t state = seed;
    for (size_t i = 0; i < n; i++)
        if (p[i] != (uint8_t)sim_random(&state)) return 0;
    return 1;
}
