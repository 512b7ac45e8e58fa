/* rtc.h - the calendar chip, a DS1338 on two wires.
 *
 * Power cut  the chip counts on from its battery. QEMU's copy starts where -rtc says.
 * Cost       a read is 9 octets of bits on the wires, about 12 000 instructions.
 * Context    meter; io.h calls it at power-up and hourly.
 */
#ifndef PORT_MPS2_RTC_H
#define PORT_MPS2_RTC_H
#include "base/time.h"

/* 0; E_STATE: stopped since it was last set, or holds no date; E_IO: no answer. */
int rtc_read(utc_t *t);
/* Set and read back, up to three times. E_RANGE outside 2000-2099; E_IO: no answer, or another
 * time stands there. */
int rtc_write(utc_t t);

#endif
