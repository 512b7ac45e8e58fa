/* code.h - short codes: a number typed on the keypad shows something, or does something.
 *
 * A row is {number, what it does, item of the display, words for a display that has letters}.
 * The table of the product follows what is printed on cards in the field (docs/codes.md); a
 * utility may write another one, whole. The meter's keypad and the customer's unit share it.
 *
 * Power cut  the table is a parameter: the old one or the new. What was asked for is not kept.
 * Cost       code_enter() a flash read a row until it is found.
 * Memory     none of its own.
 * Context    meter loop only.
 */
#ifndef METER_DISPLAY_CODE_H
#define METER_DISPLAY_CODE_H
#include <stddef.h>
#include <stdint.h>

#include "base/who.h"
#include "meter/display/display.h"

struct meter;

enum { CODES_MAX = 120, CODE_WORDS = 16, CODE_LAST = 9999, CODE_DIGITS = 4, CODE_TYPED = 15 };

/* What of it the meter's own keypad may, bits of PARAM_KEYPAD. */
enum keypad_bit { KEYPAD_TOKENS = 1, KEYPAD_SHOWS = 2, KEYPAD_DOES = 4, KEYPAD_PAIRS = 8 };

enum code_action {
    CODE_SHOW,       /* the item */
    CODE_RECONNECT,  /* as the button does, and who holds the supply is shown */
    CODE_DISCONNECT, /* likewise */
    CODE_EMERGENCY,  /* the emergency credit of the wallet whose turn it is, is taken */
    CODE_SILENCE,    /* the credit alarm is silent until the next level */
    CODE_PAIR,       /* with the meter's number behind it, a customer's unit may pair now */
    CODE_ACTIONS
};

struct short_code {
    uint16_t number; /* 0 to CODE_LAST; zeros in front do not count */
    uint8_t action;  /* enum code_action */
    uint8_t words_n;
    char words[CODE_WORDS];
    struct display_item item;
};

/* How many, and the i-th in the order they were written; E_NONE beyond, E_IO, E_CRC. */
int code_rows(struct meter *m);
int code_row(struct meter *m, unsigned i, struct short_code *x);

/* The i-th of the product's; E_NONE beyond. */
int code_product(unsigned i, struct short_code *x);

/* A table comes row by row and stands at commit; none: the product's again. E_BUSY: another list
 * is being written, or the store is at work. A row that is not right, or a number that is there
 * twice: E_RANGE, and the table is given up. */
int code_begin(struct meter *m, const struct who *who, unsigned rows);
int code_put(struct meter *m, const struct who *who, const struct short_code *x);
int code_commit(struct meter *m, const struct who *who);

/* The row of a number; E_NONE: there is none. */
int code_find(struct meter *m, uint16_t number, struct short_code *x);

/* Somebody typed a number: it is shown for as long as the button's pages are, or done. E_NONE:
 * no such code; E_DENIED: not by this keypad; else what the order came to (supply_order()). */
int code_enter(struct meter *m, const struct who *who, uint16_t number);

/* The same from a unit with a display of its own: the row, and the cells of part `part`
 * (display/sum.h) in page. Part 0 alone does what the code does. */
int code_tell(struct meter *m, const struct who *who, uint16_t number, unsigned part,
              struct short_code *x, struct display_page *page);

/* The same from the digits as typed: up to CODE_DIGITS are a code; more are one that pairs and the
 * meter's number, its eight digits or the eleven of vending. E_RANGE: no digit, another meter's
 * number. E_DENIED as above. */
int code_type(struct meter *m, const struct who *who, const char *digits, size_t n);

#endif
