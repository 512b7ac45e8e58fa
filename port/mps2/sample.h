/* sample.h - what hangs on this board's line; sample.c tells how. For port.c. */
#ifndef PORT_MPS2_SAMPLE_H
#define PORT_MPS2_SAMPLE_H
#include "port/mps2/port.h"

struct sample_cfg {
    enum { SAMPLE_FIXED, SAMPLE_HOUSEHOLD, SAMPLE_ROWS } kind;
    uint64_t seed;
    utc_t start; /* household: at sample 0 */
    struct load fixed;
    const uint8_t *rows; /* checked */
    size_t n_rows;
    uint32_t noise_mcode;
};

void sample_init(const struct sample_cfg *cfg);
void sample_isr(void);

/* Meter: have the next second's load ready. */
void sample_load_ahead(void);

#endif
