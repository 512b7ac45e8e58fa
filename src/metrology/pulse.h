/* pulse.h - the two test outputs: a pulse is a booked unit, told in real time.
 *
 * Energy is booked once, by the meter, a window at a time; a register steps five times a
 * second. A test bench wants pulses that fall evenly. Both come from one account: the sample
 * chain feeds the output with the energy of every half cycle as it ends, and plays it out
 * sample by sample over the next one; the window says how much it fed to each direction
 * (pulsed_nj), and the booking settles the difference to what it booked (creep, angle
 * correction, billed element, registration mode):
 *
 *     pulse_settle(&f->pulse[PULSE_ACTIVE], q.pulsed_nj[PULSE_ACTIVE], dir, booked_nj, next)
 *
 * Started from the booking's own rests, an output crosses a unit where the register does: at
 * 1000 imp/kWh every pulse is one Wh of a cell. Under load an output is at most one half cycle
 * of energy (0.07 Wh at 26 kW) from the truth, so at every window end pulses and register agree
 * to one pulse, and with the load off they stand at the same count. Only a reversal is
 * different: the register nets the window in which it falls, a pulse already given cannot be
 * taken back, and the account is below zero until energy of that direction has made up for it.
 *
 * Each direction has its own account, like the rests; the output does not tell them apart.
 * Below the no-load limit the booking sets direction none and the account stands still.
 *
 * Width is at most 80 ms and at most half the pulse period, at least 4 ms; pulses that would
 * overlap wait, and are never lost.
 *
 * Context  pulse_feed_isr, pulse_tick_isr: sample interrupt. pulse_settle: meter; it masks
 *          interrupts for some 40 instructions.
 */
#ifndef METROLOGY_PULSE_H
#define METROLOGY_PULSE_H
#include <stdbool.h>
#include <stdint.h>

enum pulse_output { PULSE_ACTIVE, PULSE_REACTIVE, PULSE_OUTPUTS };
enum pulse_dir { PULSE_IMPORT, PULSE_EXPORT, PULSE_NONE };
enum { PULSE_DIRS = 2, PULSE_CONSTANT_MIN = 100, PULSE_CONSTANT_MAX = 10000 };

struct pulse_out {
    int64_t unit_nj;                /* energy of a pulse */
    int64_t account_nj[PULSE_DIRS]; /* short of the next pulse; negative: owed by the output */
    int64_t play_nj;                /* >= 0, being played out to account_nj[play_dir] */
    uint32_t count;                 /* pulses since init */
    uint32_t event_at;              /* sample at which something changes */
    uint32_t from_at, play_n;       /* sample at which play_nj began, how many it takes */
    uint32_t fire_at;               /* sample of the next pulse in this half cycle */
    uint32_t edge_at;               /* sample at which the output goes off, or its gap ends */
    uint32_t last_at;               /* sample of the last pulse */
    uint16_t width_min, width_max, width; /* samples */
    uint16_t due;                         /* pulses that wait for the output */
    uint8_t dir, play_dir;                /* enum pulse_dir: fed to, played */
    volatile uint8_t ask_dir;             /* by the meter, for the next window */
    uint8_t out;                          /* idle, on, gap */
    bool fires;
};

enum { PULSE_OUT_IDLE, PULSE_OUT_ON, PULSE_OUT_GAP };

/* constant in imp/kWh or imp/kvarh, 100 to 10 000 (ensured); rest_nj: the booking's rests,
 * import and export, each 0 <= rest < unit of the pulse (the caller takes them modulo). */
void pulse_init(struct pulse_out *p, uint32_t constant, uint32_t rate_hz,
                const int64_t rest_nj[PULSE_DIRS]);

/* From now on energy counts to the direction the meter asked for last, which is returned. The
 * chain calls it as a window begins, so that a window is fed to one direction. */
enum pulse_dir pulse_turn_isr(struct pulse_out *p);

/* Energy of a half cycle, signed as measured, to be played out over the n samples after now.
 * Returns what was counted to the present direction; with direction none nothing is. */
int64_t pulse_feed_isr(struct pulse_out *p, int64_t e_nj, uint32_t now, uint32_t n);

/* Something is due at sample now: pulse_tick_isr() found event_at reached. */
void pulse_event_isr(struct pulse_out *p, uint32_t now);

/* Sample now. True while the output is on. */
static inline bool pulse_tick_isr(struct pulse_out *p, uint32_t now)
{
    if ((int32_t)(now - p->event_at) >= 0) pulse_event_isr(p, now);
    return p->out == PULSE_OUT_ON;
}

/* Meter, once a window: booked_nj >= 0 was booked to dir (PULSE_NONE: nothing was), fed_nj is
 * what the window says was fed to either direction; energy counts to next from the window after
 * the one now open. */
void pulse_settle(struct pulse_out *p, const int64_t fed_nj[PULSE_DIRS], enum pulse_dir dir,
                  int64_t booked_nj, enum pulse_dir next);

#endif
