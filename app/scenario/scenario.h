/* scenario.h - a story told to a meter: what happens around it, what it is ordered, what must
 * come of it.
 *
 * A script is lines of words (docs/scenarios.md). Time is simulated: the engine feeds windows,
 * steps the device, and plays the calendar chip, the covers and the supply. Whatever the meter
 * logs, and each expectation, is said with its date; the checksum of all that was said and that
 * of the flash are the story's two hashes. The same script gives the same hashes on every
 * target.
 *
 * Memory   struct scenario 8 KiB, the host's; no heap.
 * Context  one caller; it owns the device while it runs.
 */
#ifndef APP_SCENARIO_SCENARIO_H
#define APP_SCENARIO_SCENARIO_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/scenario/client.h"
#include "app/scenario/headend.h"
#include "model/device.h"
#include "port/common/relay_sim.h"

enum scenario_kind {
    SAID_EVENT,  /* the meter wrote an event */
    SAID_NOTE,   /* the script speaks */
    SAID_SHOWN,  /* a value that was asked for */
    SAID_MET,    /* an expectation holds */
    SAID_MISSED, /* it does not */
    SAID_WRONG   /* a line that is not understood, or an order the meter refused */
};

struct scenario_said {
    enum scenario_kind kind;
    int64_t utc_s; /* true time */
    unsigned line; /* of the script */
    const char *text;
};

struct scenario_host {
    void *ctx;
    /* The next line of the script without its end, NUL-terminated, at most cap - 1 octets.
     * E_NONE behind the last; E_SPACE a longer one. */
    int (*line)(void *ctx, char *dst, size_t cap);
    void (*say)(void *ctx, const struct scenario_said *said);
    struct device *device;
    struct device_cfg cfg; /* meter is replaced by the scenario's own */
    struct meter_io io;    /* flash, scratch, entropy; the rest is played */
    bool has_seed;         /* it goes before the script's */
    uint64_t seed;
};

/* What the script has of a calendar until it is activated. */
enum {
    SCENARIO_ORDERS = 32,
    SCENARIO_DAYS = 12,
    SCENARIO_WEEKS = 6,
    SCENARIO_SEASONS = 6,
    SCENARIO_SPECIALS = SPECIAL_DAYS_MAX
};
struct scenario_calendar {
    uint8_t days, weeks, seasons, specials, orders;
    struct day day[SCENARIO_DAYS];
    struct week week[SCENARIO_WEEKS];
    struct season season[SCENARIO_SEASONS];
    struct special_day special[SCENARIO_SPECIALS];
    struct schedule_entry order[SCENARIO_ORDERS];
};

/* What is wrong with the flash. */
enum { SCENARIO_FLAWS = 8 };
struct scenario_flaw {
    uint32_t from,
        to; /* dead: takes nothing in [from, to); else octet `from` has a wrong bit */
    bool dead;
};

/* The board that is played: memories that can go wrong, parts that can fall silent. */
enum { SCENARIO_PROGRAM = 2048, SCENARIO_RAM = 64 };
struct scenario_board {
    uint8_t program[SCENARIO_PROGRAM]; /* and its sum */
    uint32_t ram[SCENARIO_RAM];
    uint16_t stuck; /* 1 + the word of which a bit does not move; 0 none */
    bool barked;    /* the watchdog began this start */
    bool display_mute, module_mute, jumper;
};

struct scenario {
    struct scenario_host host;
    struct meter_cfg meter;
    struct meter_io io;
    uint64_t true_us; /* since 1970 */
    mono_t now;       /* since power-up */
    bool powered, started;
    uint64_t window_us;
    /* the load */
    int64_t p_mw, q_mvar;
    uint32_t u_mv, i_ma, f_mhz;
    bool i_given, n_given;
    bool household; /* of the seed, second by second */
    uint64_t seed, random;
    uint32_t n_ma; /* of the neutral, and its power */
    int64_t n_mw;
    uint32_t thd_bp[2]; /* of voltage and current; 0: not measured */
    uint32_t front;     /* flags of quantities: what the front end suffers from */
    /* terminals */
    uint16_t inputs;
    struct dark_edge dark[CFG_DARK_EDGES];
    uint8_t darks;
    int64_t rtc_off_s, rtc_ppm; /* of the chip against true time */
    uint64_t rtc_set_us;
    bool rtc_lost, rtc_mute;
    struct nor nor; /* the host's, with its flaws */
    struct scenario_flaw flaw[SCENARIO_FLAWS];
    uint8_t flaws;
    struct scenario_board board;
    int supercap_mv;
    struct client client;
    struct headend headend;
    struct relay_sim relay;
    int temperature_dc; /* of the terminals */
    uint8_t lamp[LAMPS];
    uint64_t pulses[IMPULSES];
    struct scenario_calendar calendar;
    uint32_t logged[LOGS]; /* events said, by log */
    unsigned line, met, missed;
    uint32_t trace; /* checksum under way */
};

struct scenario_end {
    unsigned met, missed;  /* expectations; lines not understood count as missed */
    uint32_t trace, flash; /* hashes */
};

/* Play the whole script. The flash should be blank, or what an earlier story left. */
struct scenario_end scenario_run(struct scenario *s, const struct scenario_host *host);

#endif
