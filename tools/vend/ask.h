/* ask.h - what a JSON object asks for, field by field, with an error that names the field.
 *
 * Numbers may come as numbers or as decimal text ("07" is 7), octets as hexadecimal text. The
 * first thing that is wrong is kept in the asker and every later question is answered with 0,
 * so that a caller asks all it needs and looks once.
 *
 * Context  host programs.
 */
#ifndef TOOLS_VEND_ASK_H
#define TOOLS_VEND_ASK_H
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "tools/vend/make.h"

struct ask {
    const json_t *object;
    const char *path; /* "key." in front of every name in messages; "" at the top */
    char wrong[200];  /* "": nothing so far */
};

/* Begin with object; what is no object is the first error. */
void ask_begin(struct ask *a, const json_t *object, const char *path);

/* Note an error, unless there is one: printf with the field's full name in front. */
void ask_fail(struct ask *a, const char *field, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

bool ask_has(const struct ask *a, const char *field);

/* The field's text: a JSON string, or an integer written out into buf. NULL when absent. */
const char *ask_text(struct ask *a, const char *field, char buf[32]);

/* An integer between low and high. The second gives otherwise when the field is absent. */
int64_t ask_int(struct ask *a, const char *field, int64_t low, int64_t high);
int64_t ask_int_or(struct ask *a, const char *field, int64_t low, int64_t high,
                   int64_t otherwise);
bool ask_flag(struct ask *a, const char *field);

/* Hexadecimal: a value of at most bits bits; or octets, at most size; how many. */
uint64_t ask_hex(struct ask *a, const char *field, int bits);
size_t ask_octets(struct ask *a, const char *field, uint8_t *out, size_t size);

/* A decimal like "1638.3" or "1.82044E+29", times 10^digits, rounded towards plus infinity. */
make_money_t ask_decimal(struct ask *a, const char *field, int digits);

/* A time; without a zone it is UTC. */
utc_t ask_time(struct ask *a, const char *field);

/* Integers too large for JSON readers, as text. */
json_t *ask_wide(make_money_t v);

#endif
