/* counters.c - one line a key: name, blank, first counter that nobody claimed. */
#include "tools/client/counters.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "crypto/sha256.h"
#include "tools/common/hex.h"

enum { PATH_LENGTH = 1024, LINE_LENGTH = 64, ROWS_MAX = 4096 };

void counter_init(struct seal_counter *c, const struct cipher_key *key, const uint8_t title[8],
                  bool keep)
{
    uint8_t mac[SHA256];
    *c = (struct seal_counter){ .next = 1, .end = 1, .kept = keep };
    hmac(mac, key->ek, key->len, title, 8);
    hex_format(c->name, mac, (COUNTERS_NAME - 1) / 2);
}

/* The folder is made when it is not there. */
static bool state_path(char path[PATH_LENGTH])
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    char folder[PATH_LENGTH - 16];
    if (state && *state)
        snprintf(folder, sizeof folder, "%s/magno", state);
    else if (home && *home)
        snprintf(folder, sizeof folder, "%s/.local/state/magno", home);
    else
        return false;
    for (char *p = folder + 1; (p = strchr(p, '/')); p++) {
        *p = 0;
        mkdir(folder, 0700);
        *p = '/';
    }
    mkdir(folder, 0700);
    snprintf(path, PATH_LENGTH, "%s/counters", folder);
    return true;
}

struct table {
    size_t n;
    struct {
        char name[COUNTERS_NAME];
        uint32_t next;
    } row[ROWS_MAX];
};

static void read_table(struct table *t, FILE *f)
{
    char line[LINE_LENGTH];
    t->n = 0;
    while (t->n < ROWS_MAX && fgets(line, sizeof line, f))
        if (sscanf(line, "%16s %" SCNu32, t->row[t->n].name, &t->row[t->n].next) == 2) t->n++;
}

/* Written beside and moved over, so that a cut leaves the old table or the new one. */
static bool write_table(const struct table *t, const char *path)
{
    char beside[PATH_LENGTH + 8];
    snprintf(beside, sizeof beside, "%s.new", path);
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
    if (!f) return false;
    for (size_t i = 0; i < t->n; i++)
        fprintf(f, "%s %" PRIu32 "\n", t->row[i].name, t->row[i].next);
    bool ok = fflush(f) == 0 && fsync(fileno(f)) == 0;
    ok &= fclose(f) == 0;
    return ok && rename(beside, path) == 0;
}

static size_t find_row(struct table *t, const char *name)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->row[i].name, name) == 0) return i;
    size_t i = t->n < ROWS_MAX ? t->n++ : 0;
    snprintf(t->row[i].name, sizeof t->row[i].name, "%s", name);
    t->row[i].next = 1;
    return i;
}

/* Claim COUNTERS_CLAIM of them on disk, none below floor. */
static bool claim_on_disk(struct seal_counter *c, uint32_t floor)
{
    char path[PATH_LENGTH], lock_path[PATH_LENGTH + 8];
    struct table *t = malloc(sizeof *t);
    if (!t || !state_path(path)) return free(t), false;
    snprintf(lock_path, sizeof lock_path, "%s.lock", path);
    int lock = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    bool ok = lock >= 0 && flock(lock, LOCK_EX) == 0;
    if (ok) {
        FILE *f = fopen(path, "r");
        t->n = 0;
        if (f) read_table(t, f);
        if (f) fclose(f);
        size_t i = find_row(t, c->name);
        uint32_t from = t->row[i].next > floor ? t->row[i].next : floor;
        uint32_t left = UINT32_MAX - from;
        t->row[i].next = from + (left < COUNTERS_CLAIM ? left : COUNTERS_CLAIM);
        c->next = from;
        c->end = t->row[i].next;
        ok = write_table(t, path);
    }
    if (lock >= 0) close(lock);
    free(t);
    return ok;
}

int counter_take(struct seal_counter *c, uint32_t *ic, struct trouble *t)
{
    if (c->next == c->end && c->next < UINT32_MAX) {
        uint32_t floor = c->next;
        c->kept = c->kept && claim_on_disk(c, floor);
        if (!c->kept) c->next = floor, c->end = UINT32_MAX;
    }
    if (c->next == UINT32_MAX)
        return trouble(t, E_RANGE,
                       "the invocation counter of this key is used up; change the key");
    *ic = c->next++;
    return 0;
}

void counter_raise(struct seal_counter *c, uint32_t floor)
{
    if (floor <= c->next) return;
    c->next = floor;
    if (c->next >= c->end) c->end = c->next;
}
