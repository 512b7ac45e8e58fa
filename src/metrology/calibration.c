#include "metrology/calibration.h"

#include <string.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "base/err.h"

enum {
    GAIN_MIN = CAL_GAIN_ONE / 2,
    OFFSET_MAX = 1 << 20, /* an eighth of full scale */
    SIGMA_NA_MAX = 100000000,
    CLOCK_PPB_MAX = 200000,
    CROSSTALK_MAX_UW = 1000000,
    ANGLE_MAX_UDEG = 5000000
};

void calibration_init(struct calibration *c)
{
    *c = (struct calibration){ .gain_v = CAL_GAIN_ONE,
                               .gain_i = CAL_GAIN_ONE,
                               .gain_n = CAL_GAIN_ONE,
                               .gain_p = { CAL_GAIN_ONE, CAL_GAIN_ONE } };
}

static bool within(int32_t x, int32_t limit)
{
    return x >= -limit && x <= limit;
}

static bool gain_is_valid(uint32_t g)
{
    return g >= GAIN_MIN && g < UINT32_C(2) * CAL_GAIN_ONE;
}

static bool element_is_valid(const struct calibration *c, int k)
{
    for (int a = 0; a < CAL_ANGLES; a++)
        if (!within(c->angle[k][a].angle_udeg, ANGLE_MAX_UDEG)) return false;
    return gain_is_valid(c->gain_p[k]) && within(c->phase_ns[k], CAL_PHASE_NS_MAX) &&
           c->sigma_na[k] <= SIGMA_NA_MAX && within(c->offset_p_uw[k], CROSSTALK_MAX_UW) &&
           within(c->offset_q_uvar[k], CROSSTALK_MAX_UW);
}

bool calibration_is_valid(const struct calibration *c)
{
    return gain_is_valid(c->gain_v) && gain_is_valid(c->gain_i) && gain_is_valid(c->gain_n) &&
           within(c->offset[0], OFFSET_MAX) && within(c->offset[1], OFFSET_MAX) &&
           within(c->offset[2], OFFSET_MAX) && within(c->clock_ppb, CLOCK_PPB_MAX) &&
           element_is_valid(c, 0) && element_is_valid(c, 1);
}

/* A record is version and 26 words; reading and writing walk it in the same order. */
struct walk {
    uint8_t *p;
    bool write;
};

static void word(struct walk *w, uint32_t *x)
{
    if (w->write)
        le_put32(w->p, *x);
    else
        *x = le_get32(w->p);
    w->p += 4;
}

static void number(struct walk *w, int32_t *x)
{
    uint32_t u = (uint32_t)*x;
    word(w, &u);
    *x = (int32_t)u;
}

static void walk_record(struct walk *w, struct calibration *c)
{
    word(w, &c->number);
    word(w, &c->gain_v);
    word(w, &c->gain_i);
    word(w, &c->gain_n);
    for (int k = 0; k < 3; k++) number(w, &c->offset[k]);
    number(w, &c->clock_ppb);
    for (int k = 0; k < 2; k++) {
        word(w, &c->gain_p[k]);
        number(w, &c->phase_ns[k]);
        word(w, &c->sigma_na[k]);
        number(w, &c->offset_p_uw[k]);
        number(w, &c->offset_q_uvar[k]);
        for (int a = 0; a < CAL_ANGLES; a++) {
            word(w, &c->angle[k][a].i_ma);
            number(w, &c->angle[k][a].angle_udeg);
        }
    }
}

enum { HEAD = 4, BODY = CAL_BYTES - 4 }; /* "MC", version, 0; words; CRC-32 */

void calibration_encode(uint8_t dst[CAL_BYTES], const struct calibration *c)
{
    struct calibration copy = *c;
    dst[0] = 'M';
    dst[1] = 'C';
    dst[2] = CAL_VERSION;
    dst[3] = 0;
    struct walk w = { dst + HEAD, true };
    walk_record(&w, &copy);
    le_put32(dst + BODY, crc32(dst, BODY));
}

int calibration_decode(struct calibration *c, const uint8_t src[CAL_BYTES])
{
    uint8_t copy[CAL_BYTES];
    struct calibration read = { 0 };
    memcpy(copy, src, sizeof copy);
    if (copy[0] != 'M' || copy[1] != 'C' || copy[2] != CAL_VERSION || copy[3]) return E_FORMAT;
    if (le_get32(copy + BODY) != crc32(copy, BODY)) return E_CRC;
    struct walk w = { copy + HEAD, false };
    walk_record(&w, &read);
    if (!calibration_is_valid(&read)) return E_RANGE;
    *c = read;
    return 0;
}
