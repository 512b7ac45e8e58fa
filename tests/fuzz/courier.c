/* One of the carriers of tokens as a line would bring it: any octets, in any pieces, at any time,
 * among them real tokens. The first octet is how fast time goes; 01 stands for the digits of a
 * fresh token, 02 for those of the last one again; on the unit's line 03 seals what follows it
 * into a frame: an octet says of which of three units (two can be paired), of what type and how
 * far its counter goes on, the next how much of the rest is in it: nothing, a token, or the APDU
 * that enters one. In every second life messages have a PIN, and more units than the first may be
 * paired. Whatever comes, credit moves by tokens that were answered as accepted and by nothing else
 * (of those in APDUs, which need not be answered: that are in the log), and the meter goes on. */
#include "fuzz/courier.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/sys.h"
#include "desk.h"
#include "tools/vend/make.h"

enum { LIFE = 2000, FED_MAX = 2048 };         /* inputs a meter lives through */
enum { UNITS_SPOKEN = 3, INPUT_MS = 900000 }; /* time that one input may take */

static struct desk *k;
static struct courier line;
static struct ciu_frame sealed;
static char digits[STS_DIGITS + 1];
static uint32_t tid, counter[UNITS_SPOKEN];
static unsigned accepted, runs;
static bool by_apdu; /* one was sent */
static uint8_t key[UNITS_SPOKEN][16];

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
        unsigned unit = be_get32(p + 3) - 1;
        ensure(unit < UNITS_SPOKEN && ciu_get(&f, key[unit], p, &size) == 0 && size == n);
        ensure(f.type & CIU_ANSWER && unit_is_paired(&k->d.meter, f.unit));
        accepted += f.type == CIU_RESULT && f.payload[0] == STS_ACCEPT;
        return;
    }
    ensure(n >= 2 && p[n - 2] == '\r' && p[n - 1] == '\n');
    accepted += is_accepted(p, n);
}

static const struct link_ops ops = { .room = line_room, .send = line_send };

static void begin(void)
{
    static const struct who engineer = { .sap = 1, .link = LINK_WAN, .assoc = ROLE_MANAGEMENT };
    static unsigned lives;
    struct secure_key pin = { .slot = SECURE_SMS_PIN, .length = 4, .octets = "4711" };
    uint8_t setup[1 + SMS_NUMBER] = { SMS_TAKES_TOKENS | SMS_TAKES_WAKE | SMS_REPLIES, '7' };
    if (k) {
        device_courier_close(&k->d, &line);
        desk_free(k);
    }
    k = desk_new(INT64_C(1767225600));
    ensure(param_write(&k->d.meter, &engineer, PARAM_SMS, setup, sizeof setup) == 0);
    desk_settle(k);
    ensure(unit_set(&k->d.meter, &engineer, &(struct unit_entry){ 1, UNIT_PLC }, 1) == 0);
    desk_settle(k);
    if (lives++ % 2) {
        ensure(secure_keys_set(&k->d.meter, &engineer, &pin, 1, NULL) == 0);
        ensure(meter_feed_inputs(&k->d.meter, k->now, INPUT_BUTTON) == 0);
    }
    desk_settle(k);
    for (uint32_t i = 0; i < UNITS_SPOKEN; i++)
        ciu_key(key[i], device_development.key[SECURE_UNICAST], k->meter.serial, i + 1);
    device_courier_open(&k->d, &line, fuzz_kind, (struct link_io){ &ops, NULL });
    memset(counter, 0, sizeof counter);
    tid = 6400000;
}

static void fresh(void)
{
    struct made m;
    struct sts_fields f = { .v = { [STS_TID] = tid++, [STS_VALUE] = 10 } };
    make_token(&m, k->meter.decoder, 0, make_block(sts_form_find(0, 0, STS_EA_STA), &f));
    memcpy(digits, m.digits, sizeof digits);
}

/* {octet-string} to 0-0:19.40.0, method 1. */
static uint8_t enter_apdu(uint8_t apdu[CIU_PAYLOAD])
{
    static const uint8_t head[] = { 0xC3, 1, 0xC1, 0, 115, 0, 0,         19,
                                    40,   0, 255,  1, 1,   9, STS_DIGITS };
    memcpy(apdu, head, sizeof head);
    memcpy(apdu + sizeof head, digits, STS_DIGITS);
    return sizeof head + STS_DIGITS;
}

/* How many from row `from` on were accepted. */
static unsigned accepted_rows(uint32_t from)
{
    struct token_row row;
    unsigned n = 0;
    for (uint32_t i = from; i < token_span(&k->d.meter, TOKENS_ALL).next; i++)
        n += token_read(&k->d.meter, TOKENS_ALL, i, &row) == 0 && row.last.result == STS_ACCEPT;
    return n;
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
    uint8_t how = n > 1 ? p[1] : 0, length = n > 2 ? p[2] % (CIU_PAYLOAD + 1) : 0;
    size_t head = n < 3 ? n : 3, size = length < n - head ? length : n - head;
    unsigned unit = how % UNITS_SPOKEN;
    sealed = (struct ciu_frame){ .unit = unit + 1,
                                 .meter = k->meter.serial,
                                 .counter = counter[unit] += how >> 6,
                                 .type = (uint8_t)(CIU_TOKEN + (how >> 3 & 7) % CIU_APDU),
                                 .n = (uint8_t)size };
    memcpy(sealed.payload, p + head, size);
    if (size == 0) {
        fresh();
        memcpy(sealed.payload, digits, sealed.n = STS_DIGITS);
        if (sealed.type == CIU_APDU) sealed.n = enter_apdu(sealed.payload);
    }
    by_apdu |= sealed.type == CIU_APDU;
    feed(frame, ciu_put(&sealed, key[unit], frame));
    return head + size;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    if (runs++ % LIFE == 0) begin();
    if (n < 1 || n > FED_MAX) return 0;
    uint64_t ms = p[0], left_ms = INPUT_MS;
    accepted = 0;
    by_apdu = false;
    uint32_t rows = token_span(&k->d.meter, TOKENS_ALL).next;
    int64_t before = wallet_balance(&k->d.meter, 0);
    for (p++, n--; n;) {
        size_t used = expand(p, n);
        p += used;
        n -= used;
        uint64_t pass_ms = ms * ms < left_ms ? ms * ms : left_ms;
        k->now = mono_after(k->now, pass_ms * 1000);
        left_ms -= pass_ms;
    }
    if (fuzz_kind != COURIER_CIU) feed((const uint8_t *)"\n", 1);
    desk_settle(k);
    for (unsigned tries = 0; k->d.server.work; tries++) { /* what an APDU asked for is done */
        ensure(tries < 1000);
        k->now = mono_after(k->now, 1000);
        desk_settle(k);
    }
    unsigned taken = accepted_rows(rows);
    ensure(by_apdu ? accepted <= taken : accepted == taken);
    ensure(wallet_balance(&k->d.meter, 0) - before == taken * INT64_C(1000));
    ensure(k->d.meter.tokens.last.result == 0 ||
           sts_result_name(k->d.meter.tokens.last.result));
    if (fuzz_kind == COURIER_CIU) return 0;
    ensure(line.n == 0 && !line.too_long);
    return 0;
}
