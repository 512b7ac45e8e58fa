/* hex.h - octets as people write them: "C001C1", "c0 01 c1", "C0:01:C1", "0xC001C1".
 *
 * Context  host programs.
 */
#ifndef TOOLS_COMMON_HEX_H
#define TOOLS_COMMON_HEX_H
#include <stddef.h>
#include <stdint.h>

/* Read hex digits into out; blanks, line ends, ':', '-', '_', ',' and "0x" between octets are
 * skipped. Returns the number of octets.
 * E_FORMAT  another character, or half an octet left over
 * E_SPACE   more than size octets */
int hex_parse(const char *text, size_t size, uint8_t out[]);

/* Write n octets as 2n upper-case digits and a zero. */
void hex_format(char text[], const uint8_t *octets, size_t n);

/* The same in memory of its own, to be given to free(). */
char *hex_text(const uint8_t *octets, size_t n);

#endif
