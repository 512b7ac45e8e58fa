#include "port/mps2/rtc.h"

#include <stdbool.h>

#include "base/cal.h"
#include "base/err.h"
#include "port/mps2/mps2.h"

enum { CHIP = 0xD0, READ = 1, STOPPED = 0x80, REGISTERS = 7 };

static void scl(bool high)
{
    *(high ? &I2C_SET : &I2C_CLEAR) = 1;
}

static void sda(bool high)
{
    *(high ? &I2C_SET : &I2C_CLEAR) = 2;
}

static void start(void)
{
    sda(true);
    scl(true);
    sda(false);
    scl(false);
}

static void stop(void)
{
    sda(false);
    scl(true);
    sda(true);
}

/* False: nobody acknowledged. */
static bool send(uint8_t octet)
{
    for (int bit = 7; bit >= 0; bit--) {
        sda(octet >> bit & 1);
        scl(true);
        scl(false);
    }
    sda(true);
    scl(true);
    bool heard = (I2C_SET & 2) == 0;
    scl(false);
    return heard;
}

static uint8_t receive(bool more)
{
    uint8_t octet = 0;
    sda(true);
    for (int bit = 0; bit < 8; bit++) {
        scl(true);
        octet = (uint8_t)(octet << 1 | (I2C_SET >> 1 & 1));
        scl(false);
    }
    sda(!more);
    scl(true);
    scl(false);
    sda(true);
    return octet;
}

static uint8_t from_bcd(uint8_t b)
{
    return (uint8_t)((b >> 4) * 10 + (b & 15));
}

static uint8_t to_bcd(unsigned n)
{
    return (uint8_t)(n / 10 << 4 | n % 10);
}

int rtc_read(utc_t *t)
{
    uint8_t r[REGISTERS];
    start();
    bool heard = send(CHIP) && send(0);
    start();
    heard = heard && send(CHIP | READ);
    for (int k = 0; k < REGISTERS; k++) r[k] = receive(k < REGISTERS - 1);
    stop();
    if (!heard) return E_IO;
    struct civil c = { .year = (uint16_t)(2000 + from_bcd(r[6])),
                       .month = from_bcd(r[5] & 0x1F),
                       .day = from_bcd(r[4] & 0x3F),
                       .hour = from_bcd(r[2] & 0x3F),
                       .minute = from_bcd(r[1] & 0x7F),
                       .second = from_bcd(r[0] & 0x7F) };
    if (r[0] & STOPPED || !cal_is_valid(&c)) return E_STATE;
    t->s = cal_seconds(&c);
    return 0;
}

static bool write_from(uint8_t first, const uint8_t *r, int n)
{
    start();
    bool heard = send(CHIP) && send(first);
    for (int k = 0; heard && k < n; k++) heard = send(r[k]);
    stop();
    return heard;
}

/* Month and year go first, on the 1st: QEMU's chip turns every octet into a date at once, and
 * would make a 29 February of a year that has none into a 1 March. */
static int put(utc_t t)
{
    struct civil c = cal_civil(t.s);
    if (c.year < 2000 || c.year > 2099) return E_RANGE;
    const uint8_t date[] = { to_bcd(1), to_bcd(c.month), to_bcd(c.year - 2000u) };
    const uint8_t time[] = { to_bcd(c.second), to_bcd(c.minute), to_bcd(c.hour), c.weekday,
                             to_bcd(c.day) };
    return write_from(4, date, 3) && write_from(0, time, 5) ? 0 : E_IO;
}

/* What was set is read back: a second that turns over between two octets makes another time. */
int rtc_write(utc_t t)
{
    for (int tries = 0; tries < 3; tries++) {
        utc_t now;
        int err = put(t);
        if (!err) err = rtc_read(&now);
        if (err) return err;
        if (now.s >= t.s && now.s - t.s <= 1) return 0;
    }
    return E_IO;
}
