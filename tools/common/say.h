/* say.h - how `magno` speaks to people: always on standard error, always with the name of
 * the command in front, always with what to do next.
 *
 * Standard output belongs to results. Progress is shown only for what takes over two seconds:
 * every half second over itself on a terminal, every ten seconds as a line elsewhere.
 *
 * Context  host programs, one thread.
 */
#ifndef TOOLS_COMMON_SAY_H
#define TOOLS_COMMON_SAY_H
#include <stdbool.h>
#include <stdint.h>

#define SAY_FORMAT(at) __attribute__((format(printf, at, at + 1)))

/* The name that stands before every message ("magno read"); the text is kept. */
void say_as(const char *name);
const char *say_name(void);

/* "magno read: cannot open x.csv: No such file or directory". No full stop, no newline. */
void say(const char *format, ...) SAY_FORMAT(1);

/* The same, and returns code: `return say_fail(EXIT_USAGE, "...")`. */
int say_fail(int code, const char *format, ...) SAY_FORMAT(2);

struct progress {
    const char *what; /* "rows" in "1200 of 35040 rows"; kept */
    uint64_t total;   /* 0 when not known */
    uint64_t started_ms, next_ms;
    bool shown;
};

/* Start counting towards total; nothing is shown yet. */
void progress_start(struct progress *p, const char *what, uint64_t total);

/* So much is done; cheap enough to call for every item. */
void progress_set(struct progress *p, uint64_t done);

/* Take the line off the terminal. */
void progress_end(struct progress *p);

/* Milliseconds of the monotonic clock of the host. */
uint64_t say_now_ms(void);

#endif
