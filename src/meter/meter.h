/* meter.h - the meter without any DLMS: everything it knows and does, in one struct.
 *
 * The meter runs one thing at a time, dated when it happened. device_step() asks meter_next()
 * for the date of the first due thing, compares it with its links and jobs, and calls
 * meter_handle() for exactly one; then it drains events and lets the store go on. Whatever else
 * is done to the meter (a parameter written by a client, a token) happens between meter_at(),
 * which dates it, and meter_drain_events().
 *
 *     windows < inputs < clock set < timers (order of timer.h)       at equal dates
 *
 * Power cut  each header of a part says what is left; energy is at most one checkpoint
 *            period behind and never ahead, and with meter_last_gasp() nothing is lost.
 * Cost       a window 1 500 instructions on a Cortex-M4 without a record, 6 000 with.
 * Memory     struct meter, asserted against CFG_RAM_METER.
 * Context    meter loop only; nothing here is reentrant.
 */
#ifndef METER_METER_H
#define METER_METER_H
#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "base/who.h"
#include "meter/cfg.h"
#include "meter/clock/clock.h"
#include "meter/command.h"
#include "meter/energy/energy.h"
#include "meter/energy/values.h"
#include "meter/event/event.h"
#include "meter/io.h"
#include "meter/param.h"
#include "meter/prepay/credit.h"
#include "meter/prepay/expense.h"
#include "meter/prepay/token.h"
#include "meter/prepay/unit.h"
#include "meter/prepay/wallet.h"
#include "meter/profile/billing.h"
#include "meter/profile/profile.h"
#include "meter/regs.h"
#include "meter/tamper/input.h"
#include "meter/tamper/watch.h"
#include "meter/timer.h"
#include "meter/tou/schedule.h"
#include "meter/tou/single.h"
#include "meter/tou/tou.h"
#include "meter/energy/average.h"
#include "meter/energy/demand.h"
#include "meter/display/display.h"
#include "meter/event/alarm.h"
#include "meter/event/output.h"
#include "meter/event/push.h"
#include "meter/supply/battery.h"
#include "meter/supply/board.h"
#include "meter/supply/limiter.h"
#include "meter/supply/monitor.h"
#include "meter/supply/protect.h"
#include "meter/supply/supply.h"
#include "meter/secure/secure.h"
#include "metrology/front.h"
#include "metrology/quantity.h"
#include "store/store.h"

/* A transaction being put together (change.h). */
struct change {
    struct alarms alarms; /* as its events leave them */
    bool open, alarmed;
};

/* All that varies about a meter. Parts are their modules' own; now, cfg, io, front, store and
 * clock may be read by whoever holds the meter. What is small or asked often comes first: a Cortex-M
 * reaches the first 4 KiB with one instruction, the first 128 octets with a short one. */
struct meter {
    const struct meter_cfg *cfg;
    const struct meter_io *io;
    mono_t t;          /* of what is being handled */
    utc_t utc;         /* calendar time then */
    utc_t last;        /* date of the newest record or row: floor of the clock at power-up */
    mono_t window_end; /* of the window taken last */
    mono_t compared;   /* with the calendar chip, and found different */
    bool live;         /* past power-up: records change a running meter */
    bool replan;       /* a change moved deadlines */
    uint8_t planned;   /* so many of the plans were made anew since */
    bool sampled;      /* windows come from front */
    struct board board;
    struct single single;
    struct billing_state billing;
    struct pushes pushes;
    struct alarms alarms;
    struct change change;
    struct clock clock;
    struct supply supply;
    struct param_stage stage;
    struct store_app app;
    struct average average;
    struct display display;
    struct monitors monitors;
    uint8_t lamp[LAMPS]; /* patterns as driven */
    bool outputs_stale;  /* alarms changed since */
    struct outputs outputs;
    struct pulse_mark marked;
    uint32_t output_constant[PULSE_OUTPUTS]; /* as the test outputs stand */
    struct energy energy;
    struct protect protect;
    struct limiters limiters;
    struct secure secure;
    struct units units;
    struct tou tou;
    struct inputs inputs;
    struct tokens tokens;
    struct wallets wallets;
    struct regs now;
    struct timers timers;
    struct expense expense;
    struct survey survey[CFG_SURVEYS];
    struct demand demand;
    struct events events;
    struct watch watch;
    int32_t scalar[PARAMS];
    struct measure measure;
    struct store store;
    struct front front;
};

/* Prepare memory. cfg and io are kept until the meter dies. With io->sampled the port feeds
 * m->front, else meter_feed_quantities(). */
void meter_init(struct meter *m, const struct meter_cfg *cfg, const struct meter_io *io);

/* Power-up at mono t (0): mount the flash, replay, redo, read the RTC and the inputs, write the
 * boot record, date the outage, close the intervals it broke. A blank flash is formatted. The
 * meter then counts. E_IO the flash does not answer; E_FORMAT it holds something else than a
 * meter: nothing is written. */
int meter_mount(struct meter *m, mono_t t);

/* Date of the first thing the meter has to do by itself; MONO_NEVER without one. */
mono_t meter_next(const struct meter *m);

/* Handle that one thing. It must be due; the store must be ready (meter_is_ready). */
void meter_handle(struct meter *m);

/* What is done from now on is dated t, never before what was handled last; values that are only
 * worked out when somebody looks (running demand) are brought up to date. */
void meter_at(struct meter *m, mono_t t);

/* Time of what is being handled. */
utc_t meter_utc(const struct meter *m);

/* Queued events become log rows, alarm bits and pushes. Call after each thing handled. */
void meter_drain_events(struct meter *m);

/* Nothing may be handled while a commit is in flight or the program queue is full. */
bool meter_is_ready(const struct meter *m);

/* Poll the flash and start its next operation; sliced work (an erase ahead, a ring's turn) goes
 * on. True while there is more to do. */
bool meter_store_step(struct meter *m);

/* One window or more, scaled: from metrology, a metering chip or a fleet's load. q->start must
 * be the end of the one before; q->end must not lie beyond meter_next(), so that tariffs and
 * intervals cut exactly. Booked at once. E_STATE  something is due before q->end, or the
 * windows do not join; E_BUSY the store is not ready */
int meter_feed_quantities(struct meter *m, const struct quantity *q);

/* Levels of all inputs (enum input) from mono t on. E_SPACE when edges come faster than they
 * are handled; the newest levels stand then. */
int meter_feed_inputs(struct meter *m, mono_t t, uint16_t levels);

/* The supply fails: the open window is closed and booked, one record written at once. What
 * follows if the supply stays is an ordinary life. */
void meter_last_gasp(struct meter *m, mono_t t);

#endif
