/* port.h - a port to start from: its face to an application, and to the board's interrupts.
 *
 * port/mps2 is this, finished, with Ethernet and a simulated line. docs/porting.md walks
 * through it.
 *
 * Cost     sample interrupt: the meter's 250 instructions and 20 of its own.
 * Memory   2 x 512 octets a UART and struct spi_nor.
 * Context  names ending in _isr: the board's interrupts. The rest: meter.
 */
#ifndef PORT_TEMPLATE_PORT_H
#define PORT_TEMPLATE_PORT_H
#include "base/time.h"
#include "dlms/link.h"
#include "meter/io.h"
#include "port/template/board.h"

/* Takes each sample; true: a window closed, run the meter. */
typedef bool port_sample(void *ctx, int32_t v, int32_t i, int32_t n);

void port_init(void);
const struct meter_io *port_io(void);
void port_sampler(port_sample *take, void *ctx);
void port_start(void);

mono_t port_mono(void);
void port_wake_at(mono_t t);
void port_sleep(void);

/* Up to n octets received on a UART, and when the last of them came. */
size_t port_take(unsigned uart, uint8_t *dst, size_t n, mono_t *at);
struct link_io port_link_io(unsigned uart);

/* The board's interrupts call these. */
void port_sample_isr(int32_t v, int32_t i, int32_t n);
/* False: there is no room; leave the octet in the UART, mask its interrupt, and offer it again
 * after the next port_take(). */
bool port_received_isr(unsigned uart, uint8_t octet);
void port_sent_isr(unsigned uart);

/* The application's: everything that is the meter. */
void meter_isr(void);

#endif
