/* function.h - what of the meter can be switched off as a whole, and back on.
 *
 * A function has no state of its own: it is off while its parameter has the one value that means
 * so, whoever wrote that (the last, the mode of payment), and switching it on from there is to give
 * it the value the product is delivered with. A local port that is off answers nothing at all; the
 * keypad takes no tokens, shows and does nothing; the carrier port is mute; export is registered no
 * more, which protected changes count; without prepayment the accounts are postpaid, changed as
 * 0-0:96.61.3 says.
 *
 * Source   IEC 62056-6-2, class 122.
 * Context  meter loop only.
 */
#ifndef METER_FUNCTION_H
#define METER_FUNCTION_H
#include "base/who.h"

struct meter;

enum function {
    FUNCTION_OPTICAL,
    FUNCTION_KEYPAD,
    FUNCTION_VTC,
    FUNCTION_RS485,
    FUNCTION_EXPORT,
    FUNCTION_PREPAYMENT,
    FUNCTIONS
};

/* Those that are on: bits 1 << enum function. Cost: six loads. */
unsigned functions_get(const struct meter *m);

/* From now on these are on and no others: one change with an audit row, and events, for each that
 * differs. E_DENIED: one of them is the port through which `who` speaks, so that there is always a
 * way left to switch it on again; nothing is changed. E_BUSY: a commit is in flight.
 * Power cut: all or nothing. Cost: as param_set(), for each that differs. */
int functions_set(struct meter *m, const struct who *who, unsigned on);

#endif
