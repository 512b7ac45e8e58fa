/* words.h - a line as words, words as numbers, dates and names; and text made of them.
 *
 * Context  any; no heap, no printf.
 */
#ifndef APP_SCENARIO_WORDS_H
#define APP_SCENARIO_WORDS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WORDS_MAX = 40, LINE_MAX = 512 };

struct words {
    char text[LINE_MAX];
    const char *word[WORDS_MAX]; /* "a b" in quotes is one */
    unsigned n;
};

/* Cut w->text into words; '#' ends the line. False: too many. */
bool words_cut(struct words *w);

bool word_is(const char *word, const char *name); /* whatever the case; - and _ are one */
bool word_int(const char *word, int64_t *v);
/* "1.5" with k decimals kept: 1500 for k = 3. */
bool word_fixed(const char *word, unsigned k, int64_t *v);
/* "2300W" for unit "W"; k decimals. */
bool word_with_unit(const char *word, const char *unit, unsigned k, int64_t *v);
/* "1h30m", "45s", "2d", "200ms" in microseconds. */
bool word_duration(const char *word, uint64_t *us);
/* "2026-01-31T00:00:00Z" in seconds. */
bool word_time(const char *word, int64_t *s);
/* "06:30" in minutes of the day. */
bool word_minute(const char *word, unsigned *minute);
/* "2026-12-25" with "*" for any, "last" and "last2" for days, an optional weekday:
 * "*-12-last/7". COSEM's octets. */
bool word_date(const char *word, uint8_t date[5]);

struct text {
    char s[256];
    size_t n;
};
void text_put(struct text *t, const char *s);
void text_int(struct text *t, int64_t v);
void text_time(struct text *t, int64_t utc_s);

#endif
