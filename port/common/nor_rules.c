#include "port/common/nor_rules.h"

#include <string.h>

#include "base/err.h"
#include "base/sys.h"

void nor_rules_init(struct nor_rules *r, uint32_t size, struct nor_times times)
{
    ensure(size > 0 && size % NOR_SECTOR == 0);
    memset(r, 0, sizeof *r);
    r->size = size;
    r->times = times;
}

static bool is_inside(const struct nor_rules *r, uint32_t at, size_t n)
{
    return at <= r->size && n <= r->size - at;
}

static bool meets(const struct nor_running *x, uint32_t at, size_t n)
{
    return x->on && at < x->at + x->n && x->at < at + n;
}

void nor_rules_read(const struct nor_rules *r, uint32_t at, size_t n)
{
    ensure(is_inside(r, at, n));
    ensure(!meets(&r->running[NOR_ERASE], at, n));
}

static void prog_allowed(const struct nor_rules *r, uint32_t at, size_t n)
{
    ensure(n > 0 && n <= NOR_PAGE && at / NOR_PAGE == (at + (uint32_t)n - 1) / NOR_PAGE);
    ensure(!meets(&r->running[NOR_ERASE], at, n));
}

static void erase_allowed(const struct nor_rules *r, uint32_t at, size_t n)
{
    ensure(n == NOR_SECTOR && at % NOR_SECTOR == 0);
    ensure(!meets(&r->running[NOR_PROG], at, n));
}

void nor_rules_start(struct nor_rules *r, enum nor_op op, uint32_t at, size_t n,
                     uint64_t now_us)
{
    ensure(is_inside(r, at, n) && !r->running[op].on);
    if (op == NOR_PROG) {
        prog_allowed(r, at, n);
        r->running[NOR_ERASE].due_us += r->times.prog_us + NOR_SUSPEND_US;
    } else {
        erase_allowed(r, at, n);
    }
    uint32_t takes = op == NOR_PROG ? r->times.prog_us : r->times.erase_us;
    r->running[op] = (struct nor_running){
        .on = true, .at = at, .n = (uint32_t)n, .due_us = now_us + r->polled_us + takes
    };
}

int nor_rules_poll(struct nor_rules *r, enum nor_op op, uint64_t now_us, bool has_clock)
{
    ensure(r->running[op].on);
    if (now_us + r->polled_us < r->running[op].due_us) {
        if (!has_clock) r->polled_us += NOR_POLL_US;
        return E_BUSY;
    }
    r->running[op].on = false;
    return 0;
}

void nor_rules_blur(const struct nor_rules *r, uint32_t at, void *dst, size_t n)
{
    const struct nor_running *x = &r->running[NOR_PROG];
    uint8_t *out = dst;
    if (!meets(x, at, n)) return;
    uint32_t from = x->at > at ? x->at - at : 0, end = x->at + x->n - at;
    for (uint32_t k = from; k < n && k < end; k++) out[k] ^= 0x5A;
}
