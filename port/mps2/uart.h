/* uart.h - the five UARTs: octets and the time of the last one, nothing else.
 *
 * An octet that finds its ring full stays in the UART with the interrupt masked: a slow meter
 * loses pace, never octets. Framing 7E1 is the hardware's on a real part; here the eighth bit
 * is dropped on both ways.
 *
 * Cost     50 instructions an octet in the interrupt.
 * Memory   2 x 512 octets a port.
 * Context  uart_isr(): interrupt. The rest: meter.
 */
#ifndef PORT_MPS2_UART_H
#define PORT_MPS2_UART_H
#include "base/time.h"
#include "dlms/link.h"

enum { UARTS = 5, UART_CONSOLE = 0 }; /* console, optical, RS485, WAN, VTC */

void uart_init(void);
void uart_isr(void);

/* Up to n received octets, and when the last of them came. */
size_t uart_take(unsigned port, uint8_t *dst, size_t n, mono_t *at);

size_t uart_room(unsigned port);
void uart_send(unsigned port, const uint8_t *p, size_t n);
size_t uart_unsent(unsigned port);
void uart_set_line(unsigned port, uint32_t baud, enum line_form form);

/* Words on the console, not through its ring: works with interrupts off. Any context. */
void uart_print(const char *text);

#endif
