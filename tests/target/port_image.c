/* port_image.c - the port by itself, for target_port.py: what it does stands in `do=`.
 *
 *   echo     live; every link sends back what it gets (default)
 *   time     live; prints the samples so far at each octet of the optical port
 *   samples  pulled; prints a sum over the samples of `pull=` seconds
 *   flash    programs the first page when it is blank, erases it when it is not
 *   rtc      reads, sets, reads
 *   program  is it what was built?
 *   hang     until the watchdog starts the image again
 *   panic, fault, stack
 */
#include <string.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "base/sys.h"
#include "port/mps2/port.h"
#include "store/nor.h"

static struct {
    uint32_t sum, windows;
    unsigned open;
    bool timing;
    uint8_t page[NOR_PAGE];
} app;

static bool take(void *ctx, int32_t v, int32_t i, int32_t n)
{
    (void)ctx;
    app.sum = app.sum * 31 + (uint32_t)v;
    app.sum = app.sum * 31 + (uint32_t)i;
    app.sum = app.sum * 31 + (uint32_t)n;
    return ++app.windows % 1600 == 0;
}

static void say(const char *what, uint64_t n)
{
    port_print(what);
    port_print(" ");
    port_print_number(n);
    port_print("\n");
}

static void opened(void *ctx, unsigned link)
{
    (void)ctx;
    (void)link;
    say("open", ++app.open);
}

static void closed(void *ctx, unsigned link)
{
    (void)ctx;
    (void)link;
    say("open", --app.open);
}

static size_t octets(void *ctx, unsigned link, const uint8_t *p, size_t n, mono_t at)
{
    (void)ctx;
    if (app.timing) say("at", at.us);
    struct link_io io = port_link_io(link);
    if (n == 4 && memcmp(p, "bye\n", 4) == 0 && io.ops->close) {
        io.ops->close(io.ctx);
        return n;
    }
    size_t room = io.ops->room(io.ctx);
    if (n > room) n = room;
    if (n > 0) io.ops->send(io.ctx, p, n, false);
    return n;
}

static const struct port_events events = { .opened = opened,
                                           .closed = closed,
                                           .octets = octets };

void meter_isr(void)
{
    port_pump(&events);
}

static int flash(void)
{
    const struct nor *nor = port_io()->nor;
    ensure(nor->read(nor->ctx, 0, app.page, NOR_PAGE) == 0);
    bool blank = app.page[0] == 0xFF && app.page[NOR_PAGE - 1] == 0xFF;
    say("first octet", app.page[0]);
    for (unsigned k = 0; k < NOR_PAGE; k++) app.page[k] = (uint8_t)k;
    enum nor_op op = blank ? NOR_PROG : NOR_ERASE;
    int e = blank ? nor->prog_start(nor->ctx, 0, app.page, NOR_PAGE)
                  : nor->erase_start(nor->ctx, 0);
    ensure(e == 0);
    while (nor->poll(nor->ctx, op) != 0) {
    }
    return 0;
}

static int rtc(void)
{
    utc_t t = { 0 };
    ensure(port_io()->rtc_read(NULL, (mono_t){ 0 }, &t) == 0);
    say("rtc", (uint64_t)t.s);
    ensure(port_io()->rtc_write(NULL, (mono_t){ 0 }, (utc_t){ 1709251199 }) ==
           0); /* 2024-02-29T23:59:59Z */
    ensure(port_io()->rtc_read(NULL, (mono_t){ 0 }, &t) == 0);
    say("rtc", (uint64_t)t.s);
    return 0;
}

static int samples(void)
{
    mono_t end = { port_arg_number("pull", 1) * 1000000 };
    while (port_mono().us < end.us) port_pull(end);
    say("sum", app.sum);
    say("us", port_mono().us);
    return 0;
}

static int fault(void)
{
    return *(volatile int *)0xF0000001u;
}

static int panic(void)
{
    ensure(app.open == 1);
    return 0;
}

static int program(void)
{
    const struct board_io *b = port_io()->board;
    uint8_t octet[4];
    uint32_t sum = CRC32_SEED, end = b->program_octets - 4;
    for (uint32_t at = 0; at < end; at++) {
        b->program(NULL, at, octet, 1);
        sum = crc32_more(sum, octet, 1);
    }
    b->program(NULL, end, octet, 4);
    say("octets", b->program_octets);
    say("as built", le_get32(octet) == crc32_end(sum));
    say("sound RAM", b->ram_is_sound(NULL));
    return 0;
}

static int hang(void)
{
    if (port_io()->board->was_watchdog(NULL)) {
        say("watchdog", 1);
        return 0;
    }
    port_print("hangs\n");
    port_wake_at(MONO_NEVER);
    for (;;) __asm__ volatile("" ::: "memory");
}

static int stack(void)
{
    volatile uint8_t deep[3000];
    for (unsigned k = 0; k < sizeof deep; k++) deep[k] = 1;
    say("stack", port_stack_peak());
    return 0;
}

static const struct {
    const char *name;
    int (*run)(void);
} doings[] = {
    { "samples", samples }, { "flash", flash }, { "rtc", rtc },         { "fault", fault },
    { "panic", panic },     { "stack", stack }, { "program", program }, { "hang", hang },
};

int main(void)
{
    port_init();
    port_sampler(take, NULL);
    const char *what = port_arg("do");
    for (unsigned k = 0; what && k < sizeof doings / sizeof doings[0]; k++) {
        if (strncmp(what, doings[k].name, strlen(doings[k].name)) == 0) return doings[k].run();
    }
    app.timing = what && strncmp(what, "time", 4) == 0;
    port_print("up\n");
    port_start();
    for (;;) port_sleep();
}
