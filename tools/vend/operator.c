#include "tools/vend/operator.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/bytes.h"
#include "base/err.h"
#include "tools/common/hex.h"

#define SALT 16

static const char *const roles[] = { NULL, "clerk", "supervisor", "admin" };

const char *operator_role_name(int role)
{
    return role >= STATION_CLERK && role <= STATION_ADMIN ? roles[role] : "nobody";
}

int operator_role(const char *name)
{
    for (int i = STATION_CLERK; i <= STATION_ADMIN; i++)
        if (strcmp(roles[i], name) == 0) return i;
    return 0;
}

int operator_write(struct station *st, const char *name, int role, const char *password)
{
    uint8_t salt[SALT], digest[32];
    char salt_text[2 * SALT + 1], digest_text[65];
    if (getrandom(salt, sizeof salt, 0) != SALT) return E_IO;
    sm_pbkdf2(digest, password, salt, sizeof salt, st->password_rounds);
    hex_format(salt_text, salt, sizeof salt);
    hex_format(digest_text, digest, sizeof digest);
    wipe(digest, sizeof digest);
    int err =
        db_run(st->db,
               "INSERT INTO operator (name, role, salt, digest) VALUES (?, ?, ?, ?) "
               "ON CONFLICT (name) DO UPDATE SET role = excluded.role, salt = excluded.salt, "
               "digest = excluded.digest",
               "siss", name, (int64_t)role, salt_text, digest_text);
    wipe(digest_text, sizeof digest_text);
    return err < 0 ? err : 0;
}

/* An unknown name takes as long as a wrong password. */
int station_login(struct station *st, struct caller *who, const char *name,
                  const char *password)
{
    uint8_t salt[SALT] = { 0 }, digest[32], want[32] = { 0 };
    bool is_known = false;
    int role = 0;
    if (db_query(st->db, "SELECT role, salt, digest FROM operator WHERE name = ?", "s", name))
        return E_IO;
    if (db_next(st->db)) {
        role = (int)db_int(st->db, 0);
        is_known = hex_parse(db_text(st->db, 1), sizeof salt, salt) == SALT &&
                   hex_parse(db_text(st->db, 2), sizeof want, want) == sizeof want;
        db_end(st->db);
    }
    sm_pbkdf2(digest, password, salt, sizeof salt, st->password_rounds);
    bool is_right = same(digest, want, sizeof want) && is_known;
    wipe(digest, sizeof digest);
    if (!is_right) return E_AUTH;
    snprintf(who->name, sizeof who->name, "%s", name);
    who->role = role;
    return 0;
}
