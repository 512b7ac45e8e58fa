/* comtrade.h - recordings of voltage and current: COMTRADE of 1991, 1999 and 2013 (IEC
 * 60255-24), a .cfg beside a .dat that is ASCII, BINARY, BINARY32 or FLOAT32.
 *
 * Every analogue channel comes back as doubles in the channel's own unit (a x + b); a sample
 * that the file marks as missing is a NaN. Digital channels are counted and skipped. A file is
 * taken whole or refused with the file, the line and the reason; a .dat shorter than its .cfg
 * promises is refused, longer ones are cut there.
 *
 * Cost     one pass; Memory 8 octets a sample and channel, at most 4 times the file.
 * Context  host programs.
 */
#ifndef TOOLS_COMMON_COMTRADE_H
#define TOOLS_COMMON_COMTRADE_H
#include <stddef.h>
#include <stdint.h>

#include "tools/common/trouble.h"

enum { COMTRADE_CHANNELS_MAX = 4096, COMTRADE_RATES_MAX = 4096, COMTRADE_NAME = 64 };

struct comtrade_channel {
    char name[COMTRADE_NAME], phase[16], unit[16]; /* octets as in the file */
    double a, b, skew_us;
    double primary, secondary; /* ratio of the transformer, 1 when not given */
    char side;                 /* 'P' or 'S': which side the values are of; 0 not given */
    double *value;             /* [samples] */
};

struct comtrade_rate {
    double hz;   /* 0: the time stamps of the samples count */
    size_t last; /* number of the last sample at this rate, the first being 1 */
};

struct comtrade {
    char station[COMTRADE_NAME], device[COMTRADE_NAME], start[64];
    int year; /* of the standard: 1991, 1999, 2013 */
    double line_hz;
    size_t channels, digital, rates, samples;
    struct comtrade_channel *channel;
    struct comtrade_rate *rate;
    double *time_s; /* [samples], from the first sample */
};

/* Read path (x.cfg) and its .dat. On success comtrade_free() gives the memory back.
 * E_IO      a file cannot be read
 * E_FORMAT  not what the standard says; t names the line
 * E_SPACE   larger than this program takes */
int comtrade_read(struct comtrade *c, const char *path, struct trouble *t);
void comtrade_free(struct comtrade *c);

/* Index of the channel with this name (letter case does not matter), or with this number when
 * it reads "#3"; E_NONE. */
int comtrade_find(const struct comtrade *c, const char *name);

/* Factor to volts or amperes: "V", "volt", "kV", "mV", "A", "ampere", "kA", "mA"; *kind becomes
 * 'V' or 'A', 0 for any other unit (factor 1). */
double comtrade_unit(const char *unit, char *kind);

/* The parsers without files, for tests: cfg of n octets (changed while read), dat of m. */
int comtrade_parse(struct comtrade *c, char *cfg, size_t n, const char *dat, size_t m,
                   const char *cfg_name, const char *dat_name, struct trouble *t);

#endif
