/* Malformed APDUs and frames at a live server, plain, sealed and on a serial line, made from
 * the vectors by turning, cutting, doubling and joining their octets. Between any of them
 * nothing hangs; after every thousand a correct client reads on.
 *
 * HOSTILE in the environment sets how many of each (100 000), SEED where they begin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cases.h"
#include "dlms/bench.h"
#include "dlms/hdlc.h"
#include "dlms/xdlms.h"

enum { SEEDS = 400, LONGEST = 400, ROUND = 1000 };

static struct bench b;
static uint32_t state, ic;
static struct {
    uint8_t p[LONGEST];
    size_t n;
} apdus[SEEDS], frames[SEEDS];
static unsigned n_apdus, n_frames;

static unsigned draw(unsigned n)
{
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % n;
}

static unsigned number(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);
    return text ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

/* Every APDU and every frame of the vectors. */
static void load(void)
{
    static struct cases c;
    cases_open(&c, ROOT "/tests/vectors/dlms.txt");
    while (cases_next(&c))
        for (int i = 0; i < c.fields; i++) {
            const char *v = c.field[i].value;
            size_t len = strlen(v);
            if (len < 4 || len > 2 * LONGEST || len % 2 || strspn(v, "0123456789ABCDEF") != len)
                continue;
            uint8_t p[LONGEST];
            size_t n = cases_hex(&c, c.field[i].name, p, sizeof p);
            bool frame = p[0] == HDLC_FLAG && p[n - 1] == HDLC_FLAG;
            bool apdu = p[0] >= 0xC0 || (p[0] >= 0x60 && p[0] <= 0x63);
            if (frame && n_frames < SEEDS)
                memcpy(frames[n_frames].p, p, frames[n_frames].n = n), n_frames++;
            if (apdu && n_apdus < SEEDS)
                memcpy(apdus[n_apdus].p, p, apdus[n_apdus].n = n), n_apdus++;
        }
    assert_true(n_apdus > 50 && n_frames > 15);
}

/* A seed, hurt in one to four places. */
static size_t hurt(const uint8_t *p, size_t n, uint8_t *out)
{
    memcpy(out, p, n);
    for (unsigned times = 1 + draw(4); times; times--) {
        size_t at = draw((unsigned)n);
        switch (draw(6)) {
        case 0:
            out[at] = (uint8_t)draw(256);
            break;
        case 1:
            out[at] ^= (uint8_t)(1u << draw(8));
            break;
        case 2: /* cut off */
            n = at + 1;
            break;
        case 3: /* an octet is missing */
            if (n > 1) memmove(out + at, out + at + 1, --n - at);
            break;
        case 4: /* one too many */
            memmove(out + at + 1, out + at, n - at);
            n++;
            break;
        default: /* a large count or length */
            out[at] = (uint8_t)(draw(2) ? 0xFF : 0x80 + draw(6));
        }
    }
    return n;
}

static void reads_on(unsigned link, uint16_t sap)
{
    static const uint8_t get[] = { 0xC0, 1, 0xC1, 0, 1, 0, 0, 96, 1, 0, 0xFF, 2, 0 };
    uint8_t out[256];
    const uint8_t *a = out;
    bool sealed = sap != SAP_READER;
    if (b.port[link].closed) bench_open(&b, link, DLMS_TCP, LINK_WAN);
    bench_associate(&b, link, sap, 0, &ic);
    size_t n = sealed ? bench_ask_sealed(&b, link, sap, false, &ic, get, sizeof get, out)
                      : bench_ask(&b, link, sap, get, sizeof get, &a);
    assert_true(n == 14 && a[0] == 0xC4 && a[3] == 0);
}

