/* display.h - what the segment display shows: lists of registers, turned by time or by the
 * button.
 *
 * A list is up to 32 items {register, decimals, label}; there are three, for everyday, for the
 * button, for service. The first turns by itself. A press of the button goes to the second list
 * and then item by item; a press of three seconds to the third; after a while without a press
 * the first is back. At power-up all segments show. Alarms and errors are pages of the first
 * list while they last. A token that is entered shows what it came to for one turn, a credit token
 * its amount and the balance after it, a test token all that it asks for; then, or at a press of
 * the button, the lists go on. The label is three numbers a person can look up (the OBIS code's
 * C, D, E); the meter does not read them. While the supply is open a page of the first list says who
 * keeps it so. A long press belongs to the supply where that waits for one (supply/supply.h).
 *
 * Nothing here runs by timer: a page is a function of the list, the last press and the time
 * asked for, so a display that nobody looks at costs nothing.
 *
 * Power cut  lists are parameters; what was shown is not kept.
 * Cost       display_page() one flash read and one register.
 * Memory     struct display, 56 octets.
 * Context    meter loop only.
 */
#ifndef METER_DISPLAY_DISPLAY_H
#define METER_DISPLAY_DISPLAY_H
#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "base/who.h"

struct meter;

/* The last is no list of the display, but what a readout by IEC 62056-21 mode C says: where none was
 * written, the first. */
enum display_list {
    DISPLAY_AUTOMATIC,
    DISPLAY_BUTTON,
    DISPLAY_SERVICE,
    DISPLAY_READOUT,
    DISPLAY_LISTS = DISPLAY_READOUT
};
enum { DISPLAY_ITEMS = 32, DISPLAY_CELLS = 8 };

/* Items that are no registers. */
enum {
    DISPLAY_TIME = 0xFFF0,
    DISPLAY_DATE,
    DISPLAY_SERIAL,
    DISPLAY_TEST,  /* all segments */
    DISPLAY_ALARM, /* an alarm that is set: register and bit; the next each round */
    DISPLAY_ERROR,
    DISPLAY_HOLDER, /* who keeps the supply open, in letters */
    DISPLAY_CAUSE,  /* who moved the relay last, likewise */
    /* in no list: of the alarm that drives the outputs, its text; of a token alone: */
    DISPLAY_TEXT,
    DISPLAY_RESULT,  /* number of its result, sts/results.def */
    DISPLAY_AMOUNT,  /* that it added */
    DISPLAY_TAMPERS, /* covers terminal, meter, module, magnet, mismatch, enclosure: 1 set; in
                        lists too */
    DISPLAY_CHANNEL, /* it came by, enum link_id */
    /* in lists again: */
    DISPLAY_VERSION /* of the firmware */
};

struct display_item {
    uint16_t column;  /* register id, or one of the above */
    uint8_t decimals; /* shown, 0..5 */
    bool kilo;        /* kWh for Wh */
    uint8_t label[3]; /* C, D, E */
};

enum display_icon {
    ICON_IMPORT = 1 << 0,
    ICON_EXPORT = 1 << 1,
    ICON_INDUCTIVE = 1 << 2,
    ICON_CAPACITIVE = 1 << 3,
    ICON_NO_LOAD = 1 << 4,
    ICON_CLOCK = 1 << 5, /* invalid */
    ICON_ALARM = 1 << 6,
    ICON_ERROR = 1 << 7,
    ICON_TAMPER = 1 << 8, /* a cover is open, a magnet at the case */
    ICON_BATTERY = 1 << 9,
    ICON_SECOND_SOURCE = 1 << 10,
    ICON_MANUAL = 1 << 11, /* pages wait for the button */
    ICON_OPEN = 1 << 12,   /* the supply is open, as measured */
    ICON_ALL = 0x1FFF
};

struct display_page {
    struct display_item item;
    char cell[DISPLAY_CELLS]; /* digits, '-', ' ', letters of seven segments; numbers to the
                                 right */
    uint8_t point;            /* digits right of the point */
    uint8_t unit;             /* COSEM's, of the register; UNIT_NONE */
    uint8_t page, pages;
    uint16_t round;           /* how often the pages were gone through since a press */
    uint8_t tariff, quadrant; /* 1..8; 1..4, 0 no load */
    uint16_t icons;
    bool automatic;
};

struct display {
    mono_t since, pressed; /* the list shown began then; the button went down then */
    mono_t asked;          /* an item was asked for then */
    struct display_item item;
    uint8_t list, index;
    bool is_asked;
};

/* The page at t. */
void display_page(struct meter *m, mono_t t, struct display_page *page);

/* Cells, point and unit of page->item as it stands at t: for whoever turns the pages by a clock
 * of his own. */
void display_show(struct meter *m, mono_t t, struct display_page *page);
/* The same of one part of it (display/sum.h), for a display elsewhere. */
void display_show_part(struct meter *m, mono_t t, struct display_page *page, unsigned part);

/* The items of a list as they stand (the product's where none was written); how many, at
 * least one. */
unsigned display_items(struct meter *m, enum display_list list,
                       struct display_item item[DISPLAY_ITEMS]);

/* How a column is shown where nothing else is said: as that list has it, or one of the product's
 * lists, or by its unit (energy in thousands with two decimals, power with three). */
struct display_item display_item_of(struct meter *m, enum display_list list, uint16_t column);

/* Write a list; none: the product's again. E_RANGE: no such register, too many decimals or
 * items. */
int display_set_items(struct meter *m, const struct who *who, enum display_list list,
                      const struct display_item *item, unsigned n);

/* Is there such an item? */
bool display_has(const struct display_item *item);

/* Show this one for a while, whatever else is to be seen: somebody asked for it. E_RANGE: no
 * such item. */
int display_ask(struct meter *m, const struct display_item *item);

/* -- for the parts of display/: a number with page->point decimals; three of two digits */
void display_number(struct display_page *page, int64_t v);
void display_three(struct display_page *page, unsigned a, unsigned b, unsigned c);

/* The button went down or up at the time of what is being handled. */
void display_button(struct meter *m, bool down);

#endif
