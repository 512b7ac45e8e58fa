/* classes.h - the interface classes of the meter, and a row macro for each kind of object.
 *
 * A class is written once, in classes/; an object is one row of objects/. A row names what it
 * shows by id (a register, a parameter, a text) or by a const description; never by address.
 *
 * Source   IEC 62056-6-2 (Blue Book part 2) through the class tables of docs/objects.md.
 * Context  meter loop only.
 */
#ifndef MODEL_CLASSES_H
#define MODEL_CLASSES_H
#include "meter/meter.h"
#include "model/device.h"
#include "model/roles.h"

/* Texts that are made, not kept. */
enum text {
    TEXT_DEVICE_NAME,  /* MAG22 + 11 digits */
    TEXT_SERIAL,       /* 8 digits */
    TEXT_DRN,          /* 13 digits of the STS meter number */
    TEXT_FIRMWARE,     /* semantic version and build */
    TEXT_HARDWARE,     /* hardware revision of the port */
    TEXT_VARIANT,      /* voltage, currents, frequency, poles of the relay */
    TEXT_SYSTEM_TITLE, /* 8 octets */
    TEXT_UNIT,         /* firmware of the customer's unit, as it told; empty: it has not */
};

/* Values that are worked out when asked. */
enum made_id {
    MADE_BILLING_ROWS,
    MADE_BILLING_AGE,
    MADE_BILLING_STATUS,
    MADE_LONG_FAILURE,
    MADE_TAMPER_NOW,
    MADE_BATTERY_LEFT,
    MADE_FRIENDLY,
    MADE_DAYS_LEFT,
    MADE_CREDIT_USED,
    MADE_DEBT,
    MADE_DUE,
    MADE_BATTERY_PERCENT,
    MADE_LAST_DURATION,
    MADE_LAST_MAGNITUDE_V,
    MADE_LAST_MAGNITUDE_A
};

/* Numbers of the product that stand in its const description. */
enum rating_id { RATING_UN_V, RATING_IB_A, RATING_FN_HZ, RATING_IMAX_A };

/* Every class; a row names its class by its place in this list. */
#define CLASS(name, id, version, attrs, n) extern const struct cosem_attr attrs[n];
#define CLASS_WITH(name, id, version, attrs, n, methods, m)                                    \
    CLASS(name, id, version, attrs, n) extern const struct cosem_method methods[];
#include "model/classes.def"
#undef CLASS
#undef CLASS_WITH
#define CLASS(name, ...) INDEX_##name,
#define CLASS_WITH(name, ...) INDEX_##name,
enum {
#include "model/classes.def"
    CLASSES
};
#undef CLASS
#undef CLASS_WITH
_Static_assert(CLASSES <= UINT8_MAX, "one octet names a class");

/* Script n of a table is row n - 1: what it says it does, and the order it is. */
struct script {
    uint8_t service; /* 1 writes an attribute, 2 calls a method */
    uint8_t class_id;
    struct obis_row ln;
    int8_t index;
    const char *name; /* parameter: these octets, at most 5, or integer 0 */
    uint16_t command; /* enum command */
    int8_t arg;
};
struct script_table {
    const struct script *script;
    uint8_t n;       /* up to 8 */
    uint8_t objects; /* each does it to so many, E and up */
    uint8_t least;   /* that may be left when it is written */
    uint16_t param;  /* it may be written, and then this has it (param_script()); 0 none */
};

/* Script n of it, from 1, as it stands; NULL: there is none. */
const struct script *model_script(struct meter *m, const struct script_table *t, unsigned n);

/* The parameters of a port, in the order of meter/params.def: first + link * HDLCS and so on.
 */
enum { LOCAL_MODE, LOCAL_PROPOSAL, LOCAL_RESPONSE, LOCALS, LOCAL_ADDRESS = 32 };
enum {
    HDLC_SPEED,
    HDLC_WINDOW_TX,
    HDLC_WINDOW_RX,
    HDLC_INFO_TX,
    HDLC_INFO_RX,
    HDLC_OCTET_MS,
    HDLC_INACTIVITY,
    HDLC_ADDRESS,
    HDLCS
};

