/* sample.c - the converter this board lacks: the load generator, by timer or pulled, and the
 * clock that its samples are.
 *
 * The load changes with the second. In live time household_at() is too long for a sample, so
 * the meter's context computes the next second's load ahead (sample_load_ahead) and the
 * interrupt only takes it over; pulled, everything happens in line. Both end with the same
 * load in the same second.
 */
#include "port/mps2/sample.h"

#include <string.h>

#include "base/sys.h"
#include "port/common/household.h"
#include "port/common/loadrows.h"
#include "port/mps2/chip.h"
#include "port/mps2/board.h"
#include "port/mps2/mps2.h"

enum { BURST = 64, WAKE_SAMPLES = 80 }; /* lwIP looks at its own time-outs every 10 ms */

static struct {
    struct loadgen gen;
    struct sample_cfg cfg;
    port_sample *take;
    void *ctx;
    uint64_t count, wake_us;
    uint32_t due;     /* cycles of TIMER1 at which the next sample is made */
    uint32_t second;  /* whose load is in gen */
    struct load next; /* of second + 1 */
    bool has_next;
} s;

static struct load load_at(uint32_t second)
{
    struct load l = s.cfg.fixed;
    uint32_t follows;
    if (s.cfg.kind == SAMPLE_HOUSEHOLD) {
        l = household_at(s.cfg.seed, (utc_t){ s.cfg.start.s + second });
    } else if (s.cfg.kind == SAMPLE_ROWS) {
        l = load_rows_at(s.cfg.rows, s.cfg.n_rows, second, &follows);
    }
    l.noise_mcode = s.cfg.noise_mcode;
    return l;
}

void sample_init(const struct sample_cfg *cfg)
{
    s.cfg = *cfg;
    s.wake_us = UINT64_MAX;
    loadgen_init(&s.gen, cfg->seed);
    struct load first = load_at(0);
    ensure(loadgen_set(&s.gen, &first) == 0);
}

void port_sampler(port_sample *take, void *ctx)
{
    s.take = take;
    s.ctx = ctx;
}

/* True when a window closed. */
static bool one_sample(void)
{
    struct loadgen_sample x;
    loadgen_run(&s.gen, &x, 1);
    s.count++;
    return s.take && s.take(s.ctx, x.v, x.i, x.n);
}

static void next_second(const struct load *l)
{
    s.second++;
    (void)loadgen_set(&s.gen, l); /* checked when it was given */
}

static bool live_sample(void)
{
    if (s.has_next && s.count >= (uint64_t)(s.second + 1) * SAMPLE_HZ) {
        s.has_next = false;
        next_second(&s.next);
    }
    bool wake = one_sample();
    if (s.count * SAMPLE_US >= s.wake_us) {
        s.wake_us = UINT64_MAX;
        wake = true;
    }
    return wake || s.count % WAKE_SAMPLES == 0;
}

/* A host under load delivers timer interrupts late and sometimes two as one; as a converter
 * with a FIFO would, all samples that are due are made. */
void sample_isr(void)
{
    REG(TIMER0 + 0xC) = 1;
    bool wake = false;
    for (int k = 0; k < BURST && (int32_t)(~REG(TIMER1 + 4) - s.due) >= 0; k++) {
        s.due += CPU_HZ / SAMPLE_HZ;
        wake |= live_sample();
    }
    if (wake) port_wake();
}

void sample_load_ahead(void)
{
    if (s.has_next) return;
    s.next = load_at(s.second + 1);
    s.has_next = true;
}

void port_start(void)
{
    chip_live();
    sample_load_ahead();
    REG(TIMER1 + 8) = REG(TIMER1 + 4) = UINT32_MAX;
    REG(TIMER1) = 1;
    s.due = ~REG(TIMER1 + 4) + CPU_HZ / SAMPLE_HZ;
    REG(TIMER0 + 4) = REG(TIMER0 + 8) = CPU_HZ / SAMPLE_HZ - 1;
    NVIC_PRIORITY(IRQ_TIMER0) = PRIORITY_SAMPLE;
    NVIC_ENABLE = 1u << IRQ_TIMER0;
    REG(TIMER0) = 1 | 8;
    sys_irq_unlock(0);
    port_wake();
}

void port_pull(mono_t t)
{
    while ((s.count + 1) * SAMPLE_US <= t.us) {
        if (s.count == (uint64_t)(s.second + 1) * SAMPLE_HZ) {
            struct load l = load_at(s.second + 1);
            next_second(&l);
        }
        if (one_sample()) return;
    }
}

mono_t port_mono(void)
{
    uint32_t was = sys_irq_lock(); /* two words */
    mono_t t = { s.count * SAMPLE_US };
    sys_irq_unlock(was);
    return t;
}

void port_wake_at(mono_t t)
{
    board_alive();
    uint32_t was = sys_irq_lock();
    s.wake_us = t.us;
    sys_irq_unlock(was);
}

void port_wake(void)
{
    SCB_ICSR = ICSR_PENDSV_SET;
}

void port_sleep(void)
{
    __asm__ volatile("wfi");
}
