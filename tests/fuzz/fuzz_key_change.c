/* Authentic tokens with any content, any number, in any order and at any time: the fuzzer
 * writes the clear blocks, checksum and cipher are put around them. After each, the meter's
 * state is one it may have. */
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"
#include "base/sys.h"
#include "sts/code.h"
#include "tools/vend/make.h"

#define TOKENS 12
#define STEP 10 /* class and ea, passed time, block */

struct meter {
    struct sts_key key;
    struct sts_tids tids;
    struct sts_pending pending;
};

static uint32_t smallest(const struct sts_tids *t)
{
    uint32_t low = t->tid[0];
    for (int i = 1; i < STS_TIDS; i++)
        if (t->tid[i] < low) low = t->tid[i];
    return low;
}

static void check(const struct meter *m, const struct sts_verdict *v, uint32_t low_before)
{
    ensure(sts_result_name(v->result) != NULL);
    ensure(v->pending.held < 16);
    ensure(v->pending.held == 0 || v->pending.until.us > 0);
    ensure(v->key.kt < 3 && v->key.sgc <= 999999 && v->key.ti <= 99 && v->key.krn <= 9);
    if (v->effect == STS_CHANGE_KEY) ensure(v->key.krn >= 1 && v->key.ea == m->key.ea);
    if (v->effect == STS_CHANGE_KEY) ensure(m->key.kt != STS_KT_COMMON || v->key.kt == 1);
    if (!v->is_rollover) ensure(smallest(&m->tids) >= low_before);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct sts_rules rules = { .room_units = INT64_MAX,
                               .room_currency = INT64_MAX,
                               .tests = 0x3FF,
                               .section_ms = 100,
                               .management = 0xFFFF,
                               .functions = 0xFFFF,
                               .credits = 0xFF };
    struct meter m = { .key = { .key = { 1 }, .kt = STS_KT_UNIQUE, .ken = STS_KEN_NEVER } };
    if (n < 1) return 0;
    m.key.ea = p[0] & 1 ? STS_EA_MISTY1 : STS_EA_STA;
    m.key.kt = p[0] >> 1 & 3;
    sts_tids_init(&m.tids, 1000);
    if (n > 1 + TOKENS * STEP) n = 1 + TOKENS * STEP;
    for (p++, n--; n >= STEP; p += STEP, n -= STEP) {
        uint8_t class = p[0] % 3;
        uint64_t block = be_get64(p + 2) & ~UINT64_C(0xFFFF);
        bool is_currency = class == 0 && block >> 62 == 1;
        uint32_t low = smallest(&m.tids);
        struct sts_verdict v;
        struct made t;
        rules.now.us += p[1] * UINT64_C(1000);
        block |= is_currency ? sts_crc_c(class, block) : sts_crc(class, block);
        make_token(&t, &m.key, class, block);
        sts_judge(&v, &rules, &m.key, &m.tids, &m.pending, t.digits);
        ensure(v.is_authentic);
        m.pending = v.pending;
        sts_tids_put(&m.tids, &v);
        check(&m, &v, low);
        if (v.effect == STS_CHANGE_KEY) m.key = v.key;
    }
    return 0;
}
