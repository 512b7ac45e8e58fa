#include "tools/vend/logins.h"

#include <string.h>
#include <sys/random.h>

#include "base/bytes.h"
#include "crypto/sha256.h"
#include "tools/common/hex.h"

#define FREE_TRIES 5
#define WAIT_MAX_S 300

bool login_open(struct logins *s, char text[SESSION_TEXT], const struct caller *who,
                int64_t now_s)
{
    uint8_t secret[32];
    size_t oldest = 0;
    for (size_t i = 1; i < SESSIONS; i++)
        if (s->session[i].used_s < s->session[oldest].used_s) oldest = i;
    if (getrandom(secret, sizeof secret, 0) != sizeof secret) return false;
    hex_format(text, secret, sizeof secret);
    wipe(secret, sizeof secret);
    sha256(s->session[oldest].digest, text, SESSION_TEXT - 1);
    s->session[oldest].who = *who;
    s->session[oldest].used_s = now_s;
    return true;
}

static size_t find(struct logins *s, const char *text, int64_t now_s)
{
    uint8_t digest[32];
    size_t i = SESSIONS;
    if (strlen(text) != SESSION_TEXT - 1) return SESSIONS;
    sha256(digest, text, SESSION_TEXT - 1);
    for (size_t k = 0; k < SESSIONS; k++)
        if (s->session[k].used_s && same(s->session[k].digest, digest, sizeof digest)) i = k;
    if (i < SESSIONS && now_s - s->session[i].used_s > SESSION_IDLE_S) {
        wipe(&s->session[i], sizeof s->session[i]);
        i = SESSIONS;
    }
    return i;
}

const struct caller *login_find(struct logins *s, const char *text, int64_t now_s)
{
    size_t i = find(s, text, now_s);
    if (i == SESSIONS) return NULL;
    s->session[i].used_s = now_s;
    return &s->session[i].who;
}

void login_close(struct logins *s, const char *text, int64_t now_s)
{
    size_t i = find(s, text, now_s);
    if (i < SESSIONS) wipe(&s->session[i], sizeof s->session[i]);
}

/* The place of a name; another name in it is forgotten unless it still waits. */
static size_t place(struct logins *s, const char *name, int64_t now_s)
{
    uint8_t digest[32];
    sha256(digest, name, strlen(name));
    uint64_t id = be_get64(digest) | 1;
    size_t at = digest[8];
    if (s->name[at].name != id && s->name[at].until_s <= now_s) {
        s->name[at].wrong = 0;
        s->name[at].name = id;
    }
    return at;
}

int64_t login_wait(struct logins *s, const char *name, int64_t now_s)
{
    size_t at = place(s, name, now_s);
    return s->name[at].until_s > now_s ? s->name[at].until_s - now_s : 0;
}

void login_note(struct logins *s, const char *name, bool was_right, int64_t now_s)
{
    size_t at = place(s, name, now_s);
    if (was_right) {
        s->name[at].wrong = 0;
        return;
    }
    if (++s->name[at].wrong <= FREE_TRIES) return;
    uint32_t doublings = s->name[at].wrong - FREE_TRIES - 1;
    int64_t wait = doublings > 8 ? WAIT_MAX_S : INT64_C(1) << doublings;
    s->name[at].until_s = now_s + (wait > WAIT_MAX_S ? WAIT_MAX_S : wait);
}
