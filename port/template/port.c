#include "port/template/port.h"

#include <string.h>

#include "base/err.h"
#include "base/ring.h"
#include "base/sys.h"
#include "crypto/rng.h"
#include "port/template/spi_nor.h"

enum { RING = 512, SAMPLE_US = 125 };

static struct {
    struct meter_io io;
    struct spi_nor flash;
    port_sample *take;
    void *take_ctx;
    uint64_t samples, wake_us;
    struct uart {
        struct ring rx, tx;
        uint64_t rx_us;
        uint8_t rx_buf[RING], tx_buf[RING];
    } uart[BOARD_UARTS];
} port;

/* -- what a CPU has once ----------------------------------------------------------------------
 */

/* A part with a debugger attached would rather stop here. */
_Noreturn void sys_panic(const char *file, int line)
{
    (void)file;
    (void)line;
    board_reset();
}

uint32_t sys_irq_lock(void)
{
    return board_mask();
}

void sys_irq_unlock(uint32_t was)
{
    board_unmask(was);
}

/* -- time and samples ---------------------------------------------------------------------- */

void port_sample_isr(int32_t v, int32_t i, int32_t n)
{
    port.samples++;
    bool wake = port.take && port.take(port.take_ctx, v, i, n);
    if (wake || port.samples * SAMPLE_US >= port.wake_us) {
        port.wake_us = UINT64_MAX;
        board_pend();
    }
}

void port_sampler(port_sample *take, void *ctx)
{
    port.take = take;
    port.take_ctx = ctx;
}

mono_t port_mono(void)
{
    uint32_t was = board_mask();
    mono_t t = { port.samples * SAMPLE_US };
    board_unmask(was);
    return t;
}

void port_wake_at(mono_t t)
{
    uint32_t was = board_mask();
    port.wake_us = t.us;
    board_unmask(was);
    board_alive();
}

void port_sleep(void)
{
    board_sleep();
}

/* -- serial links -------------------------------------------------------------------------- */

bool port_received_isr(unsigned uart, uint8_t octet)
{
    struct uart *u = &port.uart[uart];
    if (!ring_put_isr(&u->rx, octet)) return false;
    u->rx_us = port_mono().us;
    board_pend();
    return true;
}

void port_sent_isr(unsigned uart)
{
    uint8_t octet;
    if (ring_take(&port.uart[uart].tx, &octet, 1)) board_uart_send(uart, octet);
}

size_t port_take(unsigned uart, uint8_t *dst, size_t n, mono_t *at)
{
    struct uart *u = &port.uart[uart];
    size_t took = ring_take(&u->rx, dst, n);
    uint32_t was = board_mask();
    at->us = u->rx_us;
    board_unmask(was);
    return took;
}

static unsigned uart_of(void *ctx)
{
    return (unsigned)((struct uart *)ctx - port.uart);
}

static size_t link_room(void *ctx)
{
    return ring_room(&port.uart[uart_of(ctx)].tx);
}

static size_t link_unsent(void *ctx)
{
    return ring_used(&port.uart[uart_of(ctx)].tx);
}

/* A free transmitter does not interrupt: whoever fills an empty ring starts it. */
static void link_send(void *ctx, const uint8_t *p, size_t n, bool more)
{
    (void)more;
    struct uart *u = ctx;
    for (size_t k = 0; k < n; k++) ensure(ring_put_isr(&u->tx, p[k]));
    uint32_t was = board_mask();
    if (board_uart_is_free(uart_of(ctx))) port_sent_isr(uart_of(ctx));
    board_unmask(was);
}

static void link_set_line(void *ctx, uint32_t baud, enum line_form form)
{
    board_uart_line(uart_of(ctx), baud, form == LINE_7E1);
}

static const struct link_ops link_ops = {
    .room = link_room, .send = link_send, .set_line = link_set_line, .unsent = link_unsent
};

struct link_io port_link_io(unsigned uart)
{
    ensure(uart < BOARD_UARTS);
    return (struct link_io){ .ops = &link_ops, .ctx = &port.uart[uart] };
}

/* -- terminals ----------------------------------------------------------------------------- */

static int rtc_read(void *ctx, mono_t t, utc_t *utc)
{
    (void)ctx;
    (void)t;
    return board_rtc_get(&utc->s) ? 0 : E_STATE;
}

static int rtc_write(void *ctx, mono_t t, utc_t utc)
{
    (void)ctx;
    (void)t;
    board_rtc_set(utc.s);
    return 0;
}

static int entropy_get(void *ctx, uint8_t *dst, size_t n)
{
    (void)ctx;
    return board_random(dst, n) ? 0 : E_IO;
}

static int root_key(void *ctx, uint8_t key[16])
{
    (void)ctx;
    board_root_key(key);
    return 0;
}

static uint16_t inputs(void *ctx, mono_t t)
{
    (void)ctx;
    (void)t;
    return board_inputs();
}

static bool jumper(void *ctx)
{
    (void)ctx;
    return board_jumper();
}

static void relay(void *ctx, mono_t t, enum coil coil)
{
    (void)ctx;
    (void)t;
    board_coil(coil == COIL_OPEN, coil == COIL_CLOSE);
}

static void lamp(void *ctx, mono_t t, enum lamp which, uint8_t pattern)
{
    (void)ctx;
    (void)t;
    board_lamp(which, pattern);
}

/* -- what the board finds out about itself ------------------------------------------------- */

static void program(void *ctx, uint32_t at, uint8_t *dst, size_t n)
{
    uint32_t octets;
    (void)ctx;
    memcpy(dst, board_program(&octets) + at, n);
}

static bool ram_is_sound(void *ctx)
{
    (void)ctx;
    return board_ram_is_sound();
}

static bool was_watchdog(void *ctx)
{
    (void)ctx;
    return board_was_watchdog();
}

static struct board_io board_io = { .program = program,
                                    .ram_is_sound = ram_is_sound,
                                    .was_watchdog = was_watchdog };

static int spi(void *bus, const uint8_t *out, size_t n_out, uint8_t *in, size_t n_in)
{
    (void)bus;
    return board_spi(out, n_out, in, n_in);
}

const struct meter_io *port_io(void)
{
    return &port.io;
}

void port_init(void)
{
    static const struct entropy entropy = { .get = entropy_get };
    board_init();
    spi_nor_init(&port.flash, BOARD_FLASH_BYTES, spi, NULL);
    for (unsigned k = 0; k < BOARD_UARTS; k++) {
        ring_init(&port.uart[k].rx, port.uart[k].rx_buf, RING);
        ring_init(&port.uart[k].tx, port.uart[k].tx_buf, RING);
    }
    port.wake_us = UINT64_MAX;
    (void)board_program(&board_io.program_octets);
    port.io = (struct meter_io){ .nor = &port.flash.nor,
                                 .sampled = true,
                                 .rtc_read = rtc_read,
                                 .rtc_write = rtc_write,
                                 .entropy = &entropy,
                                 .root_key = root_key,
                                 .lamp = lamp,
                                 .relay = relay,
                                 .inputs = inputs,
                                 .jumper = jumper,
                                 .board = &board_io };
}

void port_start(void)
{
    board_start();
}
