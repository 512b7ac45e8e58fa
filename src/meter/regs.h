/* regs.h - the registers: one struct, so that freezing them is an assignment.
 *
 * Energy is kept once, as whole units in 96 cells: quantity x quadrant x tariff. Every
 * published total is a sum of cells, so every identity between totals holds at every instant,
 * in a frozen copy and in a billing row alike. What has not made a unit yet waits in
 * energy/energy.h. registers.def names all that can be told as a number. A register id is all
 * that profiles, displays, monitors and COSEM objects know.
 *
 * Cost     an octet of a table by id finds a row; reg_at(): at most 32 additions more.
 * Memory   struct regs, about 2 kB.
 * Context  any reader of a copy; the live one belongs to the meter loop.
 */
#ifndef METER_REGS_H
#define METER_REGS_H
#include <stdbool.h>
#include <stdint.h>

enum { CELL_WH, CELL_VARH, CELL_VAH, CELLS, QUADRANTS = 4, TARIFFS = 8, FAMILY = TARIFFS + 1 };
enum { Q1 = 1, Q2 = 2, Q3 = 4, Q4 = 8 };

/* Units as COSEM numbers them (IEC 62056-6-2, table of units). */
enum {
    UNIT_S = 7,
    UNIT_DEG = 8,
    UNIT_CELSIUS = 9,
    UNIT_W = 27,
    UNIT_VA = 28,
    UNIT_VAR = 29,
    UNIT_WH = 30,
    UNIT_VAH = 31,
    UNIT_VARH = 32,
    UNIT_A = 33,
    UNIT_V = 35,
    UNIT_HZ = 44,
    UNIT_PERCENT = 56,
    UNIT_NONE = 255
};

/* Last values, in the unit of the name; signed as the direction of the energy. */
enum val {
    VAL_U_MV,
    VAL_I_MA,
    VAL_IN_MA,
    VAL_PF_MILLI,
    VAL_F_MHZ,
    VAL_ANGLE_I_MDEG,
    VAL_ANGLE_N_MDEG,
    VAL_P_MW,
    VAL_Q_MVAR,
    VAL_S_MVA,
    VAL_THD_U_MILLI,
    VAL_THD_I_MILLI,
    VAL_TEMP_DC,
    VAL_QUADRANT, /* 1..4, 0 no load */
    /* over the recording interval of survey 1 (in a row of a survey: over its own) */
    VAL_U_AVG_MV,
    VAL_I_AVG_MA,
    VAL_IN_AVG_MA,
    VAL_PF_AVG_MILLI,
    VAL_F_AVG_MHZ,
    VAL_U_MIN_MV,
    VAL_U_MAX_MV,
    VAL_I_MAX_MA,
    /* demands, whole W, var, VA; DEMANDS of each */
    VAL_DEMAND_NOW,
    VAL_DEMAND_LAST = VAL_DEMAND_NOW + 6,
    VAL_DEMAND_SUM = VAL_DEMAND_LAST + 6,
    VAL_TARIFF = VAL_DEMAND_SUM + 6, /* 1..8 */
    VAL_DEMAND_TARIFF,
    VAL_SOURCE, /* 0 grid, 1 second source */
    VAL_STATUS_1,
    VAL_STATUS_2,
    VAL_STATUS_3, /* profile status of each survey */
    VAL_BATTERY_MV,
    VAL_ALARM_1,
    VAL_ALARM_2,
    VAL_ALARM_3,
    VAL_ERROR_1,
    VAL_ERROR_2,
    VAL_SUPPLY_HOLDER, /* who holds it open: enum requester + 1; 0 nobody */
    VAL_SUPPLY_CAUSE,  /* of the last operation, likewise */
    VAL_SUPPLY_STATE,  /* enum control_state */
    VAL_SUPPLY_ON,     /* as measured */
    VAL_CREDIT_1,      /* of a wallet: 1e-3 kWh or 1e-2 currency */
    VAL_CREDIT_2,
    VAL_KEY_REVISION, /* KRN x 10 + KT, of the last test token; likewise the next */
    VAL_TARIFF_INDEX,
    VAL_POWER_LIMIT_W,
    QUANTITIES
};

enum demand_kind {
    DEMAND_P_IMPORT,
    DEMAND_P_EXPORT,
    DEMAND_P_ABS,
    DEMAND_Q_IMPORT,
    DEMAND_Q_EXPORT,
    DEMAND_S_IMPORT,
    DEMANDS
};

