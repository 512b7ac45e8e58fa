#include "tools/client/profile_show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/client/value.h"
#include "tools/common/json.h"

static void columns_json(const struct profile *p)
{
    char text[NAMES_OBIS_TEXT], unit[NAMES_TEXT], name[NAMES_TEXT];
    json_t *list = json_array();
    uint16_t usual;
    for (size_t i = 0; i < p->columns; i++) {
        const struct profile_column *c = &p->column[i];
        json_t *j = json_pack("{s:s,s:i,s:i}", "object", names_obis(text, c->target.ln),
                              "class", c->target.class_id, "attr", c->target.attr);
        if (c->index) json_object_set_new(j, "index", json_integer(c->index));
        if (c->unit != 255 || c->scaler)
            json_object_set_new(j, "scaler", json_integer(c->scaler));
        json_object_set_new(j, "unit", json_string(names_unit(unit, c->unit)));
        names_object(name, c->target.ln, &usual);
        if (*name) json_object_set_new(j, "name", json_string(name));
        json_array_append_new(list, j);
    }
    json_line(json_pack("{s:s,s:i,s:i,s:o}", "object", names_obis(text, p->target.ln), "class",
                        7, "attr", 2, "columns", list));
}

/* The time of a row is that of its first clock column; NULL when it has none. */
static const uint8_t *row_time(const struct profile_row *row)
{
    for (size_t i = 0; i < row->p->columns; i++) {
        const uint8_t *dt =
            row->p->column[i].is_clock ? value_as_time(buf_in(row->value[i])) : NULL;
        if (dt) return dt;
    }
    return NULL;
}

static void row_json(const struct profile_row *row, bool typed)
{
    char text[VALUE_TIME];
    json_t *values = json_array(), *j = json_pack("{s:i}", "row", (int)row->number);
    const uint8_t *dt = row_time(row);
    for (size_t i = 0; i < row->p->columns; i++)
        json_array_append_new(values, value_json(buf_in(row->value[i]), typed));
    if (dt) json_object_set_new(j, "time", json_string(value_time_text(text, dt)));
    if (dt && *value_time_status(dt))
        json_object_set_new(j, "status", json_string(value_time_status(dt)));
    json_object_set_new(j, "values", values);
    json_line(j);
}

static void print_cell(struct buf *line, const struct profile_row *row, size_t i)
{
    char text[VALUE_TIME];
    const uint8_t *dt = value_as_time(buf_in(row->value[i]));
    if (dt)
        buf_put(line, value_time_text(text, dt), strlen(value_time_text(text, dt)));
    else
        value_print(line, buf_in(row->value[i]), row->p->column[i].scaler, "");
}

/* As in RFC 4180: quotes around what holds a comma or quote. */
static void put_csv(const struct buf *cell, bool first)
{
    bool quote = memchr(cell->p ? cell->p : (uint8_t *)"", ',', cell->n) ||
                 memchr(cell->p ? cell->p : (uint8_t *)"", '"', cell->n);
    if (!first) putchar(',');
    if (quote) putchar('"');
    for (size_t i = 0; i < cell->n; i++) {
        if (cell->p[i] == '"') putchar('"');
        putchar(cell->p[i]);
    }
    if (quote) putchar('"');
}

/* "1-0:1.8.0.255 Wh"; narrow titles lose the last group, which says nothing here. */
static void put_title(struct buf *cell, const struct profile_column *c, bool narrow)
{
    char obis[NAMES_OBIS_TEXT], text[NAMES_TEXT], attr[16] = "", title[2 * NAMES_TEXT];
    const char *unit = names_unit(text, c->unit);
    names_obis(obis, c->target.ln);
    if (narrow && c->target.ln.f == 255) *strrchr(obis, '.') = 0;
    if (c->target.attr != 2) snprintf(attr, sizeof attr, ":%d", c->target.attr);
    snprintf(title, sizeof title, "%s%s%s%s", obis, attr, *unit ? " " : "", unit);
    buf_put(cell, title, strlen(title));
}

static int rows_csv(struct profile_row *row)
{
    struct buf cell = { 0 };
    int e = 1;
    for (size_t i = 0; i < row->p->columns; i++) {
        buf_clear(&cell);
        put_title(&cell, &row->p->column[i], false);
        put_csv(&cell, i == 0);
    }
    putchar('\n');
    while (e == 1 && (e = profile_next(row)) == 1) {
        for (size_t i = 0; i < row->p->columns; i++) {
            buf_clear(&cell);
            print_cell(&cell, row, i);
            put_csv(&cell, i == 0);
        }
        putchar('\n');
    }
    buf_free(&cell);
    return e;
}

/* One cell of a table: measured first, printed in a second pass. */
static void put_cell(const struct buf *cell, int *width, bool print, bool first)
{
    if ((int)cell->n > *width) *width = (int)cell->n;
    if (print) printf("%s%*.*s", first ? "" : "  ", *width, (int)cell->n, (char *)cell->p);
}

static int table_pass(const struct profile *p, int width[], bool print)
{
    struct profile_row row;
    struct buf cell = { 0 };
    int e;
    profile_rows(&row, p);
    for (size_t i = 0; i < p->columns; i++) {
        buf_clear(&cell);
        put_title(&cell, &p->column[i], true);
        put_cell(&cell, &width[i], print, i == 0);
    }
    if (print) putchar('\n');
    while ((e = profile_next(&row)) == 1) {
        for (size_t i = 0; i < p->columns; i++) {
            buf_clear(&cell);
            print_cell(&cell, &row, i);
            put_cell(&cell, &width[i], print, i == 0);
        }
        if (print) putchar('\n');
    }
    profile_rows_free(&row);
    buf_free(&cell);
    return e;
}

/* Every column as wide as its widest cell, numbers to the right. */
static int rows_table(const struct profile *p)
{
    int *width = must_alloc((p->columns + 1) * sizeof *width);
    table_pass(p, width, false);
    int e = table_pass(p, width, true);
    free(width);
    return e;
}

int profile_show(const struct profile *p, enum profile_format format, bool typed,
                 struct trouble *t)
{
    struct profile_row row;
    int e = 0;
    profile_rows(&row, p);
    if (format == PROFILE_JSON) {
        columns_json(p);
        while ((e = profile_next(&row)) == 1) row_json(&row, typed);
    } else if (format == PROFILE_CSV) {
        e = rows_csv(&row);
    } else {
        e = rows_table(p);
    }
    profile_rows_free(&row);
    return e < 0 ? trouble(t, e, "the rows of this profile are broken") : 0;
}
