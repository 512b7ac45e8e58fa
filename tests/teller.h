/* teller.h - a vending counter for tests: the tokens of one meter, fresh TIDs, its key.
 *
 * Every token is entered through prepay_enter_text() as a person or a client would, and carried
 * to its end: what teller_enter() returns stands on flash.
 *
 * Context  tests.
 */
#ifndef TESTS_TELLER_H
#define TESTS_TELLER_H
#include "lab.h"
#include "tools/vend/make.h"

struct teller {
    struct sts_key key;
    uint32_t tid; /* of the next token */
    char token[4][STS_DIGITS + 1];
    int tokens; /* made last */
};

/* A key in normal service, TIDs of 2026. */
void teller_init(struct teller *t, uint8_t ea);

/* The meter of a bench carries the teller's key from the factory, and can wrap another. */
void teller_fit(struct lab *l, const struct teller *t);

/* Make the next token: units in 0.1 kWh, money in 1e-5, or a register of class 2. */
const char *teller_units(struct teller *t, uint64_t tenths);
const char *teller_money(struct teller *t, int64_t units_1e5);
const char *teller_register(struct teller *t, uint8_t sub, uint16_t value);
const char *teller_function(struct teller *t, uint8_t sub, unsigned index, unsigned data);
const char *teller_test(struct teller *t, uint64_t control);

/* 2, 3 or 4 tokens to another key; teller->key is the new one afterwards. */
void teller_change(struct teller *t, uint8_t mark, bool is_rollover, bool with_sgc);

extern const struct who teller_keypad, teller_client;
int teller_enter(struct lab *l, const struct who *who, const char *token);

#endif
