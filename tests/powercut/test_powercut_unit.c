/* test_powercut_unit.c - a customer's unit is paired, reads, enters tokens and takes emergency credit
 * as DLMS client 96, with the lights going out at every flash operation, torn in every way.
 *
 * What came up has done what the frame under way asked for as a whole, or nothing of it; where it
 * is done, the frame's count is used up. The same octets again are answered only where nothing was
 * done, and then do it once. The unit goes on with its next frame.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "indoor.h"
#include "powercut/cuts.h"
#include "tools/vend/make.h"

enum { SECTORS = 2048, UNIT = 7001, TOKENS = 4, EACH = 1000 };
static const int64_t UTC = 1795305600;

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}
#define must(c) ((c) ? (void)0 : fail(__func__, #c))

struct life {
    struct desk *k;
    struct indoor u;
    struct cuts cuts;
    int64_t before, after; /* credit without and with what the frame asks for */
    bool emergency;        /* it asks for that */
    bool under_way;
};

static unsigned long done, undone, used_up;

static bool has_emergency(struct desk *k)
{
    return k->d.meter.wallets.wallet[0].fund.flags & FUND_SELECTED;
}

/* Is what the frame asks for done? Half of it is never. */
static bool is_done(const struct life *f, struct desk *k)
{
    int64_t credit = wallet_balance(&k->d.meter, 0);
    if (f->emergency) {
        must(credit == f->before);
        return has_emergency(k);
    }
    must(credit == f->before || credit == f->after);
    return f->after != f->before && credit == f->after;
}

static void judge(void *ctx, struct nor_sim *chip, enum torn model)
{
    const struct life *f = ctx;
    (void)model;
    if (!f->under_way) return;
    struct desk *k = desk_on(&chip->nor, UTC + 60);
    struct indoor u;
    indoor_open(&u, k, UNIT, NULL);
    bool was_done = is_done(f, k);
    u.counter = f->u.counter; /* the next; the frame under way has the one before it */
    bool is_used = unit_floor(&k->d.meter, UNIT) >= u.counter;
    must(unit_floor(&k->d.meter, UNIT) <= u.counter);
    must(is_used || !was_done); /* the count is there before the effect */
    memcpy(u.frame, f->u.frame, u.frame_n = f->u.frame_n);
    must(indoor_again(&u) == !is_used);
    must(unit_floor(&k->d.meter, UNIT) == u.counter);
    must(is_done(f, k) == (was_done || (!is_used && (f->emergency || f->after != f->before))));
    must(!indoor_again(&u));
    struct desk_value v = { (uint8_t[16]){ 0 }, 16 };
    must(indoor_get(&u, 3, desk_ln("1-0:1.8.0"), 2, &v) == DAR_OK && v.n == 5);
    done += was_done;
    undone += !was_done && !is_used;
    used_up += !was_done && is_used;
    indoor_close(&u);
    desk_free(k);
}

static void enter(struct life *f, uint32_t tid)
{
    struct made m;
    uint8_t arg[2 + STS_DIGITS] = { AXDR_OCTETS, STS_DIGITS };
    struct sts_fields x = { .v = { [STS_TID] = tid, [STS_VALUE] = EACH / 100 } };
    make_token(&m, f->k->meter.decoder, 0, make_block(sts_form_find(0, 0, STS_EA_STA), &x));
    memcpy(arg + 2, m.digits, STS_DIGITS);
    f->before = wallet_balance(&f->k->d.meter, 0);
    f->after = f->before + EACH;
    f->under_way = true;
    must(indoor_call(&f->u, 115, desk_ln("0-0:19.40.0"), 1, arg, sizeof arg) == DAR_OK);
    f->under_way = false;
    must(wallet_balance(&f->k->d.meter, 0) == f->after);
}

static void read_one(struct life *f)
{
    uint8_t octets[16];
    struct desk_value v = { octets, sizeof octets };
    f->before = f->after = wallet_balance(&f->k->d.meter, 0);
    f->under_way = true;
    must(indoor_get(&f->u, 3, desk_ln("1-0:1.8.0"), 2, &v) == DAR_OK);
    f->under_way = false;
}

static void take_emergency(struct life *f)
{
    static const uint8_t preset[] = { AXDR_I32, 0, 0, 7, 208 },
                         below[] = { AXDR_I32, 0, 0, 0x4E, 0x20 }, zero[] = { AXDR_I8, 0 };
    struct obis ln = desk_ln("0-0:19.10.1");
    must(desk_set(f->k, ROLE_MANAGEMENT, 112, ln, 9, preset, sizeof preset, 0) == DAR_OK);
    must(desk_set(f->k, ROLE_MANAGEMENT, 112, ln, 10, below, sizeof below, 0) == DAR_OK);
    desk_settle(f->k);
    must(!has_emergency(f->k));
    f->before = f->after = wallet_balance(&f->k->d.meter, 0);
    f->emergency = f->under_way = true;
    must(indoor_call(&f->u, 112, ln, 3, zero, sizeof zero) == DAR_OK);
    f->emergency = f->under_way = false;
    must(has_emergency(f->k));
}

int main(void)
{
    static struct nor_sim sim;
    static struct life f;
    f.cuts = (struct cuts){ .every = 50, .of = 20, .judge = judge, .ctx = &f, .random = 1 };
    nor_sim_init(&sim, SECTORS, (struct nor_times){ 0, 0 }, 1);
    f.k = desk_on(&sim.nor, UTC);
    indoor_pair(f.k, UNIT, 0);
    indoor_open(&f.u, f.k, UNIT, NULL);
    cuts_watch(&f.cuts, &sim);
    for (uint32_t i = 0; i < TOKENS; i++) {
        read_one(&f);
        enter(&f, 6500000 + i);
    }
    take_emergency(&f);
    read_one(&f);
    printf("%lu operations, %lu power-ups judged: %lu had done it, %lu had not and then did, "
           "%lu had used up the count alone\n",
           (unsigned long)f.cuts.operations, done + undone + used_up, done, undone, used_up);
    must(done > 10 && undone > 10);
    indoor_close(&f.u);
    desk_free(f.k);
    nor_sim_free(&sim);
    return 0;
}
