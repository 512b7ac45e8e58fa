/* A life of pushes: attributes written as the input has them, orders, alarms, time, links that
 * come, fail and go, confirmations of any octets, power cuts. The input is a list of moves: a
 * code, an octet of detail, and for octets a length and as many. Nothing hangs, no journal is
 * lost, at most one call is open, and a push as delivered goes out at the end. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"
#include "desk.h"

enum { MOVES = 48, OUT = 1 << 16 };
static const int64_t T0 = 1767225600;

static struct net {
    struct desk *k;
    struct dlms_link link;
    bool up;
    uint8_t mood; /* what becomes of a call: made at once, refused, never answered */
    unsigned calls;
    size_t sent;
} net;

static size_t room(void *ctx)
{
    (void)ctx;
    return OUT;
}

static void take(void *ctx, const uint8_t *p, size_t n, bool more)
{
    (void)ctx, (void)p, (void)more;
    net.sent += n;
}

static void down(void)
{
    if (net.up) device_link_close(&net.k->d, &net.link);
    net.up = false;
}

static void close_link(void *ctx)
{
    (void)ctx;
    down();
}

static const struct link_ops ops = { .room = room, .send = take, .close = close_link };

static void dial(void *ctx, enum dlms_link_kind kind, const struct push_peer *to)
{
    (void)ctx;
    ensure(to->port > 0 && (kind == DLMS_TCP || kind == DLMS_UDP));
    net.calls++;
    down();
    if (net.mood % 3 == 1) device_reached(&net.k->d, NULL);
    if (net.mood % 3) return;
    net.up = true;
    device_link_open(&net.k->d, &net.link, kind, LINK_WAN, (struct link_io){ &ops, NULL },
                     net.k->d.meter.t);
    if (!device_reached(&net.k->d, &net.link)) down();
}

static const struct device_dialler dialler = { .dial = dial };

/* One chip for all lives: of the life before, only the sectors that it touched are blanked. */
enum { CHIP = 8 << 20 };
static struct {
    struct nor_mem mem;
    bool touched[CHIP / NOR_SECTOR];
} chip;

static int touch(void *ctx, enum nor_op op, uint32_t at, const uint8_t *src, size_t n)
{
    (void)ctx, (void)op, (void)src, (void)n;
    chip.touched[at / NOR_SECTOR] = true;
    return 0;
}

static const struct nor *blank_chip(void)
{
    static uint8_t *image;
    bool fresh = !image;
    if (fresh) image = malloc(CHIP);
    ensure(image);
    for (size_t i = 0; i < CHIP / NOR_SECTOR; i++) {
        if (fresh || chip.touched[i]) memset(image + i * NOR_SECTOR, 0xFF, NOR_SECTOR);
        chip.touched[i] = false;
    }
    nor_mem_init(&chip.mem, image, CHIP, (struct nor_times){ 0, 0 });
    chip.mem.intercept = touch;
    return &chip.mem.nor;
}

static void move(uint8_t code, uint8_t detail, const uint8_t *p, size_t n)
{
    struct desk *k = net.k;
    struct obis ln = { 0, detail & 7, 25, 9, 0, 255 };
    switch (code & 7) {
    case 0:
    case 1:
    case 2:
        (void)desk_set(k, ROLE_MANAGEMENT, 40, ln, (uint8_t)(2 + (detail >> 3) % 12), p, n,
                       detail & 0x80 ? 7 : 0);
        break;
    case 3:
        (void)desk_call(k, ROLE_MANAGEMENT, 40, ln, detail & 8 ? 2 : 1, NULL, 0, NULL);
        break;
    case 4:
        event_post(&k->d.meter, detail & 1 ? EV_TERMINAL_COVER_OPEN : EV_MAGNET, NULL, NULL);
        net.mood = detail >> 1;
        break;
    case 5:
        desk_run_s(k, 1u + detail);
        break;
    case 6:
        if (net.up) device_feed_link(&k->d, &net.link, p, n, k->now);
        if (detail & 1) down();
        break;
    default:
        if (detail & 1) {
            device_supply_failed(&k->d, k->now);
        } else if (detail & 2) {
            net.up = false;
            desk_cut(k, detail);
        }
    }
    desk_settle(k);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static const uint8_t aim[] = { 2,   3,   0x16, 0,   9,   9,   '1',  '.', '1',
                                   '.', '1', '.',  '1', ':', '9', 0x16, 0 };
    static const uint8_t plain[] = { 1, 0 }, at_once[] = { 0x12, 0, 0 };
    struct obis ln = { 0, 1, 25, 9, 0, 255 };
    struct desk *k = desk_on(blank_chip(), T0);
    net = (struct net){ .k = k };
    k->cfg.dialler = &dialler;
    size_t at = 0;
    for (unsigned i = 0; i < MOVES && n - at >= 3; i++) {
        size_t some = p[at + 2] < n - at - 3 ? p[at + 2] : n - at - 3;
        move(p[at], p[at + 1], p + at + 3, some);
        at += 3 + some;
    }
    net.mood = 0;
    down();
    for (unsigned i = 0; i < PUSHES; i++) {
        struct obis each = { 0, (uint8_t)i, 25, 9, 0, 255 };
        (void)desk_call(k, ROLE_MANAGEMENT, 40, each, 2, NULL, 0, NULL);
    }
    ensure(desk_set(k, ROLE_MANAGEMENT, 40, ln, 3, aim, sizeof aim, 0) == DAR_OK);
    ensure(desk_set(k, ROLE_MANAGEMENT, 40, ln, 4, plain, sizeof plain, 0) == DAR_OK);
    ensure(desk_set(k, ROLE_MANAGEMENT, 40, ln, 5, at_once, sizeof at_once, 0) == DAR_OK);
    desk_run_s(k, 60);
    net.sent = 0;
    ensure(desk_call(k, ROLE_MANAGEMENT, 40, ln, 1, NULL, 0, NULL) == DAR_OK);
    desk_run_s(k, 60);
    ensure(net.sent > 0 && !k->d.meter.store.journal.lost);
    down();
    desk_free(k);
    return 0;
}
