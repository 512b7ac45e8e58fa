#include "tools/load/spec.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

extern const char household_text[], household_end[];

const char loadspec_help[] = "household (two days of a real house, repeated), csv:FILE, "
                             "comtrade:FILE.cfg, const:P=1000,Q=200,V=230,F=50, off";

static int parse_one(struct loadspec *s, const char *text, struct trouble *t)
{
    char *end;
    double v = text[0] && text[1] == '=' ? strtod(text + 2, &end) : NAN;
    if (isnan(v) || end == text + 2 || *end || !isfinite(v))
        return trouble(t, E_FORMAT, "'%s' is not of the form P=1000, Q=200, V=230 or F=50",
                       text);
    bool ok = true;
    switch (text[0] & ~32) {
    case 'P':
        if ((ok = fabs(v) <= 2e6)) s->constant.p_mw = (int32_t)lround(v * 1e3);
        break;
    case 'Q':
        if ((ok = fabs(v) <= 2e6)) s->constant.q_mvar = (int32_t)lround(v * 1e3);
        break;
    case 'V':
        if ((ok = v >= 0 && v <= 1000)) s->constant.v_mv = (int32_t)lround(v * 1e3);
        break;
    case 'F':
        if ((ok = v >= 0 && v <= 1000)) s->f_mhz = (uint32_t)lround(v * 1e3);
        break;
    default:
        return trouble(t, E_FORMAT, "'%s': only P, Q, V and F can be set", text);
    }
    return ok ? 0 : trouble(t, E_RANGE, "'%s' is out of range", text);
}

static int parse_const(struct loadspec *s, const char *text, struct trouble *t)
{
    char *copy = strdup(text), *rest = NULL;
    int e = copy ? 0 : trouble(t, E_SPACE, "out of memory");
    for (char *p = copy ? strtok_r(copy, ",", &rest) : NULL; p && e == 0;
         p = strtok_r(NULL, ",", &rest))
        e = parse_one(s, p, t);
    free(copy);
    return e;
}

static int read_household(struct loadspec *s, const char *rest, struct trouble *t)
{
    (void)rest;
    size_t n = (size_t)(household_end - household_text);
    char *copy = malloc(n + 1);
    if (!copy) return trouble(t, E_SPACE, "out of memory");
    memcpy(copy, household_text, n);
    copy[n] = 0;
    s->kind = LOADSPEC_ROWS;
    s->repeat = true;
    int e = loadrows_parse(&s->rows, copy, n, "household", t);
    s->rows.start_utc = LOADROWS_NO_START; /* the house is of any day */
    free(copy);
    return e;
}

static int read_csv(struct loadspec *s, const char *path, struct trouble *t)
{
    s->kind = LOADSPEC_ROWS;
    return loadrows_read(&s->rows, path, t);
}

static int read_wave(struct loadspec *s, const char *path, struct trouble *t)
{
    s->kind = LOADSPEC_WAVE;
    return comtrade_read(&s->wave, path, t);
}

static int parse_off(struct loadspec *s, const char *rest, struct trouble *t)
{
    (void)s, (void)rest, (void)t;
    return 0;
}

int loadspec_parse(struct loadspec *s, const char *text, struct trouble *t)
{
    static const struct {
        const char *name;
        bool whole;
        int (*parse)(struct loadspec *s, const char *rest, struct trouble *t);
    } forms[] = {
        { "household", true, read_household }, { "off", true, parse_off },
        { "csv:", false, read_csv },           { "comtrade:", false, read_wave },
        { "const:", false, parse_const },
    };
    *s = (struct loadspec){ .constant = { .v_mv = 230000, .i_ma = -1 }, .f_mhz = 50000 };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        size_t n = strlen(forms[i].name);
        if (strncmp(text, forms[i].name, n) != 0 || forms[i].whole == !!text[n]) continue;
        return forms[i].parse(s, text + n, t);
    }
    return trouble(t, E_FORMAT, "'%s' is no load; it is one of: %s", text, loadspec_help);
}

void loadspec_free(struct loadspec *s)
{
    loadrows_free(&s->rows);
    comtrade_free(&s->wave);
}