/* Parameters that make one structure: as many rows as cosem_row.n says; or an array of structures,
 * one an object, of which the parameters of the next lie one further. */
enum { SETTINGS_MAX = 8 }; /* in all */
struct setting {
    uint16_t id;
    uint8_t tag;
};
struct setting_row {
    uint16_t id : 11, tag : 5; /* the compiler says when one grows beyond */
};

/* A calendar, and the script table its days call. */
struct calendar_view {
    struct obis script;
    uint8_t calendar; /* enum calendar */
};

/* Lists whose entries class 123 hands out, by array_object_id - 1: each an attribute that is made of
 * rows. */
struct arrays {
    const struct capture_row *list;
    uint8_t n;
};

/* Which register families count by tariff: members 1 to 8 of 1-0:c.d. */
struct activation {
    uint16_t class_id, reg; /* reg: the tariff in force */
    uint8_t d, n;
    const uint8_t *c;
};

/* A single action: {time, date} with wildcards, kept by the meter. */
enum { SCHEDULE_TIME = 9 };
struct schedule {
    struct obis script;
    uint16_t selector;
    uint8_t which;
    void (*get)(struct meter *m, unsigned which, uint8_t when[SCHEDULE_TIME]);
    int (*set)(struct meter *m, const struct who *who, unsigned which,
               const uint8_t when[SCHEDULE_TIME]);
};

/* A single action that is written whole, and the table its script is of. */
struct single_view {
    struct obis script;
    uint8_t id; /* enum single_id */
};

/* What a profile shows, and whose. */
struct profile_kind;
struct profile_view {
    const struct profile_kind *kind;
    uint8_t which;
};
extern const struct profile_kind profile_survey, profile_log, profile_billing, profile_changes,
    profile_tokens;

/* Columns of logs that are no registers; registers, clock and status keep meter/profile's ids.
 */
enum {
    COLUMN_EVENT = 0xFF00,
    COLUMN_POWER_STATE,
    COLUMN_CLIENT,
    COLUMN_CHANNEL,
    COLUMN_WHAT,
    COLUMN_MAGNITUDE,
    COLUMN_DURATION,
    COLUMN_ENERGY,
    COLUMN_CHANGED,
    COLUMN_DIGEST,
    COLUMN_TOKEN, /* of tokens: its digits */
    COLUMN_TOKEN_DELIVERY,
    COLUMN_TOKEN_STATUS,
    COLUMN_TOKEN_WALLET,
    COLUMN_TOKEN_TID,
    COLUMN_TOKEN_AMOUNT, /* as the token says it: 0.1 kWh, 1e-5 currency, W, ... */
    COLUMN_TOKEN_KIND    /* class above, sub-class below, an octet each */
};

/* Which object and attribute shows column `column` of profile view v; and the reverse. */
struct cosem_capture model_capture_of(uint16_t column, const struct profile_view *v);
int model_column_of(const struct cosem_capture *c); /* >= 0, or E_NONE */

/* Digits of a token, two an octet: none of one that was not taken. */
int emit_token_digits(struct axdr_out *o, const struct token_last *l);

/* token_status of class 115 for a token: {status_code, data_value}. */
int emit_token_status(struct axdr_out *o, const struct token_last *l);

/* The same of items of the display, which are registers and some more (display/display.h). */
struct cosem_capture model_capture_of_item(uint16_t item);
int model_item_of(const struct cosem_capture *c); /* >= 0, or E_NONE */

/* A monitored value as {class, name, attribute}; and written into a parameter that holds the
 * register behind it. */
int emit_monitored(struct axdr_out *o, uint16_t reg);
enum dar set_monitored_by(struct meter *m, const struct who *who, uint16_t param,
                          struct axdr_in *in);

/* Two scripts of a table, {up, down}; and written into two parameters in a row. */
int emit_scripts(struct axdr_out *o, const struct obis *table, int32_t up, int32_t down);
enum dar set_scripts_of(struct meter *m, const struct who *who, const struct obis *table,
                        uint16_t up, struct axdr_in *in);

