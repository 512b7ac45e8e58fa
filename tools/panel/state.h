/* state.h - what the front panel shows: one struct of plain integers, filled by the meter's
 * host.
 *
 * The host copies what the meter knows; tools/panel makes JSON of it (docs/panel.md) and the
 * page draws that and nothing else. A section with a `has_` flag is shown only when the flag is
 * set: what a meter does not have is absent from the page, never an empty frame.
 *
 * Units are in the names. Texts are UTF-8 with a closing zero; bytes that are not UTF-8 are
 * replaced when JSON is made. Nothing secret belongs here: every field is shown to anyone who
 * opens the page.
 *
 * Memory   struct panel_state about 4 KiB; zero-initialise it, then set what there is.
 * Context  any; plain data.
 */
#ifndef TOOLS_PANEL_STATE_H
#define TOOLS_PANEL_STATE_H
#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

enum {
    PANEL_TARIFFS = 8,
    PANEL_PORTS = 8,
    PANEL_ALARMS = 16,
    PANEL_LOADS = 8,
    PANEL_TROUBLES = 8,
    PANEL_SAMPLES = 512, /* of a waveform: three cycles at 8 kHz are 480 (50 Hz) */
    PANEL_ROWS = 1500,   /* profile rows of one day, at worst 25 h of minutes */
    PANEL_EVENTS = 256   /* newest events offered to a page that opens */
};

#define ENERGY(id, name, c) id,
enum panel_energy {
#include "tools/panel/energies.def"
    PANEL_ENERGIES
};
#undef ENERGY

/* What is printed on the nameplate; constant while the meter runs. */
struct panel_identity {
    char product[24];                          /* "Magno 22" */
    char serial[16];                           /* "22000147" */
    char device[20];                           /* logical device name, "MAG2200022000147" */
    char firmware[32];                         /* version */
    uint16_t u_v, ib_a, imax_a, f_hz, year;    /* Un, Ib, Imax, fn; year 0: not printed */
    char accuracy[8];                          /* class, "1" */
    uint32_t pulses_per_kwh, pulses_per_kvarh; /* 0: no such output */
    bool development_keys;                     /* the published keys are in use */
};

enum panel_clock_quality { PANEL_CLOCK_VALID, PANEL_CLOCK_DOUBTFUL, PANEL_CLOCK_INVALID };

struct panel_clock {
    utc_t utc;
    int16_t offset_min; /* local = utc + offset, daylight saving included */
    bool dst;
    enum panel_clock_quality quality;
    uint64_t uptime_us; /* mono_t of the meter */
};

/* Instantaneous values of the last window. Below the starting current quadrant is 0 and power
 * factor and angle are not shown. */
struct panel_now {
    bool powered; /* the meter has mains */
    int32_t u_mv, i_ma, in_ma;
    int64_t p_mw, q_mvar, s_mva;
    int32_t pf_e3;    /* -1000..1000, sign of P */
    int32_t f_mhz;    /* 0: no voltage to measure */
    int32_t angle_e1; /* 0..3599 tenths of a degree, I against U, 90 = lagging by 90 */
    int32_t thd_u_e2, thd_i_e2; /* hundredths of a percent; negative: not measured */
    uint8_t quadrant;           /* 1..4, 0 no load */
};

/* Registers in whole Wh, varh, VAh: [energy][0] is the total, [1..8] the tariffs. */
struct panel_energies {
    int64_t wh[PANEL_ENERGIES][1 + PANEL_TARIFFS];
    uint8_t tariff;  /* that counts now, 1..8 */
    uint8_t tariffs; /* in use by the tariff programme, 1..8: how many columns to show */
};

/* Pulses sent since power-up by the two outputs; only ever grow. */
struct panel_pulses {
    uint64_t kwh, kvarh;
};

/* Profile of today: rows come by panel_source.rows, this is its frame. */
struct panel_profile {
    uint16_t interval_s;
    utc_t day;                             /* local midnight of today, in UTC */
    utc_t running;                         /* start of the interval now open */
    int64_t running_wh, running_export_wh; /* booked in it so far */
    uint8_t running_tariff;
};

/* Bits of a profile row's status, as AMR profile status. */
enum {
    PANEL_ROW_CRITICAL = 1 << 0,
    PANEL_ROW_CLOCK_INVALID = 1 << 1,
    PANEL_ROW_DATA_INVALID = 1 << 2,
    PANEL_ROW_DST = 1 << 3,
    PANEL_ROW_CLOCK_ADJUSTED = 1 << 5,
    PANEL_ROW_POWER_DOWN = 1 << 7
};

struct panel_row {
    utc_t start, end; /* of the interval; a broken one is short */
    int64_t import_wh, export_wh;
    uint16_t status;
    uint8_t tariff; /* at its start */
};

struct panel_event {
    uint64_t id; /* grows with every event shown, however many logs there are */
    utc_t time;
    bool time_valid;
    uint16_t code;
    char log[20];    /* "Standard" */
    char text[64];   /* "Power down" */
    char detail[48]; /* "for 61 s"; empty: nothing more to say */
};

enum panel_severity { PANEL_OK, PANEL_WARN, PANEL_BAD };

struct panel_alarm {
    char text[40]; /* "Clock invalid" */
    enum panel_severity severity;
};

