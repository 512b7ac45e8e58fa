/* board.h - what this part can find out about itself (meter/io.h): the sum of its program, the
 * RAM as tested at reset, the watchdog.
 *
 * Context  meter, but board_reset_isr(): the watchdog's interrupt.
 */
#ifndef PORT_MPS2_BOARD_H
#define PORT_MPS2_BOARD_H
#include "meter/io.h"

/* As struct meter_io wants it; kept for ever. */
const struct board_io *board_io(void);

/* The meter is alive: the first call starts the watchdog, and 8 s without one reset the part. */
void board_alive(void);

/* What startup.c found before main(), and what it noted across the reset. */
bool start_found_sound_ram(void);
bool start_was_watchdog(void);

#endif
