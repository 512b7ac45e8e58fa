#include "crypto/arena.h"

#include <string.h>

#include "base/bytes.h"
#include "base/sys.h"

/* The buffer is tiled by blocks, each headed by this; first fit, neighbours joined on the way.
 * Mbed TLS holds a few dozen at a time, so the walk is short. */
struct block {
    uint32_t words; /* this head included */
    uint32_t is_used;
};

_Static_assert(sizeof(struct block) == sizeof(uint64_t), "a head is one word");

static struct block *block_at(struct arena *a, uint32_t word)
{
    return (struct block *)(void *)(a->mem + word);
}

void arena_init(struct arena *a, uint64_t *mem, size_t words)
{
    ensure(words >= 2 && words <= UINT32_MAX / 8);
    a->mem = mem;
    a->size = (uint32_t)words * 8;
    a->used = a->peak = 0;
}

void arena_enter(struct arena *a)
{
    ensure(*sys_local() == NULL);
    *block_at(a, 0) = (struct block){ a->size / 8, 0 };
    a->used = 0;
    *sys_local() = a;
}

void arena_leave(struct arena *a)
{
    ensure(*sys_local() == a);
    ensure(a->used == 0);
    *sys_local() = NULL;
    wipe(a->mem, a->size);
}

/* Make the free block at word as large as it can be. */
static void join(struct arena *a, uint32_t word)
{
    struct block *b = block_at(a, word);
    while (word + b->words < a->size / 8) {
        const struct block *next = block_at(a, word + b->words);
        if (next->is_used) return;
        b->words += next->words;
    }
}

static void *take(struct arena *a, uint32_t word, uint32_t words)
{
    struct block *b = block_at(a, word);
    if (b->words > words) {
        *block_at(a, word + words) = (struct block){ b->words - words, 0 };
        b->words = words;
    }
    b->is_used = 1;
    a->used += words * 8;
    if (a->used > a->peak) a->peak = a->used;
    return memset(b + 1, 0, (words - 1) * 8);
}

void *arena_calloc(size_t n, size_t size)
{
    struct arena *a = *sys_local();
    if (a == NULL || n == 0 || size == 0 || size > a->size / n) return NULL;
    uint32_t words = (uint32_t)((n * size + 7) / 8) + 1;
    for (uint32_t word = 0; word < a->size / 8; word += block_at(a, word)->words) {
        if (block_at(a, word)->is_used) continue;
        join(a, word);
        if (block_at(a, word)->words >= words) return take(a, word, words);
    }
    return NULL;
}

void arena_free(void *p)
{
    struct arena *a = *sys_local();
    if (p == NULL) return;
    struct block *b = (struct block *)p - 1;
    ensure(a != NULL && b->is_used);
    b->is_used = 0;
    a->used -= b->words * 8;
}
