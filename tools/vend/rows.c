/* rows.c - rows of the database as JSON, by a table of columns. */
#include "tools/vend/request.h"

static json_t *value_json(struct db *db, int column, char kind)
{
    int64_t v = db_int(db, column);
    if (db_is_null(db, column)) return json_null();
    switch (kind) {
    case 's':
        return json_string(db_text(db, column));
    case '$':
        return money_json(v);
    case '6':
        return decimal_json(v, 6);
    case '%':
        return decimal_json(v, 2);
    case 't':
        return time_json(v);
    case 'g':
        return json_sprintf("%06lld", (long long)v);
    case '2':
        return json_sprintf("%02lld", (long long)v);
    case 'b':
        return json_boolean(v);
    case 'k':
        return decimal_json(v, 1);
    default:
        return json_integer(v);
    }
}

static json_t *this_row(struct db *db, const struct column *columns)
{
    json_t *row = json_object();
    for (int i = 0; columns[i].name; i++)
        json_object_set_new(row, columns[i].name, value_json(db, i, columns[i].kind));
    return row;
}

json_t *rows_json(struct db *db, const struct column *columns)
{
    json_t *list = json_array();
    while (db_next(db)) json_array_append_new(list, this_row(db, columns));
    return list;
}

json_t *row_json_next(struct db *db, const struct column *columns)
{
    return db_next(db) ? this_row(db, columns) : NULL;
}

json_t *row_json(struct db *db, const struct column *columns)
{
    json_t *row = row_json_next(db, columns);
    if (row) db_end(db);
    return row;
}
