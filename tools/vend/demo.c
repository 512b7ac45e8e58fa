/* demo.c - a station to try, with the development keys every unconfigured meter has. */
#include <stdio.h>

#include "base/err.h"
#include "sts/pan.h"
#include "tools/common/json.h"
#include "tools/vend/operator.h"
#include "tools/vend/request.h"

static int do_one(struct station *st, const char *op, json_t *in)
{
    static const struct caller demo = { "demo", STATION_ADMIN };
    int status;
    json_decref(station_do(st, &demo, op, in, &status));
    json_decref(in);
    return status == STATION_OK ? 0 : E_STATE;
}

int station_demo(struct station *st, uint32_t serial)
{
    char drn[12];
    sts_drn(drn, serial);
    int err =
        do_one(st, "group_put", json_pack("{s:i, s:s}", "sgc", 123456, "name", "Demo town"));
    if (err == 0)
        err = do_one(st, "key_import",
                     json_pack("{s:i, s:i, s:i, s:i, s:s}", "sgc", 123456, "dkga", 2, "krn", 1,
                               "base_date", 2014, "vending_key", "abababababababab"));
    if (err == 0)
        err = do_one(st, "tariff_put",
                     json_pack("{s:i, s:s, s:s, s:s}", "ti", 1, "name", "Domestic", "price",
                               "0.25", "vat_percent", "15"));
    if (err == 0)
        err = do_one(st, "customer_put",
                     json_pack("{s:s, s:s}", "name", "Demo customer", "phone", "0100 000 001"));
    if (err == 0)
        err = do_one(st, "meter_put",
                     json_pack("{s:s, s:i, s:i, s:i}", "meter", drn, "sgc", 123456, "ti", 1,
                               "customer_id", 1));
    for (int role = STATION_CLERK; err == 0 && role <= STATION_ADMIN; role++) {
        const char *name = operator_role_name(role);
        err = operator_write(st, name, role, name);
    }
    return err;
}
