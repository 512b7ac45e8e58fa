/* pan.h - numbers that name a meter: DRN and MeterPAN (IEC 62055-41 6.1).
 *
 *     MeterPAN, 18 digits  = IIN 600727 | DRN of 11 | check,  or  0000 | DRN of 13 | check
 *     DRN                  = maker's code of 2 or 4 | serial of 8 | check
 *
 * Both checks are Luhn's. Strings end in 0.
 *
 * Context  any.
 */
#ifndef STS_PAN_H
#define STS_PAN_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STS_PAN_DIGITS 18

/* The check digit, as a character, of n digits. */
char sts_luhn(const char *digits, size_t n);

/* The 11-digit DRN of this maker (code 00) for a serial up to 99999999; and its MeterPAN. */
void sts_drn(char drn[12], uint32_t serial);
void sts_pan(char pan[STS_PAN_DIGITS + 1], uint32_t serial);

/* The MeterPAN of a DRN of 11 or 13 digits. E_FORMAT: another length, a character that is no
 * digit, or a wrong check digit. */
int sts_pan_of(char pan[STS_PAN_DIGITS + 1], const char *drn);

/* 18 digits with both check digits right? */
bool sts_pan_is_valid(const char *pan);

#endif
