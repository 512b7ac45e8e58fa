#include "port/common/nor_mem.h"

#include <string.h>

#include "base/err.h"
#include "base/sys.h"

typedef uint32_t __attribute__((may_alias)) word_t;

static uint64_t now_us(const struct nor_mem *m)
{
    return m->clock_us ? m->clock_us(m->clock_ctx) : 0;
}

static int mem_read(void *ctx, uint32_t at, void *dst, size_t n)
{
    const struct nor_mem *m = ctx;
    nor_rules_read(&m->rules, at, n);
    memcpy(dst, m->image + at, n);
    nor_rules_blur(&m->rules, at, dst, n);
    return 0;
}

static int mem_prog_start(void *ctx, uint32_t at, const void *src, size_t n)
{
    struct nor_mem *m = ctx;
    nor_rules_start(&m->rules, NOR_PROG, at, n, now_us(m));
    m->src = src;
    return 0;
}

static int mem_erase_start(void *ctx, uint32_t at)
{
    struct nor_mem *m = ctx;
    nor_rules_start(&m->rules, NOR_ERASE, at, NOR_SECTOR, now_us(m));
    return 0;
}

/* In order, octet by octet or word by word, so that a power cut in QEMU leaves a prefix. */
static void take_effect(struct nor_mem *m, enum nor_op op, uint32_t at, size_t n)
{
    volatile uint8_t *cell = m->image + at;
    if (op == NOR_PROG) {
        for (size_t k = 0; k < n; k++) cell[k] = (uint8_t)(cell[k] & m->src[k]);
        m->programs++;
        m->programmed_bytes += n;
    } else {
        volatile word_t *word = (volatile word_t *)(void *)(m->image + at);
        for (size_t k = 0; k < n / sizeof *word; k++) word[k] = UINT32_MAX;
        m->erases++;
    }
}

static int mem_poll(void *ctx, enum nor_op op)
{
    struct nor_mem *m = ctx;
    int e = nor_rules_poll(&m->rules, op, now_us(m), m->clock_us != NULL);
    if (e < 0) return e;
    const struct nor_running *done = &m->rules.running[op];
    if (m->intercept) {
        const uint8_t *src = op == NOR_PROG ? m->src : NULL;
        e = m->intercept(m->intercept_ctx, op, done->at, src, done->n);
        if (e < 0) return e;
    }
    take_effect(m, op, done->at, done->n);
    return 0;
}

void nor_mem_init(struct nor_mem *m, uint8_t *image, uint32_t size, struct nor_times times)
{
    memset(m, 0, sizeof *m);
    ensure((uintptr_t)image % sizeof(word_t) == 0);
    nor_rules_init(&m->rules, size, times);
    m->image = image;
    m->nor = (struct nor){ .ctx = m,
                           .size = size,
                           .read = mem_read,
                           .prog_start = mem_prog_start,
                           .erase_start = mem_erase_start,
                           .poll = mem_poll };
}
