/* What a keypad, an SMS or a link may send as a token: any octets, as text, before a meter with
 * a key. Whatever comes, the answer is one of the eighteen and nothing is half done. */
#include <stdint.h>
#include <string.h>

#include "base/sys.h"
#include "sts/judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct sts_rules rules = { .room_units = 1000,
                               .room_currency = 1000,
                               .tests = 0x3FF,
                               .section_ms = 1000,
                               .management = 0xC23,
                               .functions = 0xFE,
                               .credits = 0x11 };
    struct sts_key key = { .key = { 0xE6, 0x53, 0x34, 0x1F, 0x9D, 0x5B, 0xF3, 0x6F },
                           .ea = STS_EA_STA,
                           .kt = STS_KT_UNIQUE,
                           .ken = STS_KEN_NEVER };
    struct sts_tids tids, before;
    struct sts_pending pending = { 0 };
    struct sts_verdict v;
    char digits[STS_DIGITS];
    if (n < 1) return 0;
    rules.locked_out = p[0] & 1;
    rules.tampered = p[0] & 2;
    if (p[0] & 4) key.ea = STS_EA_MISTY1;
    if (p[0] & 8) { /* any octets as digits: what is no token must be judged too */
        for (size_t i = 0; i < STS_DIGITS; i++)
            digits[i] = (char)('0' + (i + 1 < n ? p[i + 1] % 10 : 0));
    } else if (sts_token_clean(digits, (const char *)p + 1, n - 1)) {
        return 0;
    }
    sts_tids_init(&tids, 1000);
    before = tids;
    sts_judge(&v, &rules, &key, &tids, &pending, digits);
    ensure(sts_result_name(v.result) != NULL);
    ensure(memcmp(&tids, &before, sizeof tids) == 0);
    bool is_ok = sts_result_group(v.result) == STS_GROUP_OK;
    ensure(is_ok == (v.effect != STS_NOTHING));
    ensure(!v.takes_tid || (is_ok && v.tid > 1000 && v.tid_slot < STS_TIDS));
    ensure(v.effect != STS_CREDIT || (v.amount >= 0 && v.amount <= rules.room_units));
    ensure(v.effect != STS_CURRENCY || v.amount <= rules.room_currency);
    ensure(v.effect != STS_CHANGE_KEY); /* one token never does */
    sts_tids_put(&tids, &v);
    return 0;
}
