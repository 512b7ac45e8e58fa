#include "port/mps2/port.h"

#include <string.h>

#include "base/sys.h"
#include "crypto/rng.h"
#include "port/common/loadrows.h"
#include "port/mps2/board.h"
#include "port/mps2/chip.h"
#include "port/mps2/mps2.h"
#include "port/mps2/net.h"
#include "port/mps2/rtc.h"
#include "port/mps2/sample.h"
#include "port/mps2/semihost.h"
#include "port/mps2/uart.h"

/* Memory of the board beyond the part's own: recordings for simulation lie there. */
extern uint8_t link_simulation_start[], link_simulation_end[];

static struct {
    char line[512];
    struct meter_io io;
    uint64_t drawn; /* times that entropy was asked for */
} port;

/* -- arguments ------------------------------------------------------------------------------
 */

const char *port_arg(const char *name)
{
    size_t n = strlen(name);
    for (const char *word = port.line; word; word = strchr(word, ' ')) {
        while (*word == ' ') word++;
        if (strncmp(word, name, n) == 0 && word[n] == '=') return word + n + 1;
    }
    return NULL;
}

static _Noreturn void refuse(const char *name)
{
    semihost_print("argument not understood: ");
    semihost_print(name);
    semihost_print("\n");
    semihost_exit(2);
}

/* A decimal number that ends with `end` or the word; *p moves behind it. */
static int64_t number(const char *name, const char **p, char end)
{
    bool minus = **p == '-';
    const char *digit = *p + (minus ? 1 : 0);
    int64_t n = 0;
    if (*digit < '0' || *digit > '9') refuse(name);
    for (; *digit >= '0' && *digit <= '9'; digit++) {
        if (n > INT64_MAX / 10 - 1) refuse(name);
        n = n * 10 + (*digit - '0');
    }
    if (*digit != end && !(end == 0 && *digit == ' ')) refuse(name);
    *p = digit + (end ? 1 : 0);
    return minus ? -n : n;
}

uint64_t port_arg_number(const char *name, uint64_t otherwise)
{
    const char *p = port_arg(name);
    return p ? (uint64_t)number(name, &p, 0) : otherwise;
}

static bool begins(const char *word, const char *with)
{
    return strncmp(word, with, strlen(with)) == 0;
}

static void fixed_load(struct sample_cfg *cfg, const char *p)
{
    cfg->kind = SAMPLE_FIXED;
    cfg->fixed.p_mw = (int32_t)number("load", &p, ',');
    cfg->fixed.q_mvar = (int32_t)number("load", &p, ',');
    cfg->fixed.u_mv = (uint32_t)number("load", &p, ',');
    cfg->fixed.f_mhz = (uint32_t)number("load", &p, 0);
    if (load_check(&cfg->fixed) < 0) refuse("load");
}

static void rows_load(struct sample_cfg *cfg, const char *word)
{
    char path[256];
    size_t n = 0;
    while (n < sizeof path - 1 && word[n] && word[n] != ' ') n++;
    memcpy(path, word, n);
    path[n] = 0;
    size_t room = (size_t)(link_simulation_end - link_simulation_start);
    int32_t length = semihost_read(path, link_simulation_start, room);
    cfg->kind = SAMPLE_ROWS;
    cfg->rows = link_simulation_start;
    cfg->n_rows = length < 0 ? 0 : (size_t)length / LOAD_ROW_BYTES;
    if (length % LOAD_ROW_BYTES || load_rows_check(cfg->rows, cfg->n_rows) < 0) refuse("load");
}

static struct sample_cfg loads(utc_t start)
{
    struct sample_cfg cfg = { .kind = SAMPLE_HOUSEHOLD,
                              .seed = port_arg_number("seed", 1),
                              .start = start,
                              .fixed = LOAD_OFF,
                              .noise_mcode = (uint32_t)port_arg_number("noise", 0) };
    const char *load = port_arg("load");
    if (!load || begins(load, "household")) return cfg;
    if (begins(load, "off")) {
        cfg.kind = SAMPLE_FIXED;
    } else if (begins(load, "rows:")) {
        rows_load(&cfg, load + 5);
    } else if (begins(load, "const:")) {
        fixed_load(&cfg, load + 6);
    } else {
        refuse("load");
    }
    return cfg;
}

/* -- terminals ------------------------------------------------------------------------------
 */

static int io_rtc_read(void *ctx, mono_t t, utc_t *utc)
{
    (void)ctx;
    (void)t;
    return rtc_read(utc);
}

static int io_rtc_write(void *ctx, mono_t t, utc_t utc)
{
    (void)ctx;
    (void)t;
    return rtc_write(utc);
}

/* The factory's 48 octets, or those of a blank development board, made from seed=. The part has
 * no generator: the meter stirs serial and boot count in (crypto/rng.h). */
