/* json.h - results for scripts: one JSON object a line on standard output.
 *
 * Keys keep the order in which they were set, integers are exact up to 64 bits, decimals up to
 * 15 digits.
 *
 * Context  host programs. Out of memory ends the program with a message.
 */
#ifndef TOOLS_COMMON_JSON_H
#define TOOLS_COMMON_JSON_H
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* Print object on a line of its own, flush, and give the reference back. */
void json_line(json_t *object);

/* {"error":text, ...} to be filled further; never NULL. */
json_t *json_error_new(const char *text);

/* Upper-case hex string of n octets. */
json_t *json_hex(const uint8_t *octets, size_t n);

/* A string that may not be UTF-8: what is not becomes '?'. */
json_t *json_text(const char *text, size_t n);

/* value / 10^digits as a number with exactly the digits it needs: (1250, 3) prints 1.25. */
json_t *json_decimal(int64_t value, unsigned digits);

#endif
