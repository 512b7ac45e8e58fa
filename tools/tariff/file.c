#include "tools/tariff/file.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

enum { MICRO = 6, PERCENT = 2, WHOLE = 0, PLACES_MAX = 18 };

/* One object of the file, while it is read. */
struct reader {
    struct trouble *trouble;
    char path[64]; /* "levy[2]" */
    int error;
};

static void fail(struct reader *r, const char *field, const char *what)
{
    if (!r->error)
        r->error = trouble(r->trouble, E_FORMAT, "%s%s%s %s", r->path,
                           r->path[0] && field[0] ? "." : "", field, what);
}

/* -- numbers ------------------------------------------------------------------------------- */

/* "17.5" with two places is 1750; nothing is rounded. */
static bool decimal(const char *s, unsigned places, int64_t *v)
{
    bool minus = *s == '-', dot = false;
    unsigned digits = 0, behind = 0;
    *v = 0;
    for (s += minus; *s; s++) {
        if (*s == '.' && !dot) {
            dot = true;
            continue;
        }
        if (*s < '0' || *s > '9' || ++digits > PLACES_MAX) return false;
        if (dot && ++behind > places) return false;
        *v = *v * 10 + (*s - '0');
    }
    for (; behind < places; behind++) {
        if (*v > INT64_MAX / 10) return false;
        *v *= 10;
    }
    if (minus) *v = -*v;
    return digits > 0;
}

static int64_t number_of(struct reader *r, const char *field, const json_t *v, unsigned places,
                         int64_t max)
{
    int64_t n = 0;
    if (json_is_integer(v))
        n = json_integer_value(v);
    else if (!json_is_string(v) || !decimal(json_string_value(v), places, &n))
        fail(r, field, "must be a whole number, or a decimal in quotes");
    if (n < 0)
        fail(r, field, "must not be negative");
    else if (n > max)
        fail(r, field, "is too large");
    return n;
}

static int64_t number(struct reader *r, const json_t *o, const char *field, unsigned places,
                      int64_t max)
{
    const json_t *v = json_object_get(o, field);
    return v ? number_of(r, field, v, places, max) : 0;
}

static bool flag(struct reader *r, const json_t *o, const char *field)
{
    const json_t *v = json_object_get(o, field);
    if (v && !json_is_boolean(v)) fail(r, field, "must be true or false");
    return json_is_true(v);
}

/* -- charges by name ----------------------------------------------------------------------- */

static const struct {
    const char *name;
    uint8_t first, n;
} groups[] = {
    { "energy", CHARGE_ENERGY, 1 },           { "service", CHARGE_SERVICE, 1 },
    { "fixed", CHARGE_FIXED, SCHEME_FIXEDS }, { "levy", CHARGE_LEVY, SCHEME_LEVIES },
    { "vat", CHARGE_VAT, SCHEME_VATS },       { "subsidy", CHARGE_SUBSIDY, SCHEME_SUBSIDIES },
};
enum { GROUPS = sizeof groups / sizeof groups[0] };

const char *tariff_charge_name(unsigned charge, char name[12])
{
    for (unsigned g = 0; g < GROUPS; g++) {
        unsigned i = charge - groups[g].first;
        if (i >= groups[g].n) continue;
        if (groups[g].n == 1)
            snprintf(name, 12, "%s", groups[g].name);
        else
            snprintf(name, 12, "%.7s%u", groups[g].name, (i + 1) % 10);
        return name;
    }
    return "?";
}

static int charge_of(const json_t *v)
{
    char name[12];
    if (json_is_integer(v)) {
        json_int_t n = json_integer_value(v);
        return n >= 0 && n < SCHEME_CHARGES ? (int)n : -1;
    }
    for (unsigned c = 0; json_is_string(v) && c < SCHEME_CHARGES; c++)
        if (!strcmp(json_string_value(v), tariff_charge_name(c, name))) return (int)c;
    return -1;
}

static uint32_t base(struct reader *r, const json_t *o)
{
    const json_t *v = json_object_get(o, "base"), *each;
    size_t i;
    uint32_t mask = 0;
    if (!v) return 0;
    if (!json_is_array(v)) return (uint32_t)number_of(r, "base", v, WHOLE, UINT32_MAX);
    json_array_foreach(v, i, each)
    {
        int charge = charge_of(each);
        if (charge < 0)
            fail(r, "base", "names a charge there is not");
        else
            mask |= UINT32_C(1) << charge;
    }
    return mask;
}

/* -- tables -------------------------------------------------------------------------------- */

