/* port.h - the Cortex-M's face to app/mcu: terminals, time, links, samples.
 *
 * The board is Arm's MPS2 with the AN386 image as QEMU plays it: five UARTs, Ethernet, an RTC,
 * a flash window that is a file. Instead of an ADC there is the load generator of port/common.
 *
 * Time is samples, 125 us each, and comes in two ways:
 *
 *   live    a timer interrupt makes a sample 8000 times a second; port_start(). The meter runs
 *           in PendSV, pended when a window closes, octets arrive or port_wake_at() is due.
 *   pulled  no timer: port_pull() makes samples as fast as the CPU can, and time is their
 *           number. Whole days run in seconds, and end the same every time.
 *
 * Links 0 to 3 are the serial ports and always open. A TCP connection or a UDP peer takes one
 * of the others while it lasts; port_pump() tells of it.
 *
 * Cost     the sample interrupt 160 instructions besides the meter's own; a UART's 50 an octet.
 * Memory   see `make target`.
 * Context  meter (PendSV), unless a line says otherwise.
 */
#ifndef PORT_MPS2_PORT_H
#define PORT_MPS2_PORT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "dlms/link.h"
#include "meter/io.h"
#include "port/common/loadgen.h"

/* -- start ------------------------------------------------------------------------------ */

/* The value of argument `name=value` of the command line that the host gave, or NULL. */
const char *port_arg(const char *name);
/* The same as a number; `otherwise` when absent. A word that is no number ends the image with
 * a message and status 2. */
uint64_t port_arg_number(const char *name, uint64_t otherwise);

/* Terminals up, interrupts still off. Reads the arguments:
 *   seed=N      of household, noise and entropy (default 1)
 *   load=       household, off, rows:FILE (loadrows.h), const:P,Q,U,F in mW, mvar, mV, mHz
 *   noise=N     thousandths of a code */
void port_init(void);

/* What the meter asks of its terminals: flash, RTC, entropy, root key, pulses, lamps, relay. */
const struct meter_io *port_io(void);

/* -- samples and time -------------------------------------------------------------------- */

/* Takes each sample; true: a window closed, run the meter. */
typedef bool port_sample(void *ctx, int32_t v, int32_t i, int32_t n);

/* Who takes the samples, kept; in both ways of time. Before port_start() or port_pull(). */
void port_sampler(port_sample *take, void *ctx);

/* Live: the timer starts, interrupts come on. */
void port_start(void);

/* The application's: everything that is the meter, in PendSV. */
void meter_isr(void);

/* Pulled: samples up to time t, or up to and with the one that closes a window. */
void port_pull(mono_t t);

/* Samples so far, as time. Any context. */
mono_t port_mono(void);

/* Run the meter (pend PendSV) when this time has come; the last call counts. From the first call
 * on the watchdog wants another within 8 s, or the part starts anew. */
void port_wake_at(mono_t t);
/* Run it as soon as nothing more urgent runs. Any context. */
void port_wake(void);

/* Thread mode: sleep until an interrupt has happened. */
void port_sleep(void);

/* -- links -------------------------------------------------------------------------------- */

enum { PORT_SERIALS = 4, PORT_TCP = 6, PORT_UDP = 2 };
enum port_link {
    PORT_OPTICAL,
    PORT_RS485,
    PORT_WAN,
    PORT_VTC, /* a courier of tokens, not a server's link */
    PORT_FIRST_TCP = PORT_SERIALS,
    PORT_FIRST_UDP = PORT_FIRST_TCP + PORT_TCP,
    PORT_CALL = PORT_FIRST_UDP + PORT_UDP, /* a connection that the meter made */
    PORT_LINKS
};

/* What port_pump() tells; links are numbers of enum port_link. */
struct port_events {
    void *ctx;
    /* A connection was accepted, or made; a peer spoke first, or was named. */
    void (*opened)(void *ctx, unsigned link);
    /* What port_call() asked for cannot be had. */
    void (*refused)(void *ctx);
    /* It is gone; its number may be used again at once. */
    void (*closed)(void *ctx, unsigned link);
    /* The cable of the network was plugged, or pulled; NULL: nobody wants to know. */
    void (*network)(void *ctx);
    /* n octets that were complete at `at`; how many were taken. The rest is offered again. A
     * UDP datagram comes whole and once. */
    size_t (*octets)(void *ctx, unsigned link, const uint8_t *p, size_t n, mono_t at);
};

/* Move what the interrupts collected: octets of all links, frames of the network. */
void port_pump(const struct port_events *e);

/* A host on the network: IPv4 in the first four octets, or IPv6. */
struct port_host {
    bool v6;
    uint8_t ip[16];
    uint16_t number; /* port */
};

/* Connect to it, one at a time: later opened(PORT_CALL) or refused(). */
void port_call(const struct port_host *to);
/* The link of a UDP peer, opened now if it was not; -1 without a network. */
int port_peer(const struct port_host *to);

/* How the network is set up. */
enum { PORT_IP6 = 3 };
struct port_net {
    uint32_t address, mask, gateway; /* IPv4 */
    uint8_t mac[6];
    uint16_t mss, number; /* the port that is listened on */
    uint8_t connections;
    bool link;                        /* somebody is at the other end of the cable */
    uint8_t ip6_n, ip6[PORT_IP6][16]; /* the addresses in use */
};
/* False: no network on this board. */
bool port_net_get(struct port_net *n);
/* Take IPv4 address, mask and gateway, port and most connections from n. Connections to an old
 * address end. */
void port_net_set(const struct port_net *n);

/* How to send on a link; valid for ever. */
struct link_io port_link_io(unsigned link);

/* -- for tests and the ledger -------------------------------------------------------------- */

/* Most octets of stack ever used. */
uint32_t port_stack_peak(void);

/* The load generator's own words, on UART 0: diagnostics of the image, never of a customer. */
void port_print(const char *text);
void port_print_number(uint64_t n);

#endif
