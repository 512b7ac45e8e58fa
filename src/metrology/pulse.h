/* pulse.h - the two test outputs: a pulse is a booked unit, told evenly.
 *
 * Energy is booked once, by the meter, a window at a time; a register steps five times a
 * second. A test bench wants pulses that fall evenly. So the meter tells an output what it has
 * booked, and the sample chain plays that out, sample by sample, while the next window is
 * measured:
 *
 *     pulse_book(front_pulse(f, PULSE_ACTIVE), booked_nj)
 *
 * Started from the booking's own rests, an output crosses a unit where the register did: at
 * 1000 imp/kWh every pulse is one Wh of a cell. It is never ahead of the register, whatever
 * reverses, fails or is corrected, and behind it by what was booked last: a window of
 * energy, 1.4 Wh at 26 kW, 0.06 Wh at 5 A. Half a window after the load is off both stand at
 * the same count.
 *
 * Each direction has its own account, like the rests; the output does not tell them apart.
 *
 * Width is at most 80 ms and at most half the pulse period, at least 4 ms; pulses that would
 * overlap wait, and are never lost.
 *
 * Power cut  state is RAM: pulses not yet given when the supply fails are not given.
 * Cost       a play 150 instructions, a pulse 120.
 * Context    pulse_play_isr, pulse_tick_isr: sample interrupt. pulse_book: meter; it masks
 *            interrupts for some 20 instructions.
 */
#ifndef METROLOGY_PULSE_H
#define METROLOGY_PULSE_H
#include <stdbool.h>
#include <stdint.h>

enum pulse_output { PULSE_ACTIVE, PULSE_REACTIVE, PULSE_OUTPUTS };
enum pulse_dir { PULSE_IMPORT, PULSE_EXPORT, PULSE_DIRS };
enum { PULSE_CONSTANT_MIN = 100, PULSE_CONSTANT_MAX = 10000 };

struct pulse_out {
    int64_t unit_nj;                /* energy of a pulse */
    int64_t told_nj[PULSE_DIRS];    /* booked and not taken up yet */
    int64_t account_nj[PULSE_DIRS]; /* played, less the pulses given; below 0 within a play */
    int64_t play_nj;                /* being played out to account_nj[play_dir] */
    uint32_t count;                 /* pulses since init */
    uint32_t event_at;              /* sample at which something changes */
    uint32_t from_at, play_n;       /* sample at which play_nj began, how many it takes */
    uint32_t fire_at;               /* sample of the next pulse */
    uint32_t edge_at;               /* sample at which the output goes off, or its gap ends */
    uint32_t last_at;               /* sample of the last pulse */
    uint16_t width_min, width_max, width; /* samples */
    uint16_t due;                         /* pulses that wait for the output */
    uint8_t play_dir, fire_dir;           /* enum pulse_dir */
    uint8_t out;                          /* idle, on, gap */
    bool fires;
    volatile bool told;
};

enum { PULSE_OUT_IDLE, PULSE_OUT_ON, PULSE_OUT_GAP };

/* constant in imp/kWh or imp/kvarh, 100 to 10 000 (ensured); rest_nj: the booking's rests,
 * import and export, each >= 0, taken modulo the unit of the pulse. */
void pulse_init(struct pulse_out *p, uint32_t constant, uint32_t rate_hz,
                const int64_t rest_nj[PULSE_DIRS]);

/* Meter, once a window: nj was booked, below 0 to export. */
void pulse_book(struct pulse_out *p, int64_t nj);

/* What was booked since, if anything, is played out over the n samples (1 to 4095) after now.
 */
void pulse_play_isr(struct pulse_out *p, uint32_t now, uint32_t n);

/* Something is due at sample now: pulse_tick_isr() found event_at reached. */
void pulse_event_isr(struct pulse_out *p, uint32_t now);

/* Sample now. True while the output is on. */
static inline bool pulse_tick_isr(struct pulse_out *p, uint32_t now)
{
    if ((int32_t)(now - p->event_at) >= 0) pulse_event_isr(p, now);
    return p->out == PULSE_OUT_ON;
}

#endif
