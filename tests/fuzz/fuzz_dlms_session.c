/* A life of a server: associations over several links, protected and plain APDUs (sealed here,
 * with the right keys), damaged ones, pauses, lost links, changed keys, power cuts, all in the
 * order the input tells. The input is a list of moves: a code, an octet of detail, and for
 * APDUs a length and its octets. No counter ever comes twice, nothing hangs, and at the end a
 * correct client reads. */
#include <stdint.h>
#include <string.h>

#include "base/sys.h"
#include "dlms/bench.h"
#include "dlms/wrapper.h"

enum { MOVES = 16 };
static const uint16_t saps[] = { SAP_READER,    SAP_MANAGEMENT, SAP_CIPHERED_LLS, SAP_PUBLIC,
                                 SAP_BROADCAST, SAP_PUSH,       SAP_SHA,          SAP_ECDSA };
static const uint8_t get_name[] = { 0xC0, 1, 0xC1, 0, 1, 0, 0, 96, 1, 0, 0xFF, 2, 0 };
static struct bench b;
static uint32_t ic;
static bool torn[2]; /* half a header may be in */

static void reopen(unsigned i)
{
    if (b.port[i].closed || !b.port[i].up || torn[i]) bench_open(&b, i, DLMS_TCP, LINK_WAN);
    torn[i] = false;
    b.port[i].out_n = 0;
}

static void send(unsigned i, uint16_t sap, const uint8_t *p, size_t n)
{
    reopen(i);
    bench_send(&b, i, sap, p, n);
}

static void associate(unsigned i, uint8_t detail)
{
    static const uint16_t ours[] = { SAP_READER, SAP_MANAGEMENT, SAP_CIPHERED_LLS, SAP_PUBLIC };
    reopen(i);
    b.busy_counter = detail >> 2 & 1;
    bench_associate(&b, i, ours[detail & 3], (uint16_t)(detail & 8 ? 0 : 60 + detail), &ic);
}

static enum dar body(void *app, const void *ctx, uint16_t i, const void *frozen,
                     struct cosem_get *g, struct axdr_out *o)
{
    (void)app, (void)ctx, (void)i, (void)frozen, (void)g;
    for (unsigned k = 0; k < 100; k++) axdr_emit_u32(o, k);
    return DAR_OK;
}

static void notify(unsigned i, uint8_t detail)
{
    struct dlms_notice n = { .assoc = ROLE_PUSH,
                             .client_sap = SAP_PUSH,
                             .confirmed = detail & 1,
                             .event = detail & 2,
                             .dated = detail & 4,
                             .parts = 1 + (detail & 16) / 16,
                             .part = body };
    reopen(i);
    (void)dlms_notify(&b.server, &b.port[i].link, &n, b.now);
    bench_run(&b);
}

static void sealed(unsigned i, uint8_t detail, const uint8_t *p, size_t n)
{
    uint8_t out[4096];
    reopen(i);
    if (n) bench_ask_sealed(&b, i, saps[detail & 3], detail & 4, &ic, p, n, out);
}

static void other(unsigned i, uint8_t code, uint8_t detail)
{
    switch (code) {
    case 3:
        associate(i, detail);
        break;
    case 4:
        bench_wait(&b, UINT64_C(1000) << detail % 28);
        break;
    case 5:
        dlms_link_close(&b.server, &b.port[i].link);
        b.port[i].up = false;
        break;
    case 6:
        bench_cut(&b);
        break;
    case 7:
        b.unicast[0] ^= detail;
        dlms_rekey(&b.server);
        break;
    case 8:
        b.security.policy = detail & 0x6C;
        break;
    case 9:
        b.busy_settle = detail & 7;
        b.settle_error = detail & 8 ? -1 : 0;
        break;
    case 10:
        notify(i, detail);
        break;
    case 11:
        dlms_end(&b.server, detail & 1 ? 255 : ROLE_READER);
        break;
    default:
        b.rows = 3u * detail;
    }
}

/* One move; how many octets of input it took. */
static size_t move(const uint8_t *p, size_t n)
{
    unsigned i = p[0] >> 4 & 1;
    uint8_t code = p[0] % MOVES, detail = p[1];
    if (code > 2) {
        other(i, code, detail);
        return 2;
    }
    size_t len = p[2] * 2u;
    if (len > n - 3) len = n - 3;
    if (code == 0)
        send(i, saps[detail & 7], p + 3, len);
    else if (code == 1)
        sealed(i, detail, p + 3, len);
    else if (len) {
        bench_feed(&b, i, p + 3, len);
        torn[i] = true;
    }
    return 3 + len;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    ic = 0;
    torn[0] = torn[1] = false;
    bench_init(&b, 512, 512);
    bench_open(&b, 0, DLMS_TCP, LINK_WAN);
    bench_open(&b, 1, DLMS_TCP, LINK_RS485);
    for (size_t at = 0; at + 3 <= n;) at += move(p + at, n - at);
    const uint8_t *a;
    b.settle_error = 0;
    b.security.policy = 0;
    bench_open(&b, 0, DLMS_TCP, LINK_WAN);
    bench_associate(&b, 0, SAP_READER, 0, &ic);
    size_t m = bench_ask(&b, 0, SAP_READER, get_name, sizeof get_name, &a);
    ensure(m == 14 && a[0] == 0xC4 && a[3] == 0);
    bench_free(&b);
    return 0;
}