static void test_apdus(void **unused)
{
    unsigned count = number("HOSTILE", 100000), answered = 0;
    uint8_t p[LONGEST + 8];
    const uint8_t *a;
    (void)unused;
    for (unsigned i = 0; i < count; i++) {
        if (i % ROUND == 0) reads_on(0, SAP_READER);
        unsigned k = draw(n_apdus);
        size_t n = hurt(apdus[k].p, apdus[k].n, p);
        b.busy_settle = draw(50) == 0;
        answered += bench_ask(&b, 0, SAP_READER, p, n, &a) > 0;
        assert_false(b.port[0].closed);
        if (dlms_find_session(&b.server, ROLE_READER) == NULL) reads_on(0, SAP_READER);
    }
    reads_on(0, SAP_READER);
    print_message("%u APDUs, %u answered\n", count, answered);
}

/* With the right key and counter, so that what is inside gets through. */
static void test_sealed(void **unused)
{
    unsigned count = number("HOSTILE", 100000) / 4;
    uint8_t p[LONGEST + 8], out[4096];
    (void)unused;
    for (unsigned i = 0; i < count; i++) {
        if (i % ROUND == 0) reads_on(1, SAP_CIPHERED_LLS);
        unsigned k = draw(n_apdus);
        size_t n = hurt(apdus[k].p, apdus[k].n, p);
        bench_ask_sealed(&b, 1, SAP_CIPHERED_LLS, draw(2), &ic, p, n, out);
        assert_false(b.port[1].closed);
        if (dlms_find_session(&b.server, ROLE_CIPHERED_LLS) == NULL)
            reads_on(1, SAP_CIPHERED_LLS);
    }
    reads_on(1, SAP_CIPHERED_LLS);
}

/* Frames hurt as they are, or hurt and made good again by their checksums. */
static size_t hurt_frame(uint8_t *out)
{
    struct hdlc_frame f;
    uint8_t p[LONGEST + 8];
    size_t used;
    unsigned k = draw(n_frames);
    if (draw(2)) return hurt(frames[k].p, frames[k].n, out);
    assert_true(hdlc_frame_read(frames[k].p, frames[k].n, &f, &used) > 0);
    if (draw(3) == 0) f.control = (uint8_t)draw(256);
    if (draw(8) == 0) f.segmented = !f.segmented;
    if (f.n) {
        f.n = hurt(f.info, f.n, p);
        f.info = p;
    }
    int n = hdlc_frame_write(out, 2 * LONGEST, &f);
    return n < 0 ? 0 : (size_t)n;
}

static void test_frames(void **unused)
{
    unsigned count = number("HOSTILE", 100000);
    uint8_t p[2 * LONGEST];
    unsigned made = 0;
    (void)unused;
    bench_open(&b, 2, DLMS_HDLC, LINK_RS485);
    b.assoc[ROLE_MANAGEMENT].mechanisms = 1;
    for (unsigned i = 0; i < count; i++) {
        size_t n = hurt_frame(p);
        b.port[2].out_n = 0;
        bench_feed(&b, 2, p, n);
        if (draw(20) == 0) bench_wait(&b, 30000);
        if (i % ROUND) continue;
        struct hdlc_frame f = { .dst = { 2, 1, 17 }, .src = { 1, 1, 0 }, .control = 0x93 };
        size_t used;
        int m = hdlc_frame_write(p, sizeof p, &f);
        bench_wait(&b, 150000);
        b.port[2].out_n = 0;
        bench_feed(&b, 2, p, (size_t)m);
        assert_true(hdlc_frame_read(b.port[2].out, b.port[2].out_n, &f, &used) > 0);
        bool room = f.control == (HDLC_UA | HDLC_PF); /* or all sessions are taken */
        assert_true(room || f.control == (HDLC_DM | HDLC_PF));
        made += room;
    }
    assert_true(made > 0);
    bench_wait(&b, 130000000); /* after the inactivity time-out there is room again */
    bench_open(&b, 2, DLMS_TCP, LINK_RS485);
    reads_on(2, SAP_READER);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_apdus),
                                        cmocka_unit_test(test_sealed),
                                        cmocka_unit_test(test_frames) };
    state = number("SEED", 1) * 2654435761u | 1;
    bench_init(&b, 1024, 1024);
    bench_open(&b, 0, DLMS_TCP, LINK_WAN);
    bench_open(&b, 1, DLMS_TCP, LINK_WAN);
    load();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
