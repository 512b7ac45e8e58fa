/* judge.h - what a meter makes of a token: state in, token in, verdict out; nothing else
 * changes.
 *
 * sts_judge() authenticates and validates in a fixed order; the first failure is the answer:
 *
 *     format  class 3  locked out  CRC  maker's code  tampered  key change rules
 *     default key  key expired  used  old  function  range  overflow
 *
 * and says what is to be done: an effect with its operands, the entry of the TID store that the
 * token's TID takes, and for a key change the new key. The meter may still turn the effect down
 * (RANGE, FUNCTION, OVERFLOW by rules of its own) before it commits; the TID is then not stored
 * and the token can be entered again. Otherwise it commits in one transaction what the verdict
 * says: effect, TID, key, log row. sts_tids_put() and the verdict's key are the new state.
 *
 * Key change sections are held in RAM, in any order, for a limited time. They carry no TID;
 * they are authentic under the old key only, which dies with the change. A section that differs
 * from the one held under its number begins a new set.
 *
 * Power cut  judging writes nothing. Held sections are lost: enter all of them again.
 * Cost       35 000 instructions on a Cortex-M4 with EA07, 14 000 with EA11; no allocation.
 * Memory     struct sts_key 28, sts_tids 200, sts_pending 48, sts_verdict 112 octets; under 800
 *            of stack; flash 7 KiB with all of src/sts on a Cortex-M4.
 * Context    any; secrets in the verdict and in the pending sections: wipe() them.
 */
#ifndef STS_JUDGE_H
#define STS_JUDGE_H
#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "sts/token.h"

#define STS_TIDS 50
#define STS_EA_STA 7
#define STS_EA_MISTY1 11
#define STS_KEN_NEVER 255

#define RESULT(name, number, text, group, words) STS_##name = number,
enum sts_result {
#include "sts/results.def"
};
#undef RESULT

enum sts_group {
    STS_GROUP_OK,
    STS_GROUP_FORMAT,
    STS_GROUP_AUTHENTICATION,
    STS_GROUP_VALIDATION,
    STS_GROUP_EXECUTION
};

enum sts_key_type {
    STS_KT_INITIAL, /* DITK, the factory's */
    STS_KT_DEFAULT, /* DDTK: management, no credit */
    STS_KT_UNIQUE,  /* DUTK: normal service */
    STS_KT_COMMON   /* DCTK: magnetic cards, refused */
};

/* The decoder key and what came with it. Lives in a wrapped slot; wipe() copies. */
struct sts_key {
    uint8_t key[16]; /* as printed; EA07 uses the first eight octets, the rest is zero */
    uint32_t sgc;    /* supply group, up to 999999; 0 after a two-token change */
    uint8_t ea, kt, krn, ti, ken;
};

/* The TID store, in no order. */
struct sts_tids {
    uint32_t tid[STS_TIDS];
};

/* Sections of a key change that is not complete. RAM only. All zero: none. */
struct sts_pending {
    mono_t until;
    uint64_t block[4]; /* as deciphered: first, second, third, fourth */
    uint8_t held;      /* bit n: block[n] is held */
};

/* What this meter takes, as things stand. */
struct sts_rules {
    mono_t now;
    int64_t room_units;    /* how much may be added: 0.1 kWh, */
    int64_t room_currency; /* and 1e-5 of the currency */
    uint64_t tests;        /* class 1: control bits supported */
    uint32_t section_ms;   /* how long a key change section is held */
    uint16_t mfr_code;
    uint16_t management; /* class 2: bit n, sub-class n is supported; key change always is */
    uint16_t functions;  /* 2/11: bit n, function n is supported */
    uint8_t credits;     /* class 0: bit n, sub-class n is supported */
    bool locked_out;     /* only class 1 is looked at */
    bool tampered;       /* only class 1, clear-tamper and key change are taken */
    bool is_four_digit;  /* maker's code of four digits: class 1 sub 1; else sub 0 */
};

