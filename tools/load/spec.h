/* spec.h - the value of --load: what hangs on the meter's line.
 *
 *   household               two days of a real house, for ever
 *   csv:FILE                rows of power over time, rows.h
 *   comtrade:FILE.cfg       recorded voltage and current, ../common/comtrade.h
 *   const:P=1000,Q=200,V=230,F=50   watts, var, volts, hertz; what is left out is P=0 Q=0
 *                           V=230 F=50
 *   off                     a live supply and no current
 *
 * Context  host programs.
 */
#ifndef TOOLS_LOAD_SPEC_H
#define TOOLS_LOAD_SPEC_H
#include "tools/common/comtrade.h"
#include "tools/load/rows.h"

enum loadspec_kind { LOADSPEC_CONST, LOADSPEC_ROWS, LOADSPEC_WAVE };

struct loadspec {
    enum loadspec_kind kind;
    struct loadrow constant; /* CONST; v_mv always set */
    uint32_t f_mhz;          /* CONST and ROWS */
    struct loadrows rows;    /* ROWS */
    bool repeat;             /* ROWS: from the start again at the end */
    struct comtrade wave;    /* WAVE */
};

/* Read text and the file it names. E_FORMAT, E_RANGE, E_IO, E_SPACE with a sentence in t.
 * kind says whose fault: CONST the text's, ROWS and WAVE the file's.
 * On success loadspec_free() gives the memory back. */
int loadspec_parse(struct loadspec *s, const char *text, struct trouble *t);
void loadspec_free(struct loadspec *s);

/* One line for each form, for --help. */
extern const char loadspec_help[];

#endif