/* Only these fields, which are words of one text. */
static void only(struct reader *r, const json_t *o, const char *fields)
{
    const char *key;
    json_t *v;
    if (!json_is_object(o)) fail(r, "", "must be an object");
    json_object_foreach((json_t *)o, key, v)
    {
        const char *at = strstr(fields, key);
        size_t n = strlen(key);
        if (!at || (at != fields && at[-1] != ' ') || (at[n] && at[n] != ' '))
            fail(r, key, "is no field");
    }
}

/* Element i of a list of at most max, or NULL behind its end. */
static const json_t *element(struct reader *r, const json_t *root, const char *list, size_t i,
                             size_t max)
{
    const json_t *a = json_object_get(root, list);
    r->path[0] = 0;
    if (!a) return NULL;
    if (!json_is_array(a))
        fail(r, list, "must be a list");
    else if (json_array_size(a) > max)
        fail(r, list, "is too long");
    else if (i < json_array_size(a)) {
        snprintf(r->path, sizeof r->path, "%s[%zu]", list, i);
        return json_array_get(a, i);
    }
    return NULL;
}

static void read_price(struct reader *r, const json_t *o, struct price_step *step)
{
    const json_t *v = json_object_get(o, "price");
    bool list = json_is_array(v);
    if (!v || (list && (json_array_size(v) < 1 || json_array_size(v) > TARIFFS))) {
        fail(r, "price", "must be one, or a list of one to eight");
        return;
    }
    for (size_t t = 0; t < TARIFFS; t++) { /* the last holds for the tariffs behind it */
        size_t i = list && t < json_array_size(v) ? t : list ? json_array_size(v) - 1 : 0;
        step->price[t] =
            (uint32_t)number_of(r, "price", list ? json_array_get(v, i) : v, MICRO, UINT32_MAX);
    }
}

static void read_steps(struct reader *r, const json_t *root, struct scheme *s)
{
    const json_t *o;
    for (size_t i = 0; (o = element(r, root, "steps", i, SCHEME_STEPS)); i++) {
        only(r, o, "limit_wh price rerate");
        s->step[i].limit_wh = (uint32_t)number(r, o, "limit_wh", WHOLE, UINT32_MAX);
        s->step[i].rerate = flag(r, o, "rerate");
        read_price(r, o, &s->step[i]);
        s->steps++;
    }
    for (size_t i = 0; (o = element(r, root, "service", i, SCHEME_SERVICES)); i++) {
        only(r, o, "limit_kwh amount");
        s->service[i].limit_kwh = (uint32_t)number(r, o, "limit_kwh", WHOLE, UINT32_MAX);
        s->service[i].amount = number(r, o, "amount", MICRO, INT64_MAX);
        s->services++;
    }
}

/* A value is a percentage or an amount; kWh where they are free. */
static unsigned places_of(bool percent, bool kwh)
{
    return percent ? PERCENT : kwh ? WHOLE : MICRO;
}

static void read_charges(struct reader *r, const json_t *root, struct scheme *s)
{
    const json_t *o;
    for (size_t i = 0; (o = element(r, root, "fixed", i, SCHEME_FIXEDS)); i++) {
        only(r, o, "kind amount");
        s->fixed[i].kind = (uint8_t)number(r, o, "kind", WHOLE, UINT8_MAX);
        s->fixed[i].amount = number(r, o, "amount", MICRO, INT64_MAX);
    }
    for (size_t i = 0; (o = element(r, root, "levy", i, SCHEME_LEVIES)); i++) {
        struct price_levy *x = &s->levy[i];
        only(r, o, "kind value base min_kwh max_kwh");
        x->kind = (uint8_t)number(r, o, "kind", WHOLE, UINT8_MAX);
        bool percent = x->kind == LEVY_PERCENT || x->kind == LEVY_BASE;
        x->value = number(r, o, "value", places_of(percent, false), INT64_MAX);
        x->base = base(r, o);
        x->min_kwh = (uint32_t)number(r, o, "min_kwh", WHOLE, UINT32_MAX);
        x->max_kwh = (uint32_t)number(r, o, "max_kwh", WHOLE, UINT32_MAX);
    }
    for (size_t i = 0; (o = element(r, root, "vat", i, SCHEME_VATS)); i++) {
        only(r, o, "rate base");
        s->vat[i].rate = (uint16_t)number(r, o, "rate", PERCENT, UINT16_MAX);
        s->vat[i].base = base(r, o);
    }
    for (size_t i = 0; (o = element(r, root, "subsidy", i, SCHEME_SUBSIDIES)); i++) {
        struct price_subsidy *x = &s->subsidy[i];
        only(r, o, "kind value base from_kwh to_kwh eligibility_max_kwh claw_back");
        x->kind = (uint8_t)number(r, o, "kind", WHOLE, UINT8_MAX);
        bool percent = x->kind == SUBSIDY_PERCENT || x->kind == SUBSIDY_BASE;
        x->value =
            number(r, o, "value", places_of(percent, x->kind == SUBSIDY_FREE), INT64_MAX);
        x->base = base(r, o);
        x->from_kwh = (uint32_t)number(r, o, "from_kwh", WHOLE, UINT32_MAX);
        x->to_kwh = (uint32_t)number(r, o, "to_kwh", WHOLE, UINT32_MAX);
        x->eligible_kwh = (uint32_t)number(r, o, "eligibility_max_kwh", WHOLE, UINT32_MAX);
        x->claw_back = flag(r, o, "claw_back");
    }
}