enum sts_effect {
    STS_NOTHING,
    STS_CREDIT,       /* index sub-class 0-3, amount in 0.1 kWh */
    STS_CURRENCY,     /* index sub-class 4-7, amount in 1e-5 currency, negative too */
    STS_TEST,         /* control: the supported bits asked for */
    STS_POWER_LIMIT,  /* amount in W */
    STS_CLEAR_CREDIT, /* amount: register 0-7, or 0xFFFF all */
    STS_TARIFF,       /* amount: rate */
    STS_CLEAR_TAMPER,
    STS_UNBALANCE_LIMIT, /* amount in W */
    STS_WATER_FACTOR,    /* amount */
    STS_EXTENDED,        /* index, amount: data of ten bits */
    STS_MANUFACTURER,    /* index: function, amount: data of twelve bits */
    STS_HOLD_SECTION,    /* pending is to be kept */
    STS_CHANGE_KEY       /* key is the new one; is_rollover: the TID store becomes zeros */
};

/* Class 1 control bits. All ones asks for every test that is supported. */
enum sts_test {
    STS_TEST_SWITCH = 0x001,
    STS_TEST_DISPLAY = 0x002,
    STS_SHOW_ENERGY = 0x004,
    STS_SHOW_KEY_REVISION = 0x008, /* KRN and KT */
    STS_SHOW_TARIFF_INDEX = 0x010,
    STS_TEST_READER = 0x020,
    STS_SHOW_POWER_LIMIT = 0x040,
    STS_SHOW_TAMPER = 0x080,
    STS_SHOW_POWER = 0x100,
    STS_SHOW_VERSION = 0x200,
    STS_SHOW_UNBALANCE = 0x400
};

/* Functions of our manufacturer sub-class 2/11, with their twelve bits of data. */
enum sts_function {
    STS_FN_MODE = 1, /* 0 postpaid, 1 prepaid */
    STS_FN_LEVEL_1,  /* credit levels: whole kWh, or whole currency in a money wallet */
    STS_FN_LEVEL_2,
    STS_FN_LEVEL_3,
    STS_FN_EMERGENCY, /* emergency credit, the same unit */
    STS_FN_FRIENDLY,  /* 0 off, 1 on */
    STS_FN_SWITCH,    /* 0 force open, 1 release */
    STS_FN_UNIT       /* 0 forget the customer's units, 1 one may be paired */
};

struct sts_verdict {
    uint64_t control;
    int64_t amount;
    struct sts_pending pending; /* the new one, for every token */
    struct sts_key key;
    uint32_t tid;
    uint8_t result; /* enum sts_result; effect is STS_NOTHING unless its group is OK */
    uint8_t effect; /* enum sts_effect */
    uint8_t index;
    uint8_t class, sub;
    bool is_authentic; /* CRC held: class, sub and tid can be believed */
    bool takes_tid;
    uint8_t tid_slot; /* the smallest entry, which the TID replaces */
    bool is_rollover;
};

/* Judge 20 digits (spaces removed: sts_token_clean()). key, tids and pending are only read. */
void sts_judge(struct sts_verdict *v, const struct sts_rules *rules, const struct sts_key *key,
               const struct sts_tids *tids, const struct sts_pending *pending,
               const char digits[STS_DIGITS]);

/* The clear block of a token of class 0 or 2. Says nothing of its checksum. */
uint64_t sts_open(const struct sts_key *key, uint64_t block);

/* The TID store after an accepted verdict. */
void sts_tids_put(struct sts_tids *tids, const struct sts_verdict *v);

/* Fill the store as the factory does: every entry the minute of manufacture. */
void sts_tids_init(struct sts_tids *tids, uint32_t tid);

/* Wipe sections that are out of time; to be called now and then. */
void sts_pending_expire(struct sts_pending *p, mono_t now);

/* "UsedError", and "used token"; NULL for a number that is no result. */
const char *sts_result_name(int result);
const char *sts_result_words(int result);
enum sts_group sts_result_group(int result);

#endif