/* Which object and attribute shows a parameter; class 0: none does. And that as {class, name,
 * attribute, null}: the value is read there. */
struct cosem_capture model_object_of(uint16_t param);
/* The reverse, of attributes that are one plain number; PARAMS: this is none. */
struct setting model_setting_of(const struct cosem_at *at);
int emit_changed(struct axdr_out *o, uint16_t param);

/* The A-XDR tag under which the object table shows register `reg`. */
uint8_t model_reg_tag(uint16_t reg);

/* Objects of what this device has not: unavailable. */
enum dar model_gate(void *app, const struct cosem_at *at);

/* -- row macros -----------------------------------------------------------------------------
 */
#define ROW(a, b, c, d, e, n, acl, cls, ...)                                                   \
    {                                                                                          \
        a, b, c, d, e, n, acl, INDEX_##cls, 0,                                                 \
        {                                                                                      \
            __VA_ARGS__                                                                        \
        }                                                                                      \
    }
/* 1; no array when they are too many */
#define SETTINGS_FIT(list, objects)                                                            \
    sizeof(char[COUNT(list) * ((objects) ? (objects) : 1) <= SETTINGS_MAX ? 1 : -1])
#define SETTINGS(c, d, e, acl, list, objects)                                                  \
    {                                                                                          \
        0, 0, c, d, e, 1, acl, INDEX_class_settings,                                           \
            SETTINGS_FIT(list, objects) * (COUNT(list) | (objects) << 4),                      \
        {                                                                                      \
            .ext = (list)                                                                      \
        }                                                                                      \
    }
#define SHOWN(i, t)                                                                            \
    {                                                                                          \
        .id = (i), .tag = (t)                                                                  \
    }
#define REGISTER(c, d, e, n, acl, reg, t)                                                      \
    ROW(1, 0, c, d, e, n, acl, class_register, SHOWN(reg, t))
#define EXTENDED(c, d, e, n, acl, reg, t)                                                      \
    ROW(1, 0, c, d, e, n, acl, class_extended, SHOWN(reg, t))
#define ABSTRACT(c, d, e, reg, t)                                                              \
    ROW(0, 0, c, d, e, 1, ACL_METER, class_register, SHOWN(reg, t))
#define NUMBER(a, c, d, e, acl, reg, t) ROW(a, 0, c, d, e, 1, acl, class_data, SHOWN(reg, t))
#define MOMENT(a, c, d, e, acl, reg) ROW(a, 0, c, d, e, 1, acl, class_data_time, SHOWN(reg, 0))
#define PARAM(a, c, d, e, acl, par, t) ROW(a, 0, c, d, e, 1, acl, class_param, SHOWN(par, t))
#define PARAM_BITS(d, e, acl, par, bits)                                                       \
    ROW(0, 0, 96, d, e, 1, acl, class_bits, SHOWN(par, bits))
#define OCTETS(a, c, d, e, acl, par) ROW(a, 0, c, d, e, 1, acl, class_octets, SHOWN(par, 0))
#define TEXT(a, b, c, d, e, acl, what) ROW(a, b, c, d, e, 1, acl, class_text, SHOWN(what, 0))
#define SETTING(a, c, d, e, acl, par, t, unit, scaler)                                         \
    ROW(a, 0, c, d, e, 1, acl, class_param_register,                                           \
        { .id = (par), .tag = SCALED(t, scaler), .arg = (unit) })
/* Tag of a parameter that is shown as a register, and its scaler, 0 to -7. */
#define SCALED(tag, scaler) ((tag) | -(scaler) << 5)
enum { SCALED_TAG = 31 };
#define PROFILE(a, c, d, e, acl, cls, view) ROW(a, 0, c, d, e, 1, acl, cls, .ext = view)
#define MADE(a, c, d, e, cls, what, t, n)                                                      \
    ROW(a, 0, c, d, e, 1, ACL_METER, cls, { .id = (what), .tag = (t), .arg = (n) })
