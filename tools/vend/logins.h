/* logins.h - who has logged in, and who tries to.
 *
 * A session is 32 random octets that only its owner knows; the station keeps their digest. It
 * ends after half an hour without use. Wrong passwords of one name make the next try wait: five
 * are free, then 1 s doubling to 5 min; a name that does not exist waits like one that does.
 *
 * Memory   fixed: 256 sessions, the one longest unused making room; 256 names.
 * Context  host programs, one thread.
 */
#ifndef TOOLS_VEND_LOGINS_H
#define TOOLS_VEND_LOGINS_H
#include <stdbool.h>

#include "tools/vend/station.h"

#define SESSIONS 256
#define SESSION_IDLE_S 1800
#define SESSION_TEXT 65

struct logins {
    struct {
        uint8_t digest[32];
        struct caller who;
        int64_t used_s; /* monotonic; 0: free */
    } session[SESSIONS];
    struct {
        uint64_t name;
        int64_t until_s;
        uint32_t wrong;
    } name[SESSIONS];
};

/* A new session; its text goes to the owner. False: no random numbers. */
bool login_open(struct logins *s, char text[SESSION_TEXT], const struct caller *who,
                int64_t now_s);

/* Whose session is it? NULL: nobody's, or not any more. */
const struct caller *login_find(struct logins *s, const char *text, int64_t now_s);
void login_close(struct logins *s, const char *text, int64_t now_s);

/* May this name try now? How many seconds it has to wait; 0: it may. */
int64_t login_wait(struct logins *s, const char *name, int64_t now_s);
void login_note(struct logins *s, const char *name, bool was_right, int64_t now_s);

#endif
