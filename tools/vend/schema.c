/* schema.c - the tables. Money is in 1e-5 of the currency, prices in 1e-6 a kWh, times in
 * seconds since 1970; texts are parameters, never part of a statement. */
#include "tools/vend/schema.h"

#include <stddef.h>

#include "tools/vend/db.h"

#define TABLES(ID)                                                                             \
    "CREATE TABLE IF NOT EXISTS lock (id BIGINT PRIMARY KEY, salt TEXT NOT NULL, rounds "      \
    "BIGINT "                                                                                  \
    "NOT NULL, check_text TEXT NOT NULL, version BIGINT NOT NULL)",                            \
        "CREATE TABLE IF NOT EXISTS operator (id " ID                                          \
        ", name TEXT NOT NULL UNIQUE, role BIGINT "                                            \
        "NOT NULL, salt TEXT NOT NULL, digest TEXT NOT NULL)",                                 \
        "CREATE TABLE IF NOT EXISTS supply (sgc BIGINT PRIMARY KEY, name TEXT NOT NULL)",      \
        "CREATE TABLE IF NOT EXISTS vkey (id " ID                                              \
        ", sgc BIGINT NOT NULL REFERENCES supply(sgc), "                                       \
        "base_year BIGINT NOT NULL, dkga BIGINT NOT NULL, kt BIGINT NOT NULL, krn BIGINT NOT " \
        "NULL, ken BIGINT NOT NULL, blob TEXT NOT NULL, at_s BIGINT NOT NULL, UNIQUE (sgc, "   \
        "base_year, kt, krn))",                                                                \
        "CREATE TABLE IF NOT EXISTS tariff (ti BIGINT PRIMARY KEY, name TEXT NOT NULL, "       \
        "price_e6 BIGINT NOT NULL, vat_e4 BIGINT NOT NULL, fee_e5 BIGINT NOT NULL)",           \
        "CREATE TABLE IF NOT EXISTS customer (id " ID ", name TEXT NOT NULL, phone TEXT NOT "  \
        "NULL, address TEXT NOT NULL)",                                                        \
        "CREATE TABLE IF NOT EXISTS meter (id " ID ", drn TEXT NOT NULL UNIQUE, pan TEXT NOT " \
        "NULL, ea BIGINT NOT NULL, is_money BIGINT NOT NULL, ti BIGINT NOT NULL, vkey_id "     \
        "BIGINT NOT NULL REFERENCES vkey(id), customer_id BIGINT REFERENCES customer(id), "    \
        "last_tid BIGINT NOT NULL)",                                                           \
        "CREATE INDEX IF NOT EXISTS meter_vkey ON meter (vkey_id, id)",                        \
        "CREATE TABLE IF NOT EXISTS sale (id " ID ", request_id TEXT UNIQUE, at_s BIGINT NOT " \
        "NULL, operator TEXT NOT NULL, meter_id BIGINT NOT NULL REFERENCES meter(id), "        \
        "customer TEXT NOT NULL, sgc BIGINT NOT NULL, krn BIGINT NOT NULL, ti BIGINT NOT "     \
        "NULL, amount_e5 BIGINT NOT NULL, vat_e5 BIGINT NOT NULL, fee_e5 BIGINT NOT NULL, "    \
        "net_e5 BIGINT NOT NULL, price_e6 BIGINT NOT NULL, tenths BIGINT, copies BIGINT NOT "  \
        "NULL)",                                                                               \
        "CREATE INDEX IF NOT EXISTS sale_meter ON sale (meter_id, id)",                        \
        "CREATE TABLE IF NOT EXISTS campaign (id " ID ", at_s BIGINT NOT NULL, operator TEXT " \
        "NOT NULL, from_year BIGINT NOT NULL, to_year BIGINT NOT NULL, total BIGINT NOT "      \
        "NULL, "                                                                               \
        "done BIGINT NOT NULL, ended_s BIGINT)",                                               \
        "CREATE TABLE IF NOT EXISTS change (id " ID ", at_s BIGINT NOT NULL, meter_id BIGINT " \
        "NOT NULL REFERENCES meter(id), campaign_id BIGINT REFERENCES campaign(id), "          \
        "from_vkey "                                                                           \
        "BIGINT NOT NULL, to_vkey BIGINT NOT NULL, from_ti BIGINT NOT NULL, to_ti BIGINT NOT " \
        "NULL, sale_id BIGINT, UNIQUE (campaign_id, meter_id))",                               \
        "CREATE INDEX IF NOT EXISTS vend_meter_change ON change (meter_id, id)",               \
        "CREATE TABLE IF NOT EXISTS token (id " ID                                             \
        ", at_s BIGINT NOT NULL, operator TEXT NOT "                                           \
        "NULL, meter_id BIGINT REFERENCES meter(id), sale_id BIGINT REFERENCES sale(id), "     \
        "change_id BIGINT REFERENCES change(id), class BIGINT NOT NULL, sub BIGINT NOT NULL, " \
        "base_year BIGINT, tid BIGINT, digits TEXT NOT NULL, meaning TEXT NOT NULL, UNIQUE "   \
        "(meter_id, base_year, tid))",                                                         \
        "CREATE INDEX IF NOT EXISTS token_sale ON token (sale_id)",                            \
        "CREATE INDEX IF NOT EXISTS token_change ON token (change_id)",                        \
        "CREATE TABLE IF NOT EXISTS audit (id " ID                                             \
        ", at_s BIGINT NOT NULL, operator TEXT NOT "                                           \
        "NULL, action TEXT NOT NULL, detail TEXT NOT NULL, digest TEXT NOT NULL)"

static const char *const of_sqlite[] = { TABLES("INTEGER PRIMARY KEY AUTOINCREMENT") };
static const char *const of_server[] = { TABLES(
    "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY") };

int schema_make(struct db *db)
{
    const char *const *tables = db_is_server(db) ? of_server : of_sqlite;
    for (size_t i = 0; i < sizeof of_sqlite / sizeof *of_sqlite; i++) {
        int err = db_run(db, tables[i], "");
        if (err < 0) return err;
    }
    return 0;
}
