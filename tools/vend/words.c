#include "tools/vend/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/common/say.h"
#include "tools/exit.h"

json_t *words_file(const char *path)
{
    json_error_t error;
    json_t *j = path ? json_load_file(path, 0, &error) : json_loadf(stdin, 0, &error);
    if (path == NULL && j == NULL && error.position == 0)
        exit(say_fail(EXIT_USAGE, "standard input is empty: give fields as name=value, JSON, "
                                  "or a file"));
    if (j == NULL)
        exit(say_fail(EXIT_REFUSED, "%s is not JSON: %s in line %d",
                      path ? path : "standard input", error.text, error.line));
    return j;
}

/* "key.sgc" reaches into the object "key", which is made when it is not there. */
static void set_path(json_t *object, char *name, const char *value)
{
    for (char *dot; (dot = strchr(name, '.')); name = dot + 1) {
        *dot = 0;
        json_t *inner = json_object_get(object, name);
        if (!json_is_object(inner)) {
            inner = json_object();
            json_object_set_new(object, name, inner);
        }
        object = inner;
    }
    json_object_set_new(object, name, json_string(value));
}

static void take_json(json_t **input, const char *text)
{
    json_error_t error;
    json_t *j = json_loads(text, 0, &error);
    if (j == NULL)
        exit(say_fail(EXIT_USAGE, "this is not JSON: %s at character %d", error.text,
                      error.position));
    if (json_object_update(*input, j)) {
        json_decref(*input);
        *input = j;
    } else {
        json_decref(j);
    }
}

static bool is_digits(const char *arg)
{
    return *arg && arg[strspn(arg, "0123456789 -")] == 0;
}

/* The groups of a token may come as one argument or as several. */
static void take_digits(json_t *input, const char *digits)
{
    const char *before = json_string_value(json_object_get(input, "token"));
    json_object_set_new(input, "token", json_sprintf("%s%s", before ? before : "", digits));
}

bool words_take(json_t **input, char *arg)
{
    struct stat st;
    char *equals = strchr(arg, '=');
    if (*arg == '{' || *arg == '[') {
        take_json(input, arg);
    } else if (equals) {
        *equals = 0;
        set_path(*input, arg, equals + 1);
    } else if (strcmp(arg, "-") == 0) {
        json_decref(*input);
        *input = words_file(NULL);
        return true;
    } else if (is_digits(arg)) {
        take_digits(*input, arg);
    } else if (stat(arg, &st) == 0) {
        json_decref(*input);
        *input = words_file(arg);
        return true;
    } else {
        exit(say_fail(EXIT_USAGE, "'%s' is no file, no name=value and no JSON", arg));
    }
    return false;
}
