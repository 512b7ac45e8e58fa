/* value.h - COSEM values for people and scripts: one encoded A-XDR value in, JSON or text out;
 * and text or JSON in, an encoded value out.
 *
 * A value stays encoded until it is shown; nothing is lost on the way. JSON: integers are
 * numbers, octet-strings upper-case hex, bit-strings "10110", arrays and structures arrays.
 * What an octet-string says stands beside it: "text" where all of it can be read, "time" where
 * it is a date and time.
 *
 * As input, on the command line: `unsigned:5`, `long:-3`, `u32:7`, `octet-string:0A0B`,
 * `text:hello`, `visible-string:hello`, `boolean:true`, `enum:1`, `bit-string:1011`,
 * `date-time:2026-01-01T00:00:00Z`, `obis:1-0:1.8.0`, `null`, `hex:0203...` (encoded as it
 * stands), `array(u8:1, u8:2)`, `structure(...)`.
 *
 * Context  host programs. Depth is bounded by AXDR_DEPTH.
 */
#ifndef TOOLS_CLIENT_VALUE_H
#define TOOLS_CLIENT_VALUE_H
#include <jansson.h>
#include <stdio.h>

#include "base/time.h"
#include "tools/client/buf.h"
#include "tools/common/trouble.h"

/* The JSON of one whole value; nested values plain, or with `typed` as {"type":,"value":}.
 * in must hold exactly what axdr_read_value() gave. Never NULL; null for what is broken. */
json_t *value_json(struct axdr_in in, bool typed);

/* Set "type", "value" and, where they can be said, "text" and "time" in object. */
void value_to_object(json_t *object, struct axdr_in in, bool typed);

/* One line for people: numbers times 10^scaler with unit behind (unit "" and scaler 0: bare),
 * strings that can be read in quotes, dates as dates, structures in braces. */
void value_print(struct buf *line, struct axdr_in in, int scaler, const char *unit);

/* The number of any integer, enum or boolean value; false for the rest. */
bool value_number(struct axdr_in in, int64_t *value);

/* v x 10^scaler, all its digits: (12345, -2) is "123.45". */
void value_scaled(struct buf *line, int64_t v, bool is_unsigned, int scaler);

/* {scaler, unit}; E_TYPE when it is no such structure. */
int value_scaler_unit(struct axdr_in in, int *scaler, uint8_t *unit);

/* -- dates ------------------------------------------------------------------------------ */

enum { VALUE_TIME = 40 };

/* UTC of a COSEM date-time when year to second and deviation are given. */
bool value_utc(const uint8_t dt[12], utc_t *t);

/* "2026-01-01T00:00:00Z" when it has a deviation, without Z when it has none, and with stars
 * and words where fields are open. */
const char *value_time_text(char text[VALUE_TIME], const uint8_t dt[12]);

/* Its clock status: "invalid", "doubtful", "other clock base", "invalid status", or "". */
const char *value_time_status(const uint8_t dt[12]);
const char *value_date_text(char text[VALUE_TIME], const uint8_t date[5]);
const char *value_clock_text(char text[VALUE_TIME], const uint8_t time[4]);

/* date-time of t, deviation 0, status 0. */
void value_put_utc(uint8_t dt[12], utc_t t);

/* Is this the time, if it is one: octet-string(12) or date-time that can be a date. */
const uint8_t *value_as_time(struct axdr_in in);

/* -- compact arrays --------------------------------------------------------------------- */

/* Append to out the array of structures that a compact-array stands for (any other value is
 * copied). E_FORMAT; E_SPACE when it grows beyond all reason. */
int value_expand(struct buf *out, struct axdr_in in);

/* -- input ------------------------------------------------------------------------------ */

/* Append the encoding of text. E_FORMAT or E_RANGE with a sentence in t. */
int value_parse(struct buf *out, const char *text, struct trouble *t);

/* Is a type written in front of it? */
bool value_has_type(const char *text);

/* Append a bare value with the type of `like`: numbers, booleans, bits; octet-strings as time
 * where `like` is one, as hex behind 0x, else as text. E_FORMAT, E_RANGE. */
int value_parse_like(struct buf *out, struct axdr_in like, const char *text, struct trouble *t);

/* Append the encoding of a {"type":..., "value":...} object. */
int value_parse_json(struct buf *out, const json_t *object, struct trouble *t);

#endif
