/* The vending API as a line would bring it: requests one after the other, "CALLER OP BODY" a
 * line, CALLER being c, s, a (clerk, supervisor, admin) or anything else for a stranger. Every
 * answer is JSON or CSV with a status of HTTP; no key comes out; money and tokens add up. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"
#include "tools/vend/api.h"

#define REOPEN 1000 /* runs: a station that has seen too much is slow */

static struct station st;
static struct api api;
static char token[4][SESSION_TEXT];

static void do_as_admin(const char *op, const char *fields)
{
    static const struct caller admin = { "fuzz", STATION_ADMIN };
    int status;
    json_t *in = json_loads(fields, 0, NULL);
    json_decref(station_do(&st, &admin, op, in, &status));
    json_decref(in);
    ensure(status == STATION_OK);
}

static void reopen(void)
{
    char why[200];
    static const char *const names[4] = { "", "clerk", "supervisor", "admin" };
    if (st.db) station_close(&st);
    ensure(station_open(&st, ":memory:", "words", 1, why) == 0);
    st.fixed.s = 1767268800;
    st.password_rounds = 1;
    api = (struct api){ .station = &st };
    for (int role = STATION_CLERK; role <= STATION_ADMIN; role++) {
        struct caller who = { .role = role };
        strcpy(who.name, names[role]);
        ensure(login_open(&api.sessions, token[role], &who, 1));
    }
    do_as_admin("group_put", "{\"sgc\":123456,\"name\":\"x\"}");
    do_as_admin("key_import", "{\"sgc\":123456,\"dkga\":2,\"krn\":1,\"base_date\":2014,"
                              "\"vending_key\":\"a1b2c3d4e5f60718\"}");
    do_as_admin("key_generate", "{\"sgc\":123456,\"dkga\":2,\"krn\":1,\"base_date\":1993}");
    do_as_admin("tariff_put", "{\"ti\":1,\"name\":\"x\",\"price\":\"0.25\"}");
    do_as_admin("meter_put", "{\"meter\":\"00000000018\",\"sgc\":123456,\"ti\":1}");
    do_as_admin("meter_put", "{\"meter\":\"00000000026\",\"sgc\":123456,\"ti\":1,"
                             "\"base_date\":1993}");
    sm_limit(st.sm, 100000000);
}

static bool has_key(const char *text, size_t n)
{
    return memmem(text, n, "a1b2c3d4", 8) || memmem(text, n, "A1B2C3D4", 8);
}

static bool is_told; /* the input itself names the key: it may be echoed and stored */

static void one(const char *caller, const char *op, const char *body, size_t n)
{
    char path[64], authorization[80];
    int role = *caller == 'c' ? 1 : *caller == 's' ? 2 : *caller == 'a' ? 3 : 0;
    struct api_answer a;
    snprintf(path, sizeof path, "/api/%.50s", op);
    snprintf(authorization, sizeof authorization, "Bearer %s", token[role]);
    struct api_request r = { .is_post = *caller != 'g',
                             .path = path,
                             .authorization = authorization,
                             .body = body,
                             .size = n,
                             .now_s = 2 };
    json_t *query = json_loadb(body, n, 0, NULL);
    r.query = query;
    api_do(&api, &r, &a);
    json_decref(query);
    ensure(a.text != NULL && a.status >= 200 && a.status < 600);
    ensure(role > 0 || a.status != STATION_OK);
    ensure(is_told || !has_key(a.text, a.size));
    if (strcmp(a.type, "application/json") == 0) {
        json_t *out = json_loadb(a.text, a.size, 0, NULL);
        ensure(json_is_object(out));
        ensure((json_object_get(out, "error") != NULL) == (a.status != STATION_OK));
        json_decref(out);
    }
    free(a.text);
}

static void check(void)
{
    ensure(db_value(st.db, -1,
                    "SELECT count(*) FROM sale WHERE amount_e5 <> vat_e5 + fee_e5 + net_e5 OR "
                    "net_e5 <= 0",
                    "") == 0);
    ensure(
        db_value(st.db, -1,
                 "SELECT count(*) FROM sale WHERE (SELECT count(*) FROM token WHERE sale_id = "
                 "sale.id) <> 1",
                 "") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static unsigned runs;
    if (runs++ % REOPEN == 0) {
        reopen();
        is_told = false;
    }
    if (has_key((const char *)p, n)) is_told = true;
    char *text = malloc(n + 1), *at = text, *line;
    memcpy(text, p, n);
    text[n] = 0;
    for (int i = 0; i < 8 && (line = strsep(&at, "\n")); i++) {
        char *op = strchr(line, ' ');
        if (op == NULL) continue;
        *op++ = 0;
        char *body = strchr(op, ' ');
        if (body) *body++ = 0;
        one(line, op, body ? body : "", body ? strlen(body) : 0);
    }
    free(text);
    check();
    return 0;
}
