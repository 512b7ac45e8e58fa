/* The DLMS server alone, on one core, without sockets: requests and rows a second, plain and by
 * suite 0 with authenticated encryption. What a network adds is measured on the running meter.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "dlms/bench.h"
#include "dlms/cipher.h"
#include "dlms/wrapper.h"

static struct bench b;
static uint32_t ic;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static const uint8_t get_name[] = { 0xC0, 1, 0xC1, 0, 1, 0, 0, 96, 1, 0, 0xFF, 2, 0 };
static const uint8_t get_rows[] = { 0xC0, 1, 0xC1, 0, 7, 1, 0, 99, 1, 0, 0xFF, 2, 0 };
static uint8_t stock[4096][64]; /* requests sealed ahead: only the server's time counts */
static size_t stock_n;

static void make_stock(void)
{
    struct cipher_key k = { .len = 16 };
    struct cipher_box box = { .tag = 0xC8 };
    memcpy(k.ek, b.unicast, 16);
    memcpy(k.ak, b.auth, 16);
    for (unsigned i = 0; i < 4096; i++) {
        struct axdr_out o = axdr_out(stock[i], 8);
        cipher_emit_box(&o, &box, sizeof get_name + 17);
        memcpy(stock[i] + o.len + CIPHER_HEAD, get_name, sizeof get_name);
        stock_n = o.len + cipher_seal(stock[i] + o.len, sizeof get_name, 0x30, ic++, &k,
                                      b.security.client_title, NULL, 0);
    }
}

static double plain_rate(void)
{
    const uint8_t *a;
    unsigned long calls = 0;
    bench_associate(&b, 0, SAP_READER, 0, &ic);
    double start = now(), spent = 0;
    while (spent < 1) {
        for (unsigned i = 0; i < 4096; i++) bench_ask(&b, 0, SAP_READER, get_name, 13, &a);
        calls += 4096;
        spent = now() - start;
    }
    return (double)calls / spent;
}

static double sealed_rate(void)
{
    const uint8_t *a;
    unsigned long calls = 0;
    double spent = 0;
    bench_associate(&b, 0, SAP_CIPHERED_LLS, 0, &ic);
    while (spent < 1) {
        make_stock();
        double start = now();
        for (unsigned i = 0; i < 4096; i++)
            bench_ask(&b, 0, SAP_CIPHERED_LLS, stock[i], stock_n, &a);
        calls += 4096;
        spent += now() - start;
    }
    return (double)calls / spent;
}

static double row_rate(uint16_t sap, unsigned *blocks)
{
    uint8_t next[7] = { 0xC0, 2, 0xC1 }, out[8192];
    const uint8_t *a;
    unsigned long rows = 0;
    bench_associate(&b, 0, sap, 0, &ic);
    double start = now(), spent = 0;
    while (spent < 1) {
        const uint8_t *p = get_rows;
        size_t n = sizeof get_rows;
        for (*blocks = 1;; ++*blocks) {
            a = out;
            if (sap == SAP_READER)
                bench_ask(&b, 0, sap, p, n, &a);
            else
                bench_ask_sealed(&b, 0, sap, false, &ic, p, n, out);
            if (a[1] != 2 || a[3]) break;
            next[5] = (uint8_t)(*blocks >> 8);
            next[6] = (uint8_t)*blocks;
            p = next;
            n = sizeof next;
        }
        rows += b.rows;
        spent = now() - start;
    }
    return (double)rows / spent;
}

int main(void)
{
    unsigned blocks;
    bench_init(&b, 4096, 4096);
    b.rows = 2976;
    b.wide = true;
    bench_open(&b, 0, DLMS_TCP, LINK_WAN);
    printf("DLMS server, one core, in process, test device of 15 rows\n");
    printf("  GET of one value, plain                 %9.0f a second\n", plain_rate());
    printf("  GET of one value, suite 0 auth+encrypt  %9.0f a second\n", sealed_rate());
    printf("  profile, 6 columns, plain               %9.0f rows a second",
           row_rate(SAP_READER, &blocks));
    printf(" (%u rows, %u blocks)\n", (unsigned)b.rows, blocks);
    printf("  profile, 6 columns, ciphered            %9.0f rows a second, client included\n",
           row_rate(SAP_CIPHERED_LLS, &blocks));
    printf("  a session: %zu octets and its buffers; a link: %zu; the server: %zu (64-bit)\n",
           sizeof(struct dlms_session), sizeof(struct dlms_link), sizeof(struct dlms_server));
    bench_free(&b);
    return 0;
}
