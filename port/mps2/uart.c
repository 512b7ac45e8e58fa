#include "port/mps2/uart.h"

#include "base/ring.h"
#include "base/sys.h"
#include "port/mps2/mps2.h"
#include "port/mps2/port.h"

enum { DATA = 0x00, STATE = 0x04, CTRL = 0x08, INTCLEAR = 0x0C, BAUDDIV = 0x10 };
enum { TX_FULL = 1, RX_FULL = 2 };                     /* STATE */
enum { TX_ON = 1, RX_ON = 2, TX_INT = 4, RX_INT = 8 }; /* CTRL */
enum { RING = 512, BAUD_AT_START = 9600 };

static struct uart {
    uint32_t base;
    struct ring rx, tx;
    uint64_t rx_us;     /* of the last octet; interrupts masked to read it */
    uint8_t mask;       /* 0x7F: seven bits */
    uint32_t next_baud; /* when all is sent; 0: no change */
    uint8_t next_mask;
    uint8_t rx_buf[RING], tx_buf[RING];
} uart[UARTS];

static const struct {
    uint32_t base;
    uint8_t irq;
} wiring[UARTS] = {
    { 0x40004000, IRQ_UART0_RX }, { 0x40005000, IRQ_UART1_RX }, { 0x40006000, IRQ_UART2_RX },
    { 0x40007000, IRQ_UART3_RX }, { 0x40009000, IRQ_UART4_RX },
};

void uart_init(void)
{
    for (unsigned k = 0; k < UARTS; k++) {
        struct uart *u = &uart[k];
        u->base = wiring[k].base;
        ring_init(&u->rx, u->rx_buf, RING);
        ring_init(&u->tx, u->tx_buf, RING);
        uart_set_line(k, BAUD_AT_START, LINE_8N1);
        REG(u->base + CTRL) = TX_ON | RX_ON | TX_INT | RX_INT;
        for (unsigned irq = wiring[k].irq; irq <= wiring[k].irq + 1u; irq++) {
            NVIC_PRIORITY(irq) = PRIORITY_BYTES;
            NVIC_ENABLE = 1u << irq;
        }
    }
}

static void receive_isr(struct uart *u)
{
    while (REG(u->base + STATE) & RX_FULL) {
        if (ring_room(&u->rx) == 0) {
            REG(u->base + CTRL) &=
                ~(uint32_t)RX_INT; /* it waits in the UART; uart_take() listens again */
            break;
        }
        (void)ring_put_isr(&u->rx, (uint8_t)REG(u->base + DATA) & u->mask);
        u->rx_us = port_mono().us;
    }
    port_wake();
}

static void line_apply(struct uart *u)
{
    if (u->next_baud == 0) return;
    REG(u->base + BAUDDIV) = CPU_HZ / u->next_baud;
    u->mask = u->next_mask;
    u->next_baud = 0;
}

static void transmit_isr(struct uart *u)
{
    uint8_t b;
    if (REG(u->base + STATE) & TX_FULL) return;
    if (ring_take(&u->tx, &b, 1)) {
        REG(u->base + DATA) = b & u->mask;
    } else {
        line_apply(u);
    }
}

void uart_isr(void)
{
    for (unsigned k = 0; k < UARTS; k++) {
        uint32_t pending = REG(uart[k].base + INTCLEAR) & 3;
        if (!pending) continue;
        REG(uart[k].base + INTCLEAR) = pending;
        if (pending & 2) receive_isr(&uart[k]);
        if (pending & 1) transmit_isr(&uart[k]);
    }
}

size_t uart_take(unsigned port, uint8_t *dst, size_t n, mono_t *at)
{
    struct uart *u = &uart[port];
    size_t took = ring_take(&u->rx, dst, n);
    uint32_t was = sys_irq_lock();
    at->us = u->rx_us;
    if ((REG(u->base + CTRL) & RX_INT) == 0 && ring_room(&u->rx) > 0) {
        REG(u->base + CTRL) |= RX_INT;
        receive_isr(u);
    }
    sys_irq_unlock(was);
    return took;
}

size_t uart_room(unsigned port)
{
    return ring_room(&uart[port].tx);
}

void uart_send(unsigned port, const uint8_t *p, size_t n)
{
    struct uart *u = &uart[port];
    for (size_t k = 0; k < n; k++) ensure(ring_put_isr(&u->tx, p[k]));
    uint32_t was = sys_irq_lock();
    transmit_isr(u); /* the first octet starts the chain of interrupts */
    sys_irq_unlock(was);
}

size_t uart_unsent(unsigned port)
{
    return ring_used(&uart[port].tx) + (REG(uart[port].base + STATE) & TX_FULL ? 1 : 0);
}

void uart_print(const char *text)
{
    for (; *text; text++) {
        while (REG(wiring[UART_CONSOLE].base + STATE) & TX_FULL) {
        }
        REG(wiring[UART_CONSOLE].base + DATA) = (uint8_t)*text;
    }
}

void uart_set_line(unsigned port, uint32_t baud, enum line_form form)
{
    struct uart *u = &uart[port];
    uint32_t was = sys_irq_lock();
    u->next_baud = baud;
    u->next_mask = form == LINE_7E1 ? 0x7F : 0xFF;
    if (uart_unsent(port) == 0) line_apply(u);
    sys_irq_unlock(was);
}