#define OBJECT(a, b, c, d, e, acl, cls, what) ROW(a, b, c, d, e, 1, acl, cls, SHOWN(what, 0))

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* -- shared by the classes --------------------------------------------------------------------
 */
static inline struct device *device_of(void *app)
{
    return app;
}
static inline struct meter *meter_of(void *app)
{
    return &((struct device *)app)->meter;
}
/* Attributes of rows that are bound to a register: its value, its {scaler, unit}. */
enum dar get_reg_value(void *app, const struct cosem_at *at, struct axdr_out *o);
enum dar get_reg_unit(void *app, const struct cosem_at *at, struct axdr_out *o);
int emit_unit(struct axdr_out *o, int8_t scaler, uint8_t unit);

/* Attributes that are nothing else than this: null-data, an empty array, the enum 0. */
enum dar get_null(void *app, const struct cosem_at *at, struct axdr_out *o);
enum dar get_empty(void *app, const struct cosem_at *at, struct axdr_out *o);
enum dar get_first(void *app, const struct cosem_at *at, struct axdr_out *o);

/* An attribute that is a parameter and no more (model_setting_of); what has none there is 0. */
enum dar get_shown(void *app, const struct cosem_at *at, struct axdr_out *o);
enum dar set_shown(void *app, const struct cosem_at *at, struct axdr_in *in);

/* A parameter as a number of that type, and taken as one; under AXDR_DATETIME as a moment in
 * octets, seconds since 1970. Words of 32 bits (filters) are kept as the signed number of the same
 * bits. Above UINT32_MAX: it is none. */
int emit_setting(void *app, struct axdr_out *o, struct setting s);
int64_t read_setting(void *app, struct axdr_in *in, struct setting s);
enum dar set_setting(void *app, const struct cosem_at *at, struct axdr_in *in,
                     struct setting s);

/* Arrays whose elements, of `size` octets each, are as the n rows of `field` tell; up to `max` of
 * them are taken. read_rows() gives how many, E_TYPE for another shape, or E_RANGE. */
struct row_shape {
    const struct axdr_field *field;
    uint8_t n, size, max;
};
int emit_rows(struct axdr_out *o, const struct row_shape *s, const void *row, unsigned rows);
int read_rows(struct axdr_in *in, const struct row_shape *s, void *row);

/* An attribute as {class, name, attribute}; a script as {name of its table, selector}. */
int emit_attribute(struct axdr_out *o, const struct cosem_capture *c);
int emit_script(struct axdr_out *o, const struct obis *table, unsigned selector);

/* Flags as a bit-string of n bits, at most 32, bit 0 the first; and read. */
int emit_flags(struct axdr_out *o, uint32_t flags, unsigned n);
uint32_t read_flags(struct axdr_in *in, unsigned n);

/* The scripts that order the relay. */
#define SUPPLY_SCRIPTS                                                                         \
    {                                                                                          \
        0, 0, 10, 0, 106, 255                                                                  \
    }
extern const struct obis supply_scripts;

/* Do a command; what a lockout of the moment forbids is a temporary failure. */
enum dar model_order(struct meter *m, const struct who *who, uint16_t command, int32_t arg);

/* A moment as octet-string of 12, in local time with deviation and status; second 0 of 1970
 * means never and is sent as all not specified. */
int emit_moment(struct meter *m, struct axdr_out *o, utc_t u);
void moment_put(struct meter *m, utc_t u, uint8_t dt[12]);

/* The date of a scheme that waits, shown by two classes; the scheme of a side, all zero without
 * one; all that a wallet was charged as the newest closed row has it, 0 without one. */
enum dar get_scheme_time(void *app, const struct cosem_at *at, struct axdr_out *o);
enum dar set_scheme_time(void *app, const struct cosem_at *at, struct axdr_in *in);
void model_scheme(struct meter *m, enum scheme_side side, struct scheme *s);
int64_t model_charged_at(struct meter *m, unsigned w, enum billing which, unsigned back);

/* A date-time from a client: 0, or E_RANGE where year, month, day, hour or minute is missing.
 */
int moment_get(struct meter *m, const uint8_t dt[12], utc_t *u);

#endif
