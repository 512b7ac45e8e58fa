/* One of the carriers of tokens as a line would bring it: any octets, in any pieces, at any time,
 * among them real tokens. The first octet is how fast time goes; 01 stands for the digits of a
 * fresh token, 02 for those of the last one again; on the unit's line 03 seals what follows it
 * into a frame. Whatever comes, credit moves by tokens that were answered as accepted and by
 * nothing else, and the meter goes on. */
#include "fuzz/courier.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"
#include "desk.h"
#include "tools/vend/make.h"

enum { LIFE = 2000, FED_MAX = 2048 }; /* inputs a meter lives through */

static struct desk *k;
static struct courier line;
static struct ciu_frame sealed;
static char digits[STS_DIGITS + 1];
static uint32_t tid = 6400000, counter;
static unsigned accepted, runs;
static uint8_t key[16];

static bool is_accepted(const uint8_t *p, size_t n)
{
    static const char text[] = "RESULT 1 Accept\r\n";
    return n >= sizeof text - 1 &&
           memcmp(p + n - (sizeof text - 1), text, sizeof text - 1) == 0;
}

static size_t line_room(void *ctx)
{
    (void)ctx;
    return COURIER_OUT;
}

static void line_send(void *ctx, const uint8_t *p, size_t n, bool more)
{
    (void)ctx, (void)more;
    struct ciu_frame f;
    size_t size = n;
    ensure(n > 0 && n <= COURIER_OUT && meter_is_ready(&k->d.meter));
    if (fuzz_kind == COURIER_CIU) {
        ensure(ciu_get(&f, key, p, &size) == 0 && size == n && f.type == CIU_RESULT);
        accepted += f.payload[0] == STS_ACCEPT;
        return;
    }
    ensure(n >= 2 && p[n - 2] == '\r' && p[n - 1] == '\n');
    accepted += is_accepted(p, n);
}

static const struct link_ops ops = { .room = line_room, .send = line_send };

static void begin(void)
{
    static const struct who engineer = { .sap = 1, .link = LINK_WAN, .assoc = ROLE_MANAGEMENT };
    uint8_t setup[1 + SMS_NUMBER] = { SMS_TAKES_TOKENS | SMS_TAKES_WAKE | SMS_REPLIES, '7' };
    if (k) {
        device_courier_close(&k->d, &line);
        desk_free(k);
    }
    k = desk_new(INT64_C(1767225600));
    ensure(param_write(&k->d.meter, &engineer, PARAM_SMS, setup, sizeof setup) == 0);
    desk_settle(k);
    ciu_key(key, device_development.key[SECURE_UNICAST], k->meter.serial);
    device_courier_open(&k->d, &line, fuzz_kind, (struct link_io){ &ops, NULL });
    counter = 0;
}

static void fresh(void)
{
    struct made m;
    struct sts_fields f = { .v = { [STS_TID] = tid++, [STS_VALUE] = 10 } };
    make_token(&m, k->meter.decoder, 0, make_block(sts_form_find(0, 0, STS_EA_STA), &f));
    memcpy(digits, m.digits, sizeof digits);
}

static void feed(const uint8_t *p, size_t n)
{
    for (unsigned tries = 0; n; tries++) {
        size_t taken = device_feed_courier(&k->d, &line, p, n, k->now);
        p += taken;
        n -= taken;
        desk_settle(k);
        ensure(tries < 2 * FED_MAX);
    }
}

/* What the input stands for; how many octets of it were used. */
static size_t expand(const uint8_t *p, size_t n)
{
    uint8_t frame[CIU_MOST];
    if (*p == 1) fresh();
    if (*p == 1 || *p == 2) {
        feed((const uint8_t *)digits, STS_DIGITS);
        return 1;
    }
    if (*p != 3 || fuzz_kind != COURIER_CIU) {
        size_t plain = 1;
        while (plain < n && p[plain] > 3) plain++;
        feed(p, plain);
        return plain;
    }
    size_t size = n - 1 < CIU_PAYLOAD ? n - 1 : CIU_PAYLOAD;
    sealed = (struct ciu_frame){ .meter = k->meter.serial,
                                 .counter = counter += size & 3,
                                 .type = CIU_TOKEN,
                                 .n = (uint8_t)size };
    memcpy(sealed.payload, p + 1, size);
    if (size == 0) { /* nothing more: a token, sealed */
        fresh();
        memcpy(sealed.payload, digits, sealed.n = STS_DIGITS);
    }
    feed(frame, ciu_put(&sealed, key, frame));
    return 1 + size;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    if (runs++ % LIFE == 0) begin();
    if (n < 1 || n > FED_MAX) return 0;
    uint64_t ms = p[0];
    accepted = 0;
    int64_t before = wallet_balance(&k->d.meter, 0);
    for (p++, n--; n;) {
        size_t used = expand(p, n);
        p += used;
        n -= used;
        k->now = mono_after(k->now, ms * ms * 1000);
    }
    if (fuzz_kind != COURIER_CIU) feed((const uint8_t *)"\n", 1);
    desk_settle(k);
    ensure(wallet_balance(&k->d.meter, 0) - before == accepted * INT64_C(1000));
    ensure(k->d.meter.tokens.last.result == 0 ||
           sts_result_name(k->d.meter.tokens.last.result));
    if (fuzz_kind == COURIER_CIU) return 0;
    ensure(line.n == 0 && !line.too_long);
    return 0;
}
