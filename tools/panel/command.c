#include "tools/panel/command.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

enum value { VALUE_NONE, VALUE_FLAG, VALUE_NUMBER, VALUE_SPEED, VALUE_NAME };

/* Names have a longest length. Numbers come in the unit of the page; scale makes them those of
 * struct panel_command. */
static const struct row {
    const char *name;
    enum panel_order order;
    enum value value;
    int32_t scale, min, max;
} rows[] = {
    { "button", PANEL_DO_BUTTON, VALUE_NONE, 0, 0, 0 },
    { "supply", PANEL_DO_SUPPLY, VALUE_FLAG, 0, 0, 0 },
    { "voltage", PANEL_DO_VOLTAGE, VALUE_NUMBER, 1000, 0, 500 },
    { "load", PANEL_DO_LOAD, VALUE_NAME, 0, 1, 23 },
    { "power", PANEL_DO_POWER, VALUE_NUMBER, 1, -100000, 100000 },
    { "reactive", PANEL_DO_REACTIVE, VALUE_NUMBER, 1, -100000, 100000 },
    { "reverse", PANEL_DO_REVERSE, VALUE_FLAG, 0, 0, 0 },
    { "token", PANEL_DO_TOKEN, VALUE_NAME, 0, 1, 47 },
    { "code", PANEL_DO_CODE, VALUE_NAME, 0, 1, 15 },
    { "hold", PANEL_DO_HOLD, VALUE_NUMBER, 1, 1, 20 },
    { "relay", PANEL_DO_RELAY, VALUE_NAME, 0, 1, 15 },
    { "heat", PANEL_DO_HEAT, VALUE_NUMBER, 10, -40, 200 },
    { "cover", PANEL_DO_COVER, VALUE_FLAG, 0, 0, 0 },
    { "magnet", PANEL_DO_MAGNET, VALUE_FLAG, 0, 0, 0 },
    { "speed", PANEL_DO_SPEED, VALUE_SPEED, 1, 0, 86400 },
};
_Static_assert(sizeof rows / sizeof *rows == PANEL_ORDERS, "a row for each order");

static int refuse(struct command_text *t, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int refuse(struct command_text *t, int error, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    vsnprintf(t->why, sizeof t->why, format, ap);
    va_end(ap);
    return error;
}

static const struct row *row_find(const char *name)
{
    for (size_t i = 0; name && i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].name, name) == 0) return &rows[i];
    return NULL;
}

static int take_number(struct command_text *t, const struct row *r, const json_t *value)
{
    if (!json_is_number(value))
        return refuse(t, E_TYPE, "\"%s\" needs a number as \"value\"", r->name);
    double v = json_number_value(value);
    if (!(v >= r->min && v <= r->max))
        return refuse(t, E_RANGE, "\"%s\" is from %" PRId32 " to %" PRId32, r->name, r->min,
                      r->max);
    t->command.number = llround(v * r->scale);
    return E_OK;
}

static int take_name(struct command_text *t, const struct row *r, const json_t *value)
{
    size_t n = json_is_string(value) ? json_string_length(value) : 0;
    if (n == 0) return refuse(t, E_TYPE, "\"%s\" needs a name as \"value\"", r->name);
    if (n > (size_t)r->max)
        return refuse(t, E_RANGE, "\"%s\" takes at most %d octets", r->name, (int)r->max);
    memcpy(t->command.text, json_string_value(value), n + 1);
    return E_OK;
}

static int take_value(struct command_text *t, const struct row *r, const json_t *value)
{
    switch (r->value) {
    case VALUE_NONE:
        return value ? refuse(t, E_TYPE, "\"%s\" takes no \"value\"", r->name) : E_OK;
    case VALUE_FLAG:
        t->command.number = json_is_true(value);
        return json_is_boolean(value)
                   ? E_OK
                   : refuse(t, E_TYPE, "\"%s\" needs true or false as \"value\"", r->name);
    case VALUE_SPEED:
        if (json_is_string(value) && strcmp(json_string_value(value), "max") == 0) {
            t->command.number = PANEL_SPEED_MAX;
            return E_OK;
        }
        return take_number(t, r, value);
    case VALUE_NUMBER:
        return take_number(t, r, value);
    case VALUE_NAME:
        return take_name(t, r, value);
    }
    return E_TYPE;
}

static int read_object(struct command_text *t, const json_t *o)
{
    const char *key;
    json_t *value;
    if (!json_is_object(o)) return refuse(t, E_FORMAT, "a command is a JSON object");
    const json_t *id = json_object_get(o, "id");
    if (id && !json_is_integer(id)) return refuse(t, E_TYPE, "\"id\" must be an integer");
    t->id = json_integer_value(id);
    json_object_foreach((json_t *)o, key, value)
    {
        if (strcmp(key, "do") && strcmp(key, "value") && strcmp(key, "id"))
            return refuse(t, E_FORMAT, "a command has \"do\", \"value\" and \"id\" only");
    }
    const json_t *name = json_object_get(o, "do");
    if (!json_is_string(name)) return refuse(t, E_FORMAT, "\"do\" must name a command");
    const struct row *r = row_find(json_string_value(name));
    if (!r) return refuse(t, E_NONE, "there is no such command");
    t->command.order = r->order;
    return take_value(t, r, json_object_get(o, "value"));
}

int command_parse(struct command_text *t, const char *text, size_t n)
{
    memset(t, 0, sizeof *t);
    if (n > COMMAND_MAX)
        return refuse(t, E_FORMAT, "a command has at most %d octets", COMMAND_MAX);
    json_t *o = json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL);
    if (!o) return refuse(t, E_FORMAT, "not JSON");
    int e = read_object(t, o);
    json_decref(o);
    return e;
}