int tariff_file_parse(struct scheme *s, const json_t *root, struct trouble *t)
{
    struct reader r = { .trouble = t };
    memset(s, 0, sizeof *s);
    only(&r, root, "name steps service fixed levy vat subsidy");
    const json_t *name = json_object_get(root, "name");
    if (name && (!json_is_string(name) || json_string_length(name) > sizeof s->name))
        fail(&r, "name", "must be a text of at most 16 octets");
    else if (name)
        memcpy(s->name, json_string_value(name), json_string_length(name));
    if (!r.error) read_steps(&r, root, s);
    if (!r.error) read_charges(&r, root, s);
    return r.error;
}

int tariff_file_read(struct scheme *s, const char *path, struct trouble *t)
{
    json_error_t e;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &e);
    if (!root && e.line < 0) return trouble(t, E_IO, "cannot read %s: %s", path, e.text);
    if (!root) return trouble(t, E_FORMAT, "%s, line %d: %s", path, e.line, e.text);
    int err = tariff_file_parse(s, root, t);
    json_decref(root);
    return err;
}

/* -- writing ------------------------------------------------------------------------------- */

static json_t *integer(int64_t v)
{
    return json_integer(v);
}

static json_t *make_steps(const struct scheme *s)
{
    json_t *a = json_array();
    for (unsigned i = 0; i < s->steps; i++) {
        json_t *price = json_array();
        for (unsigned t = 0; t < TARIFFS; t++)
            json_array_append_new(price, integer(s->step[i].price[t]));
        json_array_append_new(a, json_pack("{s:o, s:o, s:b}", "limit_wh",
                                           integer(s->step[i].limit_wh), "price", price,
                                           "rerate", s->step[i].rerate));
    }
    return a;
}

json_t *tariff_file_make(const struct scheme *s)
{
    json_t *service = json_array(), *fixed = json_array(), *levy = json_array(),
           *vat = json_array(), *subsidy = json_array();
    for (unsigned i = 0; i < s->services; i++)
        json_array_append_new(service, json_pack("{s:o, s:o}", "limit_kwh",
                                                 integer(s->service[i].limit_kwh), "amount",
                                                 integer(s->service[i].amount)));
    for (unsigned i = 0; i < SCHEME_FIXEDS; i++)
        json_array_append_new(fixed, json_pack("{s:i, s:o}", "kind", s->fixed[i].kind, "amount",
                                               integer(s->fixed[i].amount)));
    for (unsigned i = 0; i < SCHEME_LEVIES; i++)
        json_array_append_new(
            levy,
            json_pack("{s:i, s:o, s:o, s:o, s:o}", "kind", s->levy[i].kind, "value",
                      integer(s->levy[i].value), "base", integer(s->levy[i].base), "min_kwh",
                      integer(s->levy[i].min_kwh), "max_kwh", integer(s->levy[i].max_kwh)));
    for (unsigned i = 0; i < SCHEME_VATS; i++)
        json_array_append_new(vat, json_pack("{s:i, s:o}", "rate", s->vat[i].rate, "base",
                                             integer(s->vat[i].base)));
    for (unsigned i = 0; i < SCHEME_SUBSIDIES; i++) {
        const struct price_subsidy *x = &s->subsidy[i];
        json_array_append_new(subsidy,
                              json_pack("{s:i, s:o, s:o, s:o, s:o, s:o, s:b}", "kind", x->kind,
                                        "value", integer(x->value), "base", integer(x->base),
                                        "from_kwh", integer(x->from_kwh), "to_kwh",
                                        integer(x->to_kwh), "eligibility_max_kwh",
                                        integer(x->eligible_kwh), "claw_back", x->claw_back));
    }
    char name[sizeof s->name + 1] = { 0 };
    memcpy(name, s->name, sizeof s->name);
    return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "name", name, "steps",
                     make_steps(s), "service", service, "fixed", fixed, "levy", levy, "vat",
                     vat, "subsidy", subsidy);
}
