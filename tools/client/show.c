#include "tools/client/show.h"

#include <stdio.h>

#include "tools/common/json.h"

enum { NAME_WIDTH = 46, VALUE_WIDTH = 1000 };

json_t *show_target(const struct target *o, bool method)
{
    char text[NAMES_OBIS_TEXT];
    json_t *j = json_pack("{s:s}", "object", names_obis(text, o->ln));
    if (o->class_id) json_object_set_new(j, "class", json_integer(o->class_id));
    json_object_set_new(j, method ? "method" : "attr", json_integer(o->attr));
    return j;
}

void show_label(const struct target *o, bool method)
{
    char text[NAMES_OBIS_TEXT], name[NAMES_TEXT], id[NAMES_TEXT], label[2 * NAMES_TEXT + 4];
    uint16_t usual;
    names_object(name, o->ln, &usual);
    if (!*name) snprintf(name, sizeof name, "%s", names_class(id, o->class_id));
    if (method)
        snprintf(label, sizeof label, "%s: %s", name, names_method(id, o->class_id, o->attr));
    else if (o->attr == 2)
        snprintf(label, sizeof label, "%s", name);
    else
        snprintf(label, sizeof label, "%s: %s", name, names_attr(id, o->class_id, o->attr));
    printf("%-17s %-*.*s ", names_obis(text, o->ln), NAME_WIDTH, NAME_WIDTH, label);
}

void show_result(const struct target *o, bool method, int result, bool json)
{
    if (json) {
        json_t *j = show_target(o, method);
        json_object_set_new(j, result ? "error" : "result",
                            json_string(names_dar((unsigned)result)));
        json_line(j);
        return;
    }
    show_label(o, method);
    if (result) printf("%s: ", names_dar((unsigned)result));
    puts(names_dar_help((unsigned)result));
}

/* What an enumerated attribute's number stands for, or a logical name's octets. */
static const char *meaning_of(char text[NAMES_OBIS_TEXT], const struct target *o, bool method,
                              struct axdr_in in)
{
    int64_t v;
    uint8_t ln[6];
    if (!method && o->attr == 1 && in.n == 8) {
        axdr_read_octets(&in, ln, sizeof ln);
        return names_obis(text, (struct obis){ ln[0], ln[1], ln[2], ln[3], ln[4], ln[5] });
    }
    return !method && value_number(in, &v) ? names_enum(o->class_id, o->attr, v) : NULL;
}

static void show_json(const struct target *o, bool method, struct axdr_in in,
                      struct scale scale, bool typed)
{
    char unit[NAMES_TEXT], text[NAMES_OBIS_TEXT];
    const char *meaning = meaning_of(text, o, method, in);
    json_t *j = show_target(o, method);
    value_to_object(j, in, typed);
    if (scale.known) {
        json_object_set_new(j, "scaler", json_integer(scale.scaler));
        json_object_set_new(j, "unit", json_string(names_unit(unit, scale.unit)));
    }
    if (meaning) json_object_set_new(j, "text", json_string(meaning));
    json_line(j);
}

void show_value(const struct target *o, bool method, struct axdr_in in, struct scale scale,
                bool json, bool typed)
{
    char unit[NAMES_TEXT], text[NAMES_OBIS_TEXT];
    struct buf line = { 0 };
    const char *meaning = meaning_of(text, o, method, in);
    if (json) {
        show_json(o, method, in, scale, typed);
        return;
    }
    show_label(o, method);
    value_print(&line, in, scale.known ? scale.scaler : 0,
                scale.known ? names_unit(unit, scale.unit) : "");
    size_t n = line.n < VALUE_WIDTH ? line.n : VALUE_WIDTH;
    printf("%.*s", (int)n, (char *)line.p);
    if (n < line.n) printf("... (%zu characters; --json shows them all)", line.n);
    if (meaning) printf(" (%s)", meaning);
    putchar('\n');
    buf_free(&line);
}
