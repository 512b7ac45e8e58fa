/* output.h - which lamp and which sound an alarm makes: a matrix the utility may rewrite.
 *
 * A row names an alarm bit and what it drives on the meter and on the customer's unit. Of all
 * bits that are set the first row counts; without one, the credit's (prepay/credit.h). The beeps
 * before a cut for arrears sound beside either. Patterns are numbers the port knows: 0 off,
 * 1 steady, 2 slow, 3 fast, 4 one blink a minute.
 *
 * Power cut  the matrix is a parameter.
 * Cost       at each change of an alarm, one pass over 32 rows.
 * Context    meter loop only.
 */
#ifndef METER_EVENT_OUTPUT_H
#define METER_EVENT_OUTPUT_H
#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "base/who.h"

struct meter;

enum { OUTPUT_ROWS = 32, OUTPUT_SOUND_S = 2 };
enum output_pattern {
    OUTPUT_OFF,
    OUTPUT_STEADY,
    OUTPUT_SLOW,
    OUTPUT_FAST,
    OUTPUT_MINUTE,
    OUTPUT_PATTERNS
};

struct output_row {
    uint8_t alarm, bit; /* register 1..3; 0..31 */
    uint8_t led, buzzer, ciu_led, ciu_buzzer;
    uint8_t text;     /* of the display: output_text(); 0 none */
    uint8_t repeat_s; /* pause of a sound, which then lasts OUTPUT_SOUND_S; 0: while it lasts */
};

/* The sound that pauses: of which row, and whether it does now. */
struct outputs {
    uint16_t sounds; /* register x 32 + bit; 0 none */
    bool pauses;
};

/* The rows as they stand; how many. */
unsigned output_rows(struct meter *m, struct output_row row[OUTPUT_ROWS]);

/* Write them all; none: the product's again. E_RANGE. */
int output_set_rows(struct meter *m, const struct who *who, const struct output_row *row,
                    unsigned n);

/* The row that drives the outputs now; all zero: nothing. */
struct output_row output_now(struct meter *m);

/* What the display shows of a text, at most eight cells; NULL: its number. */
const char *output_text(unsigned text);

/* -- for the parts of meter/ alone: drive the lamps where alarms changed; a sound pauses, or
 * goes on */
void output_drive(struct meter *m);
void output_due(struct meter *m, utc_t due);

#endif
