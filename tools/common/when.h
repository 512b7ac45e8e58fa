/* when.h - times as users and their scripts write them.
 *
 *   2026-01-01T00:00:00Z  2026-01-01T01:00:00+01:00  2026-01-01T00:00Z  2026-01-01Z
 *   1767225600  @1767225600             seconds since 1970
 *   now  +2d  +36h  -15m  +1d12h        relative: w, d, h, m, s
 *
 * A date or time without Z or offset is refused: whose midnight it is cannot be guessed.
 *
 * Context  host programs.
 */
#ifndef TOOLS_COMMON_WHEN_H
#define TOOLS_COMMON_WHEN_H
#include "base/time.h"

enum { WHEN_TEXT = 24 };

/* Read text; relative forms count from now.
 * E_FORMAT  none of the forms above
 * E_RANGE   not a real date, or outside 1970 to 2199 */
int when_parse(utc_t *t, const char *text, utc_t now);

/* Read a duration: "90s", "15m", "36h", "2d", "1d12h", or bare seconds. Never negative.
 * E_FORMAT, E_RANGE as above. */
int when_parse_span(int64_t *seconds, const char *text);

/* "2026-01-01T00:00:00Z" */
const char *when_format(char text[WHEN_TEXT], utc_t t);

/* The host's clock. */
utc_t when_now(void);

/* One sentence to put behind "'x' is not a time: ". */
extern const char when_forms[];

#endif