/* Counters: only ever grow, survive every reset. */
enum cnt {
    CNT_BOOTS,
    CNT_POWER_FAILURES,
    CNT_LONG_FAILURES,
    CNT_CHANGES,
    CNT_PROTECTED_CHANGES,
    CNT_BILLINGS,
    CNT_SAGS,
    CNT_SWELLS,
    CNT_MISSING,
    CNT_OVERCURRENT,
    CNT_RELAY_OPENS,
    CNT_RELAY_CLOSES,
    CNT_RELAY_OPEN_FAILS,
    CNT_RELAY_CLOSE_FAILS,
    CNT_TOKENS,
    CNT_EVENTS_LOST,
    CNT_WINDOWS_LATE,
    CNT_BATTERY_S,
    CNT_TAMPER, /* one each: meter cover, terminal cover, magnet, bypass, metrology, module */
    CNT_TAMPER_S = CNT_TAMPER + 6, /* seconds each lasted, closed ones */
    COUNTERS = CNT_TAMPER_S + 6
};
enum tamper_counter {
    TAMPER_METER_COVER,
    TAMPER_TERMINAL_COVER,
    TAMPER_MAGNET,
    TAMPER_BYPASS,
    TAMPER_METROLOGY,
    TAMPER_MODULE_COVER,
    TAMPERS
};

/* When something last happened: UTC seconds, 0 never. */
enum stamp {
    STAMP_CHANGE,
    STAMP_PROTECTED_CHANGE,
    STAMP_TOU_CHANGE,
    STAMP_CALENDAR,
    STAMP_CALIBRATION,
    STAMP_CLOCK_SET,
    STAMP_FIRMWARE,
    STAMP_POWER_FAILURE,
    STAMP_BILLING,
    STAMP_BATTERY,
    STAMP_TAMPER,
    STAMP_SCHEDULE = STAMP_TAMPER + TAMPERS, /* orders by date are done up to here */
    STAMP_SINGLE,                            /* likewise a single action */
    STAMPS
};

/* Values since the last billing and since midnight are differences to these. */
enum { BASES_BILLING = 24, BASES_DAY = 8, BASES = BASES_BILLING + BASES_DAY };

struct maximum {
    uint32_t value; /* W, var or VA */
    uint32_t utc_s; /* end of the interval that reached it; 0 never */
};

struct regs {
    uint64_t cell[CELLS][QUADRANTS][TARIFFS];
    int64_t utc_s; /* of the last thing that happened to them */
    struct maximum maximum[DEMANDS][FAMILY];
    int32_t quantity[QUANTITIES];
    uint32_t counter[COUNTERS];
    uint32_t stamp[STAMPS];
    uint32_t base[BASES]; /* low 32 bits of totals */
};

#define ENERGY(id, unit, cell, plus, minus) id, id##_last = id + FAMILY - 1,
#define SINCE(id, of, base, members) id, id##_last = id + members - 1,
#define QUANTITY(id, unit, scaler, index, view, decimals) id,
#define MAXIMUM(id, unit, demand) id, id##_last = id + FAMILY - 1,
#define MAXIMUM_TIME(id, demand) id, id##_last = id + FAMILY - 1,
#define COUNTER(id, unit, index) id,
#define STAMP(id, index) id,
enum reg {
#include "meter/registers.def"
    REG_COUNT
};
#undef ENERGY
#undef SINCE
#undef QUANTITY
#undef MAXIMUM
#undef MAXIMUM_TIME
#undef COUNTER
#undef STAMP

struct reg_unit {
    int8_t scaler;
    uint8_t unit;
};

enum reg_kind { REG_UNSIGNED, REG_SIGNED, REG_TIME }; /* u32, i32, UTC seconds as u32 */

/* The value of register id < REG_COUNT in any set: live, frozen, billed. A total is exact to
 * 64 bits; on the wire and in rows its low 32 bits count (15 years at 1.15 Un and Imax fit). */
int64_t reg_at(const struct regs *r, uint16_t id);
struct reg_unit reg_unit_at(uint16_t id);
enum reg_kind reg_kind_at(uint16_t id);

/* The register's name as in registers.def ("REG_WH_IMPORT"), and its member 0..8. */
const char *reg_name_at(uint16_t id, unsigned *member);

#endif
