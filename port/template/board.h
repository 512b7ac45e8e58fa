/* board.h - what a port needs of a chip and its board: write these, and port.c is a meter's
 * port.
 *
 * Nothing here knows a meter. Each is a few lines over the maker's registers or library. The
 * interrupts they mention are handed back to port.c by the names it declares (port.h).
 *
 * Context  as each says; none waits, but board_spi() for its own octets.
 */
#ifndef PORT_TEMPLATE_BOARD_H
#define PORT_TEMPLATE_BOARD_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BOARD_UARTS = 2, BOARD_FLASH_BYTES = 8 << 20 };

/* Clocks, pins, watchdog, interrupt priorities: converter above UARTs above the meter's own
 * software interrupt (PendSV on a Cortex-M), whose handler calls meter_isr(). All still off. */
void board_init(void);

/* The converter starts, 8000 times a second port_sample_isr(); the UARTs and the supply
 * comparator interrupt. */
void board_start(void);

/* Pend the meter's software interrupt. Any context. */
void board_pend(void);
/* Sleep until an interrupt has happened. Thread mode. */
void board_sleep(void);
/* The meter is alive: 8 s without a call, and the watchdog resets the chip. */
void board_alive(void);
/* Reset the chip; what is worth keeping is on flash. */
_Noreturn void board_reset(void);
/* Mask interrupts, and restore what was. */
uint32_t board_mask(void);
void board_unmask(uint32_t was);

/* Serial flash: chip selected, octets out, octets in, deselected. 0, or E_IO. */
int board_spi(const uint8_t *out, size_t n_out, uint8_t *in, size_t n_in);

/* One octet to a UART whose transmitter is free; when it is free again it interrupts:
 * port_sent_isr(). Speed and form change when the last octet is out. */
bool board_uart_is_free(unsigned uart);
void board_uart_send(unsigned uart, uint8_t octet);
void board_uart_line(unsigned uart, uint32_t baud, bool seven_even);

/* Seconds since 1970 of the calendar chip; false: it lost its supply since it was set. */
bool board_rtc_get(int64_t *utc_s);
void board_rtc_set(int64_t utc_s);

/* True randomness: n octets, false when the generator fails its own tests. */
bool board_random(uint8_t *dst, size_t n);
/* The key of this one part, from one-time memory or a secure element. */
void board_root_key(uint8_t key[16]);

/* The program as it lies in flash, with its CRC-32 in the last four octets (port/mps2/seal.py); its
 * length. */
const uint8_t *board_program(uint32_t *octets);
/* What a march over the RAM before main() found (port/common/march.h); was this reset the
 * watchdog's? */
bool board_ram_is_sound(void);
bool board_was_watchdog(void);

/* Covers, magnet, button, ...: the bits of enum input (meter/io.h). */
uint16_t board_inputs(void);
/* Is the jumper of the factory in its place? */
bool board_jumper(void);
/* The two coils of the bistable relay, or the two directions of one; both false: off. */
void board_coil(bool open, bool close);
void board_lamp(unsigned lamp, uint8_t pattern);

#endif
