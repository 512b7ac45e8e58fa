/* lists.c - customers, meters, sales and tokens out as CSV; customers and meters in. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "tools/vend/csv.h"
#include "tools/vend/request.h"

#define ROWS_MAX 200000

static const struct {
    const char *name, *sql;
    struct column columns[16];
} lists[] = {
    { "customers",
      "SELECT id, name, phone, address FROM customer ORDER BY id",
      { { "id", 'i' }, { "name", 's' }, { "phone", 's' }, { "address", 's' } } },
    { "meters",
      "SELECT drn, sgc, krn, ti, ea, is_money, base_year, customer_id, COALESCE(customer.name, "
      "'') "
      "FROM meter JOIN vkey ON vkey.id = vkey_id LEFT JOIN customer ON customer.id = "
      "customer_id "
      "ORDER BY meter.id",
      { { "meter", 's' },
        { "sgc", 'g' },
        { "krn", 'i' },
        { "ti", '2' },
        { "ea", '2' },
        { "is_money", 'i' },
        { "base_date", 'i' },
        { "customer_id", 'i' },
        { "customer", 's' } } },
    { "sales",
      "SELECT sale.id, sale.at_s, sale.operator, drn, customer, sgc, krn, sale.ti, amount_e5, "
      "vat_e5, fee_e5, net_e5, tenths, digits FROM sale JOIN meter ON meter.id = sale.meter_id "
      "JOIN token ON token.sale_id = sale.id ORDER BY sale.id",
      { { "receipt", 'i' },
        { "time", 't' },
        { "operator", 's' },
        { "meter", 's' },
        { "customer", 's' },
        { "sgc", 'g' },
        { "krn", 'i' },
        { "ti", '2' },
        { "amount", '$' },
        { "vat", '$' },
        { "fee", '$' },
        { "net", '$' },
        { "units_kwh", 'k' },
        { "token", 's' } } },
    { "tokens",
      "SELECT token.at_s, token.operator, COALESCE(drn, ''), class, sub, tid, digits, meaning, "
      "change.campaign_id FROM token LEFT JOIN meter ON meter.id = token.meter_id LEFT JOIN "
      "change "
      "ON change.id = change_id ORDER BY token.id",
      { { "time", 't' },
        { "operator", 's' },
        { "meter", 's' },
        { "class", 'i' },
        { "subclass", 'i' },
        { "tid", 'i' },
        { "token", 's' },
        { "meaning", 's' },
        { "campaign", 'i' } } },
};

/* ---- out */

static void write_header(FILE *f, const struct column *columns)
{
    const char *cells[16];
    int n = 0;
    for (; columns[n].name; n++) cells[n] = columns[n].name;
    csv_write(f, cells, n);
}

static void write_row(FILE *f, const json_t *row, const struct column *columns)
{
    char digits[16][24];
    const char *cells[16];
    int n = 0;
    for (; columns[n].name; n++) {
        const json_t *v = json_object_get(row, columns[n].name);
        cells[n] = json_string_value(v);
        if (cells[n]) continue;
        snprintf(digits[n], sizeof digits[n], "%lld", (long long)json_integer_value(v));
        cells[n] = json_is_integer(v) ? digits[n] : "";
    }
    csv_write(f, cells, n);
}

json_t *do_export(struct request *r)
{
    const char *what = req_text(r, "list", "");
    char *text = NULL;
    size_t size = 0, i = 0;
    while (i < 4 && strcmp(lists[i].name, what) != 0) i++;
    if (i == 4)
        return req_fail(r, STATION_BAD, "list: must be customers, meters, sales or tokens");
    int err = db_query(r->st->db, lists[i].sql, "");
    if (err) return req_db(r, err);
    FILE *f = open_memstream(&text, &size);
    if (f == NULL) return req_fail(r, STATION_BROKEN, "out of memory");
    write_header(f, lists[i].columns);
    for (json_t *row; (row = row_json_next(r->st->db, lists[i].columns)); json_decref(row))
        write_row(f, row, lists[i].columns);
    fclose(f);
    json_t *out = json_pack("{s:s, s:s#}", "list", what, "csv", text, size);
    free(text);
    return out;
}

/* ---- in */

/* A column that the list does not have would be lost without a word. */
static bool knows(struct request *r, const struct column *columns, char *const *header, int n)
{
    for (int i = 0; i < n; i++) {
        int k = 0;
        while (columns[k].name && strcmp(columns[k].name, header[i]) != 0) k++;
        if (columns[k].name) continue;
        req_fail(r, STATION_BAD, "line 1: there is no column '%.40s'", header[i]);
        return false;
    }
    return true;
}

/* A row as an object by the names of the header; empty cells are absent. */
static json_t *row_object(char *const *header, int columns, char *const *cells, int n)
{
    json_t *row = json_object();
    for (int i = 0; i < n && i < columns; i++)
        if (cells[i][0]) json_object_set_new(row, header[i], json_string(cells[i]));
    return row;
}

static bool import_row(struct request *r, json_t *row, bool is_meter, int line)
{
    struct request one = { .st = r->st, .who = r->who, .status = STATION_OK };
    ask_begin(&one.ask, row, "");
    int64_t id = is_meter ? vend_meter_write(&one) : vend_customer_write(&one);
    if (id == 0) req_fail(r, one.status, "line %d: %.200s", line, one.why);
    return id != 0;
}

static int64_t import_rows(struct request *r, char *text, bool is_meter)
{
    struct csv c;
    char *header[CSV_COLUMNS], *cells[CSV_COLUMNS];
    int64_t rows = 0;
    csv_begin(&c, text, strlen(text));
    int columns = csv_read(&c, header), n;
    int line = c.line;
    if (columns < 1)
        req_fail(r, STATION_BAD, "csv: the first line must name the columns");
    else if (!knows(r, lists[is_meter].columns, header, columns))
        return -1;
    while (r->status == STATION_OK && (n = csv_read(&c, cells)) != 0) {
        if (n < 0 || ++rows > ROWS_MAX) {
            req_fail(r, STATION_BAD, "line %d: this is no CSV, or too much of it", c.line);
            break;
        }
        json_t *row = row_object(header, columns, cells, n);
        bool is_in = import_row(r, row, is_meter, line);
        line = c.line;
        json_decref(row);
        if (!is_in) break;
    }
    return r->status == STATION_OK ? rows : -1;
}

/* All rows or none. */
json_t *do_import(struct request *r)
{
    const char *what = req_text(r, "list", "");
    const char *csv = json_string_value(json_object_get(r->ask.object, "csv"));
    bool is_meter = strcmp(what, "meters") == 0;
    if (!is_meter && strcmp(what, "customers") != 0)
        return req_fail(r, STATION_BAD, "list: must be customers or meters");
    if (csv == NULL) return req_fail(r, STATION_BAD, "csv: is missing");
    char *text = strdup(csv);
    if (text == NULL) return req_fail(r, STATION_BROKEN, "out of memory");
    int err = db_begin(r->st->db);
    if (err == 0) {
        int64_t rows = import_rows(r, text, is_meter);
        if (rows >= 0) err = req_audit(r, "import", "%lld %s", (long long)rows, what);
        free(text);
        if (rows >= 0 && err == 0) err = db_commit(r->st->db);
        if (rows >= 0 && err == 0)
            return json_pack("{s:s, s:I}", "list", what, "rows", (json_int_t)rows);
        db_rollback(r->st->db);
        return r->status == STATION_OK ? req_db(r, err) : NULL;
    }
    free(text);
    return req_db(r, err);
}
