/* station.h - the vending station: what it can do, for whom, over one database and one module.
 *
 * Everything the station does is an operation with a name, a smallest role and JSON in and out;
 * the server, the command line and the tests call the same ones. docs/vending.md lists them.
 *
 *   clerk       sells, prints again, looks up
 *   supervisor  also customers, meters, management and key change tokens, lists in and out
 *   admin       also keys, supply groups, tariffs, operators, campaigns, the audit trail
 *
 * A sale is one transaction: sale, token, the meter's TID, the audit line. A request_id makes
 * it happen once however often it is sent. TIDs of a meter never repeat, whoever sells at the
 * same time from the same database.
 *
 * Power cut  a sale is there with its token or not at all. A campaign goes on where it was.
 * Context    host programs, one thread a struct station; several processes on one database.
 */
#ifndef TOOLS_VEND_STATION_H
#define TOOLS_VEND_STATION_H
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "tools/vend/db.h"
#include "tools/vend/sm.h"

#define STATION_NAME 40

enum station_role { STATION_CLERK = 1, STATION_SUPERVISOR, STATION_ADMIN };

struct caller {
    char name[STATION_NAME];
    int role;
};

struct station {
    struct db *db;
    struct sm *sm;
    utc_t fixed;              /* tests: the time; 0: the host's clock */
    uint32_t password_rounds; /* of PBKDF2 for operators; tests need not wait */
};

/* The answers' kinds, numbered as HTTP numbers them. */
enum {
    STATION_OK = 200,
    STATION_BAD = 400,
    STATION_STRANGER = 401,
    STATION_FORBIDDEN = 403,
    STATION_UNKNOWN = 404,
    STATION_CONFLICT = 409,
    STATION_SLOW = 429,
    STATION_BROKEN = 500
};

/* Open: make the tables where there are none, unlock the module by its passphrase (a new
 * station takes it as its own). rounds: of the passphrase of a new station, 0 for the default.
 * E_AUTH: wrong passphrase. Others: why says it. */
int station_open(struct station *st, const char *url, const char *passphrase, uint32_t rounds,
                 char why[200]);
void station_close(struct station *st);

/* Is nobody known yet who may do anything? */
bool station_is_new(struct station *st);

/* Who is this? E_AUTH, the same for an unknown name and a wrong password. */
int station_login(struct station *st, struct caller *who, const char *name,
                  const char *password);

/* Do op. Always an object; {"error": "..."} unless *status is STATION_OK. */
json_t *station_do(struct station *st, const struct caller *who, const char *op,
                   const json_t *in, int *status);

/* Is there such an operation? */
bool station_knows(const char *op);

/* May somebody of this role ask for op by GET, that is, does it change nothing? */
bool station_is_reading(const char *op);

/* A station to try: supply group 123456 with its vending key, a tariff, a customer with the
 * meter of that serial, operators clerk, supervisor, admin, each their own password. */
int station_demo(struct station *st, uint32_t serial);

/* The next batch of a campaign under way: meters done, 0 when it is complete; or an error.
 * *done and *total tell how far it is. */
int station_rollover_step(struct station *st, int64_t campaign, int64_t *done, int64_t *total);

utc_t station_now(const struct station *st);

#endif
