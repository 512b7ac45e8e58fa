/* main.c - the Cortex-M image: its terminals answer, and every octet is sent back. */
#include "base/sys.h"
#include "port/mps2/port.h"

static struct {
    uint64_t samples, energy;
    bool open[PORT_LINKS];
} app;

static bool take(void *ctx, int32_t v, int32_t i, int32_t n)
{
    (void)ctx;
    (void)n;
    app.energy += (uint64_t)((int64_t)v * i);
    return ++app.samples % 1600 == 0;
}

static void opened(void *ctx, unsigned link)
{
    (void)ctx;
    app.open[link] = true;
}

static void closed(void *ctx, unsigned link)
{
    (void)ctx;
    app.open[link] = false;
}

static size_t octets(void *ctx, unsigned link, const uint8_t *p, size_t n, mono_t at)
{
    (void)ctx;
    (void)at;
    struct link_io io = port_link_io(link);
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

int main(void)
{
    port_init();
    port_sampler(take, NULL);
    utc_t now = { 0 };
    int rtc = port_io()->rtc_read(NULL, (mono_t){ 0 }, &now);
    port_print("magno22: RTC ");
    port_print_number(rtc == 0 ? (uint64_t)now.s : 0);
    port_print("\n");
    uint64_t seconds = port_arg_number("pull", 0);
    if (seconds) {
        while (port_mono().us < seconds * 1000000) port_pull((mono_t){ seconds * 1000000 });
        port_print("magno22: energy ");
        port_print_number(app.energy);
        port_print("\n");
        return 0;
    }
    port_start();
    for (;;) port_sleep();
}