static int io_entropy(void *ctx, uint8_t *dst, size_t n)
{
    (void)ctx;
    const uint8_t *seed = chip_factory() + 16;
    uint64_t x = port_arg_number("seed", 1) + ++port.drawn;
    for (size_t k = 0; k < n; k++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        dst[k] = (uint8_t)(seed[k % 48] ^ (uint8_t)(x >> 56));
    }
    return 0;
}

static const struct entropy entropy = { .get = io_entropy };

static int io_root_key(void *ctx, uint8_t key[16])
{
    (void)ctx;
    memcpy(key, chip_factory(), 16);
    return 0;
}

enum { LED_WH = 1, LED_VARH = 2, LED_ALARM = 4, LED_RELAY = 8 };

static void led(uint32_t which, bool on)
{
    LEDS = on ? LEDS | which : LEDS & ~which;
}

static void io_lamp(void *ctx, mono_t t, enum lamp lamp, uint8_t pattern)
{
    (void)ctx;
    (void)t;
    if (lamp == LAMP_ALARM) led(LED_ALARM, pattern != 0);
}

/* The lamp shows where the coil was driven last. */
static void io_relay(void *ctx, mono_t t, enum coil coil)
{
    (void)ctx;
    (void)t;
    if (coil != COIL_OFF) led(LED_RELAY, coil == COIL_CLOSE);
}

const struct meter_io *port_io(void)
{
    return &port.io;
}

void port_init(void)
{
    (void)sys_irq_lock();
    if (semihost_args(port.line, sizeof port.line) < 0) port.line[0] = 0;
    utc_t start = { 0 };
    (void)rtc_read(&start); /* a household without a date begins in 1970 */
    SCB_SHPR3 |= (uint32_t)PRIORITY_METER << 16;
    struct sample_cfg cfg = loads(start);
    sample_init(&cfg);
    uart_init();
    (void)net_init((uint32_t)port_arg_number("ip", 0x0A00020F),
                   (uint32_t)port_arg_number("seed", 1));
    port.io = (struct meter_io){ .sampled = true,
                                 .nor = chip_init(),
                                 .rtc_read = io_rtc_read,
                                 .rtc_write = io_rtc_write,
                                 .entropy = &entropy,
                                 .root_key = io_root_key,
                                 .board = board_io(),
                                 .lamp = io_lamp,
                                 .relay = io_relay };
}

/* -- links ----------------------------------------------------------------------------------
 */

static void serial_pump(const struct port_events *e, unsigned link)
{
    uint8_t octets[64];
    mono_t at;
    for (;;) {
        size_t n = uart_take(link + 1, octets, sizeof octets, &at);
        if (n == 0) return;
        (void)e->octets(e->ctx, link, octets, n, at); /* what is not taken is not heard */
    }
}

void port_pump(const struct port_events *e)
{
    for (unsigned link = 0; link < PORT_SERIALS; link++) serial_pump(e, link);
    net_pump(e);
    sample_load_ahead();
}

void port_call(const struct port_host *to)
{
    net_call(to);
}

int port_peer(const struct port_host *to)
{
    return net_peer(to);
}

bool port_net_get(struct port_net *n)
{
    return net_get(n);
}

void port_net_set(const struct port_net *n)
{
    net_set(n);
}

static unsigned uart_of(void *ctx)
{
    return (unsigned)(uintptr_t)ctx;
}

static size_t serial_room(void *ctx)
{
    return uart_room(uart_of(ctx));
}

static void serial_send(void *ctx, const uint8_t *p, size_t n, bool more)
{
    (void)more;
    uart_send(uart_of(ctx), p, n);
}

static void serial_set_line(void *ctx, uint32_t baud, enum line_form form)
{
    uart_set_line(uart_of(ctx), baud, form);
}

static size_t serial_unsent(void *ctx)
{
    return uart_unsent(uart_of(ctx));
}

static const struct link_ops serial_ops = { .room = serial_room,
                                            .send = serial_send,
                                            .set_line = serial_set_line,
                                            .unsent = serial_unsent };

struct link_io port_link_io(unsigned link)
{
    ensure(link < PORT_LINKS);
    if (link >= PORT_SERIALS) return net_link_io(link);
    return (struct link_io){ .ops = &serial_ops, .ctx = (void *)(uintptr_t)(link + 1) };
}

/* -- words ----------------------------------------------------------------------------------
 */

void port_print(const char *text)
{
    uart_print(text);
}

void port_print_number(uint64_t n)
{
    char digits[21], *p = digits + sizeof digits - 1;
    *p = 0;
    do *--p = (char)('0' + n % 10);
    while (n /= 10);
    port_print(p);
}