enum panel_port_state {
    PANEL_PORT_IDLE,       /* listening, nobody there */
    PANEL_PORT_CONNECTED,  /* a peer without association */
    PANEL_PORT_ASSOCIATED, /* a client with one */
    PANEL_PORT_LOCKED,     /* refuses after wrong passwords */
    PANEL_PORT_OFF         /* no mains, or the port failed */
};

struct panel_port {
    char name[16];    /* "DLMS", "Optical", "RS485" */
    char address[32]; /* "127.0.0.1:4059" */
    char detail[64];  /* "client 1, HLS, ciphered" */
    enum panel_port_state state;
    uint64_t rx, tx; /* octets since power-up */
};

/* One page of the display. A host that leaves has_lcd unset gets pages composed by lcd.c. */
enum {
    PANEL_ICON_IMPORT = 1 << 0,
    PANEL_ICON_EXPORT = 1 << 1,
    PANEL_ICON_CLOCK = 1 << 2, /* time not valid */
    PANEL_ICON_ALARM = 1 << 3,
    PANEL_ICON_OPEN = 1 << 4 /* the supply of the customer is open */
};

struct panel_lcd {
    bool lit;        /* false: dark, nothing is shown */
    bool automatic;  /* pages turn by themselves */
    char digits[24]; /* eight cells right-aligned, points and minus between: "4812.36" */
    char code[16];   /* small row, "1.8.0" */
    char unit[8];    /* "kWh", "V"; empty: none */
    char what[48];   /* the page in words, for those who do not see it: "import energy" */
    uint8_t page, pages, tariff, quadrant;
    uint32_t icons;
};

/* The switch of the customer's supply. Ranks and names are those of docs/supply.md. */
enum { PANEL_HOLDERS = 10 };
enum panel_control { PANEL_DISCONNECTED, PANEL_CONNECTED, PANEL_READY };

struct panel_who {
    uint8_t rank; /* 0: nobody */
    char name[36];
};
struct panel_relay {
    bool on;                    /* as measured */
    bool ordered;               /* where it was driven to */
    enum panel_control control; /* of class 70 */
    uint8_t mode;               /* likewise */
    struct panel_who cause;     /* moved it last */
    uint8_t holders;            /* keep it open, the highest first */
    struct panel_who holder[PANEL_HOLDERS];
    bool locked; /* no more tries to reconnect by itself for a while */
    uint32_t opens, closes, failures;
};

/* The simulated world around the meter. */
#define PANEL_SPEED_MAX UINT32_MAX

struct panel_load {
    char name[24];     /* as a command names it: "household", "heater", "fixed" */
    char text[40];     /* in the list: "household", "uci_2007.csv" */
    bool has_p, has_q; /* active, reactive power can be set */
};

struct panel_world {
    bool supply, reverse;
    int32_t u_mv;                     /* of the supply, when on */
    int32_t p_w_max;                  /* end of the power control */
    char trouble[PANEL_TROUBLES][16]; /* what the relay may suffer from */
    uint8_t troubles, suffers;        /* how many; trouble[suffers] it does */
    int32_t terminal_e1;              /* of the terminal block, 0.1 degree */
    bool cover, magnet;  /* the terminal cover is open; a magnet lies at the case */
    int64_t p_w, q_var;  /* asked for by the load at the nominal voltage */
    uint8_t load, loads; /* loads[load] is connected */
    struct panel_load kinds[PANEL_LOADS];
    uint32_t speed;   /* asked for: 0 pause, a factor, or PANEL_SPEED_MAX */
    uint32_t pace_e1; /* reached over the last second, tenths */
};

/* The wallets, and what the last token came to. */
enum { PANEL_WALLETS = 2 };
struct panel_wallet {
    char unit[12];     /* "kWh", or the currency's name */
    int64_t balance;   /* 1e-3 kWh, or 1e-2 of the currency */
    uint8_t decimals;  /* 3 or 2 */
    bool open, active; /* its account; it pays now */
};
struct panel_prepay {
    struct panel_wallet wallet[PANEL_WALLETS];
    uint8_t wallets;
    bool owes;         /* nothing is left: the supply opens */
    uint32_t locked_s; /* the keypad takes no token for so long */
    uint8_t result;    /* of the last token, 0 before the first */
    char name[20], words[56];
    utc_t time; /* of it */
};

struct panel_state {
    struct panel_identity identity;
    struct panel_clock clock;
    struct panel_now now;
    struct panel_energies energy;
    bool has_pulses, has_profile, has_lcd, has_world, has_prepay, has_relay;
    struct panel_pulses pulses;
    struct panel_profile profile;
    struct panel_lcd lcd;
    struct panel_world world;
    struct panel_prepay prepay;
    struct panel_relay relay;
    uint8_t alarms, ports;
    struct panel_alarm alarm[PANEL_ALARMS];
    struct panel_port port[PANEL_PORTS];
};

/* The newest samples as the front end saw them, calibrated; three cycles, so that two from a
 * rising zero on can be shown. */
struct panel_wave {
    uint32_t period_ns; /* between samples: 125000 */
    uint16_t samples;   /* 0: none */
    int32_t u_mv[PANEL_SAMPLES], i_ma[PANEL_SAMPLES], in_ma[PANEL_SAMPLES];
};

#endif
