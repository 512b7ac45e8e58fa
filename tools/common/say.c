#include "tools/common/say.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 2000, TERMINAL_MS = 500, FILE_MS = 10000 };

static const char *name = "magno";

void say_as(const char *text)
{
    name = text;
}

const char *say_name(void)
{
    return name;
}

static void vsay(const char *format, va_list args)
{
    fflush(stdout);
    fprintf(stderr, "%s: ", name);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

void say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsay(format, args);
    va_end(args);
}

int say_fail(int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsay(format, args);
    va_end(args);
    return code;
}

uint64_t say_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void progress_start(struct progress *p, const char *what, uint64_t total)
{
    uint64_t now = say_now_ms();
    *p = (struct progress){ what, total, now, now + PATIENCE_MS, false };
}

void progress_set(struct progress *p, uint64_t done)
{
    uint64_t now = say_now_ms();
    if (now < p->next_ms) return;
    bool terminal = isatty(STDERR_FILENO);
    p->next_ms = now + (terminal ? TERMINAL_MS : FILE_MS);
    p->shown = terminal;
    fprintf(stderr, "%s%s: %" PRIu64, terminal ? "\r" : "", name, done);
    if (p->total) fprintf(stderr, " of %" PRIu64, p->total);
    fprintf(stderr, " %s, %" PRIu64 " s%s", p->what, (now - p->started_ms) / 1000,
            terminal ? "\x1b[K" : "\n");
    fflush(stderr);
}

void progress_end(struct progress *p)
{
    if (p->shown) fputs("\r\x1b[K", stderr);
    p->shown = false;
}
