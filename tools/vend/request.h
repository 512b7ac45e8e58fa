/* request.h - one operation under way, and what its handlers share. For tools/vend alone.
 *
 * A handler asks its fields of req->ask, works, and returns its answer; or req_fail(), or NULL
 * where the asker or the database has already noted what is wrong.
 *
 * Context  host programs.
 */
#ifndef TOOLS_VEND_REQUEST_H
#define TOOLS_VEND_REQUEST_H
#include "tools/vend/ask.h"
#include "tools/vend/station.h"

#define E5 100000 /* money is kept in 1e-5 of the currency */
#define MONEY_MAX (INT64_C(1) << 53)
#define TEXT_MAX 200

struct request {
    struct station *st;
    const struct caller *who;
    struct ask ask;
    int status;
    char why[300];
};

typedef json_t *handler(struct request *r);

/* Note an error and its kind; NULL, to be returned. */
json_t *req_fail(struct request *r, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Can tokens be counted from this base date now? False: noted, why not. */
bool req_counts(struct request *r, int64_t base_year);

/* The same for an error of db.h or sm.h. */
json_t *req_db(struct request *r, int err);
json_t *req_sm(struct request *r, int err);

/* Is everything asked so far in order? Otherwise its error is noted. */
bool req_ok(struct request *r);

/* Text of the request of at most TEXT_MAX octets of UTF-8 without control characters; otherwise
 * when absent. */
const char *req_text(struct request *r, const char *field, const char *otherwise);

/* Money: decimal in, decimal out; and a quantity with so many digits. */
int64_t req_money(struct request *r, const char *field);
json_t *money_json(int64_t e5);
json_t *decimal_json(int64_t units, int digits);

/* "2026-01-01T00:00:00Z" */
json_t *time_json(int64_t s);

/* One line of the audit trail, in the transaction that is open. */
int req_audit(struct request *r, const char *action, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A meter as the database knows it, with its vending key. */
struct meter_row {
    int64_t id, vkey_id, last_tid, customer_id;
    char drn[16], customer[TEXT_MAX + 1];
    bool is_money;
    struct sm_meter sm;
    struct sm_key key;
};

/* Write the customer or the meter the request describes, in the transaction that is open: the
 * number of the row, or 0 and noted. */
int64_t vend_customer_write(struct request *r);
int64_t vend_meter_write(struct request *r);

/* By the field "meter" of the request: a DRN or a MeterPAN. False: noted. */
bool vend_meter_find(struct request *r, struct meter_row *m);

/* By id; false where there is none. */
bool vend_meter_load(struct station *st, struct meter_row *m, int64_t id);

/* A vending key by its id; false: noted. */
bool vend_key_load(struct request *r, struct sm_key *k, int64_t id);

/* Make and store the tokens that lead a meter to another key, in the transaction that is open;
 * from then on its tokens are made with that key. with_sgc: three instead of two tokens, so
 * that an EA07 meter knows its supply group. campaign 0: none. How many tokens, or an error
 * that is noted. */
int vend_meter_change(struct request *r, const struct meter_row *m, int64_t to_key,
                      const struct sm_key *to, uint8_t to_ti, bool with_sgc, int64_t campaign);

/* The rows of the query that was just begun, as a list of objects; a column for each letter:
 *   i number   s text   $ money   6 price in 1e-6   % hundredths of a percent   t time
 *   g supply group, six digits   2 two digits   b yes or no   k tenths of a kWh */
struct column {
    const char *name;
    char kind;
};
json_t *rows_json(struct db *db, const struct column *columns);

/* The same row by row, NULL behind the last; and one row alone. */
json_t *row_json_next(struct db *db, const struct column *columns);
json_t *row_json(struct db *db, const struct column *columns);

/* The handlers of each file. */
handler do_status, do_groups, do_group_put, do_keys, do_key_import, do_key_generate, do_tariffs,
    do_tariff_put, do_customers, do_customer_put, do_meters, do_meter, do_meter_put,
    do_operators, do_operator_put, do_audit;
handler do_quote, do_sell, do_receipt, do_sales, do_manage, do_test, do_key_change, do_tokens;
handler do_rollover, do_rollovers;
handler do_export, do_import;

#endif
