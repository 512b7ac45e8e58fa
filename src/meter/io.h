/* io.h - what a meter needs of its terminals; a port fills it in.
 *
 * The meter calls these only from its own context. A call that takes a time is told when the
 * thing happened (the date of what is being handled), so that a simulated port can answer for
 * that instant; a real one may answer for the present. Every pointer but nor and scratch may be
 * NULL: then the part is absent (no RTC: the clock is invalid at each start; no lamp: dark).
 *
 * Context  meter loop only; none of them blocks.
 */
#ifndef METER_IO_H
#define METER_IO_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"

#include "crypto/rng.h"
#include "store/nor.h"
#include "store/store.h"

/* Levels the meter is fed with meter_feed_inputs(); 1 = active, open, pressed, present. */
enum input {
    INPUT_TERMINAL_COVER = 1 << 0, /* open */
    INPUT_METER_COVER = 1 << 1,    /* open */
    INPUT_MODULE_COVER = 1 << 2,   /* open */
    INPUT_MAGNET = 1 << 3,         /* field above the threshold of the sensor */
    INPUT_ENCLOSURE = 1 << 4,      /* external tamper contact, open */
    INPUT_RESOURCE = 1 << 5,       /* second source feeds the load */
    INPUT_RATE_0 = 1 << 6,         /* binary rate number, low bit */
    INPUT_RATE_1 = 1 << 7,
    INPUT_RATE_2 = 1 << 8,
    INPUT_ALERT = 1 << 9,        /* external alert terminal */
    INPUT_BUTTON = 1 << 10,      /* display button */
    INPUT_SEAL_BUTTON = 1 << 11, /* sealed button: end of billing */
    INPUT_MODULE = 1 << 12,      /* communication module present */
    INPUT_BATTERY_LOW = 1 << 13,
    INPUT_RELAY_CLOSED = 1 << 14, /* feedback contact, where there is one */
    INPUT_AC_FIELD = 1 << 15,     /* alternating or high-frequency field above the threshold */
};

enum impulse { IMPULSE_WH, IMPULSE_VARH, IMPULSE_OUTPUT, IMPULSES };
enum lamp {
    LAMP_ALARM,
    LAMP_CREDIT_GREEN,
    LAMP_CREDIT_AMBER,
    LAMP_CREDIT_RED,
    LAMP_BUZZER,
    LAMPS
};

/* An edge seen while the meter was off, by the RTC's own time. */
struct dark_edge {
    int64_t utc_s;
    uint16_t levels; /* all inputs after the edge */
};

/* What a meter tests of the board it runs on (supply/board.h); what is NULL is not fitted. */
struct board_io {
    /* The program as it lies in memory, octets from 0; the last four are the CRC-32 of all
     * before them, low octet first. 0: it cannot be read. */
    uint32_t program_octets;
    void (*program)(void *ctx, uint32_t at, uint8_t *dst, size_t n);
    bool (*ram_is_sound)(void *ctx); /* as tested before this start */
    bool (*was_watchdog)(void *ctx); /* this start is the watchdog's */
    /* The pattern went to the memory of the display's driver and came back. */
    bool (*display_keeps)(void *ctx, uint8_t pattern);
    bool (*module_answers)(void *ctx); /* asked while INPUT_MODULE is on */
};

enum coil { COIL_OFF, COIL_OPEN, COIL_CLOSE };

struct meter_io {
    void *ctx;
    const struct nor *nor;         /* the data flash, laid out as cfg->map */
    struct store_scratch *scratch; /* one for all meters of a thread where flash is at once */

    /* The calendar chip at mono t: 0 and *utc; E_STATE when it lost its supply since it was
     * set; E_IO when it does not answer. */
    int (*rtc_read)(void *ctx, mono_t t, utc_t *utc);
    int (*rtc_write)(void *ctx, mono_t t, utc_t utc);

    bool sampled; /* samples go into struct front; else quantities are fed */

    const struct entropy *entropy; /* crypto/rng.h */
    /* The key that wraps all keys on flash. */
    int (*root_key)(void *ctx, uint8_t key[16]);

    /* n pulses of an output became due at t (n > 1 only where windows are long). */
    void (*impulse)(void *ctx, mono_t t, enum impulse output, uint32_t n);
    void (*lamp)(void *ctx, mono_t t, enum lamp lamp, uint8_t pattern);
    /* Drive the coil of the bistable relay, or let it go; the meter times the pulse. The
     * position is known from the current and INPUT_RELAY_CLOSED. NULL: no relay is fitted. */
    void (*relay)(void *ctx, mono_t t, enum coil coil);

    /* Edges of covers while unpowered, oldest first, at most n; and forget them. */
    int (*dark_take)(void *ctx, struct dark_edge *dst, size_t n);
    /* Levels of all inputs as they are at t: read at power-up, before the first Wh counts. */
    uint16_t (*inputs)(void *ctx, mono_t t);
    /* Is the jumper of the factory in its place? */
    bool (*jumper)(void *ctx);
    const struct board_io *board;
    /* The capacitor that feeds the last gasp, in millivolts. */
    int (*supercap_mv)(void *ctx);
    /* Battery in millivolts; temperature of the terminal block in 0.1 degree Celsius. */
    int (*battery_mv)(void *ctx);
    int (*temperature_dc)(void *ctx);
};

#endif
