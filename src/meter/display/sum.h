/* sum.h - what a customer asks a display for and no register holds: credit, cost, earlier months,
 * step and price, the tokens taken.
 *
 * Items are ranges: a first one and so many behind it (how far back, which wallet). Those that do
 * not fit eight cells come in parts, one after the other.
 *
 * Power cut  nothing is kept here.
 * Cost       those of months and of yesterday one or two rows of flash, tokens one.
 * Context    meter loop only; for display.c and the model.
 */
#ifndef METER_DISPLAY_SUM_H
#define METER_DISPLAY_SUM_H
#include "meter/display/display.h"

struct meter;

enum display_sum {
    SUM_FIRST = 0xFE00,
    SUM_CREDIT = SUM_FIRST,    /* of the wallet whose turn it is, of the first, of the second */
    SUM_COST = SUM_CREDIT + 3, /* today, yesterday, this month */
    SUM_MONTH_ENERGY = SUM_COST + 3,        /* 1 to 12 months back: import */
    SUM_MONTH_COST = SUM_MONTH_ENERGY + 12, /* likewise */
    SUM_PRICE = SUM_MONTH_COST + 12,        /* the step of the month; its price a kWh */
    SUM_TOP_UP,                             /* the last credit token: date, time, amount */
    SUM_TOKEN = SUM_TOP_UP + 3,             /* digits of the tokens taken, the newest first */
    SUM_KEY = SUM_TOKEN + 10, /* supply group; tariff index, revision and type of the key */
    SUM_LIMIT,                /* of power, W */
    SUM_EMERGENCY,            /* credit that is left of it */
    SUM_DAYS,                 /* that the credit lasts */
    SUM_FRIENDLY,             /* time: on, off */
    SUM_MODE,                 /* prepaid, postpaid */
    SUM_BOUGHT, /* ever: of the wallet whose turn it is, of the first, of the second */
    SUM_OFFER = SUM_BOUGHT + 3, /* emergency credit, where it may be taken now */
    SUM_SEQUENCE,               /* of the last credit token: how many there were */
    SUM_UNITS,                  /* of the customer that are paired */
    SUM_LINK,                   /* percent of frames heard of the one that spoke last */
    SUM_UNIT_VERSION,           /* of its firmware: three numbers */
    SUM_END
};

/* In how many parts an item comes: 1, 2 or 3. */
unsigned display_parts(uint16_t item);

/* Cells, point and unit of part `part` of page->item; dashes where there is nothing. */
void display_sum(struct meter *m, struct display_page *page, unsigned part);

#endif
