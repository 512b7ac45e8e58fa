#include "sts/pan.h"

#include <string.h>

#include "base/err.h"

#define BODY (STS_PAN_DIGITS - 1)

static bool is_digits(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] < '0' || s[i] > '9') return false;
    return true;
}

char sts_luhn(const char *digits, size_t n)
{
    int sum = 0;
    for (size_t i = 0; i < n; i++) {
        int d = digits[n - 1 - i] - '0';
        if (i % 2 == 0) d *= 2;
        sum += d > 9 ? d - 9 : d;
    }
    return (char)('0' + (10 - sum % 10) % 10);
}

void sts_drn(char drn[12], uint32_t serial)
{
    drn[0] = drn[1] = '0'; /* this maker */
    for (int i = 9; i >= 2; i--) {
        drn[i] = (char)('0' + serial % 10);
        serial /= 10;
    }
    drn[10] = sts_luhn(drn, 10);
    drn[11] = 0;
}

void sts_pan(char pan[STS_PAN_DIGITS + 1], uint32_t serial)
{
    char drn[12];
    sts_drn(drn, serial);
    (void)sts_pan_of(pan, drn);
}

int sts_pan_of(char pan[STS_PAN_DIGITS + 1], const char *drn)
{
    const char *iin = strlen(drn) == 11 ? "600727" : "0000";
    size_t n = BODY - strlen(iin);
    if (strlen(drn) != n || !is_digits(drn, n) || drn[n - 1] != sts_luhn(drn, n - 1))
        return E_FORMAT;
    memcpy(pan, iin, BODY - n);
    memcpy(pan + BODY - n, drn, n);
    pan[BODY] = sts_luhn(pan, BODY);
    pan[STS_PAN_DIGITS] = 0;
    return 0;
}

bool sts_pan_is_valid(const char *pan)
{
    char made[STS_PAN_DIGITS + 1], drn[BODY];
    if (strlen(pan) != STS_PAN_DIGITS) return false;
    size_t iin = memcmp(pan, "0000", 4) == 0 ? 4 : 6;
    memcpy(drn, pan + iin, BODY - iin);
    drn[BODY - iin] = 0;
    return sts_pan_of(made, drn) == 0 && memcmp(made, pan, STS_PAN_DIGITS) == 0;
}
