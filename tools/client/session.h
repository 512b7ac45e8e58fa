/* session.h - a client's association with one meter, and the services in it.
 *
 *     session_init(&s, &config, &carrier);
 *     session_open(&s, &t);                     AARQ, AARE, high level authentication
 *     session_get(&s, &target, NULL, &data, &t);
 *     session_close(&s);                        RLRQ, RLRE
 *
 * Every service returns 0 when done, a data-access-result (1 to 250) when the meter said no to
 * that item, or a negative number of err.def when the exchange itself failed:
 *
 *     E_IO      the link: no answer, connection gone
 *     E_AUTH    keys or passwords: refused by the meter, or an answer that does not verify
 *     E_DENIED  refused for another reason (exception-response, association)
 *     E_FORMAT  an answer that is no DLMS, or none to what was asked
 *     E_SPACE   larger than was agreed, and blocks were not agreed either
 *     E_STATE   something that is needed was not given (a key, a title)
 *
 * with a sentence in t. Requests go in blocks where they are too long, answers are put together
 * from blocks of either kind. Counters of answers must grow; an answer with less protection
 * than the request had is refused. A replayed counter is told by the meter and tried again once
 * with what it wants.
 *
 * Context  host programs; one thread a session.
 */
#ifndef TOOLS_CLIENT_SESSION_H
#define TOOLS_CLIENT_SESSION_H
#include "dlms/acse.h"
#include "dlms/xdlms.h"
#include "tools/client/carrier.h"
#include "tools/client/counters.h"
#include "tools/client/names.h"
#include "tools/client/protect.h"

enum { SESSION_SECRET_MAX = 64, SESSION_ANSWER_MAX = 512 << 20 };

struct session_config {
    uint8_t mechanism; /* MECH_* */
    bool ciphered;     /* application context with ciphering */
    enum guard guard;  /* of requests, when ciphered */
    bool sign;
    uint8_t suite, policy; /* policy: SC_AUTH, SC_CRYPT or both */
    struct keyring keys;
    uint8_t secret[SESSION_SECRET_MAX]; /* password, or secret of HLS 6 */
    size_t secret_n;
    size_t challenge_n;     /* octets of our challenge: 8 to 64, 32 to 64 for ECDSA */
    bool dedicated;         /* make a dedicated key when the ring has none */
    uint32_t conformance;   /* proposed */
    uint16_t max_pdu;       /* what we take */
    uint16_t user_id;       /* 1..255; 0: none */
    bool high;              /* priority */
    uint8_t gbt_window;     /* above 0: requests go by general block transfer */
    int timeout_ms;         /* for an answer */
    int tries;              /* on a carrier that loses APDUs */
    bool keep_counter;      /* in the state folder */
    uint32_t first_counter; /* start here at least */
};

/* Everything a usual session has: no authentication, plain, all services, 64 KiB, 10 s. */
void session_config_default(struct session_config *c);

/* What happens beside the answers. All may be NULL. */
struct session_hooks {
    void *ctx;
    /* An APDU as it is without protection, for traces. */
    void (*plain)(void *ctx, bool out, const uint8_t *apdu, size_t n);
    /* A data-notification or event-notification that came in between. */
    void (*notice)(void *ctx, const uint8_t *apdu, size_t n);
    /* So many octets of a long answer are there. */
    void (*progress)(void *ctx, size_t octets);
};

struct session {
    struct session_config cfg;
    struct session_hooks hooks;
    struct carrier *way;
    bool associated;
    bool proving;         /* high level authentication is under way: by the global key */
    uint32_t conformance; /* agreed */
    uint16_t server_max;  /* what the meter takes; 0: no limit */
    struct seal_counter counter;
    uint32_t dedicated_ic, agreed_floor, global_floor, dedicated_floor; /* floors: of answers */
    uint64_t transaction;
    uint8_t invoke;
    uint32_t long_invoke;
    uint16_t gbt_number, gbt_peer; /* last block of this exchange: ours, the meter's */
    struct acse_aare aare; /* result and diagnostic of the last try; its views are void */
};

void session_init(struct session *s, const struct session_config *cfg, struct carrier *way);

/* Associate. Also E_AUTH where the meter cannot prove itself. */
int session_open(struct session *s, struct trouble *t);

/* Release the association; the carrier stays open. Forgets the keys. */
void session_close(struct session *s);

/* -- services --------------------------------------------------------------------------- */

struct selection {
    uint8_t selector; /* 0: none */
    struct buf arg;   /* encoded parameters */
};

/* Selector 1 on a clock column, from and to being 12 octets each; and selector 2. */
void selection_range(struct selection *sel, const uint8_t from[12], const uint8_t to[12]);
void selection_entry(struct selection *sel, uint32_t from, uint32_t to, uint16_t first_column,
                     uint16_t last_column);

/* One attribute or method and what came of it. */
struct item {
    enum { ITEM_GET, ITEM_SET, ITEM_ACTION } kind; /* only session_access() mixes them */
    struct target target;
    const struct selection *selection; /* NULL: none */
    struct buf data;                   /* SET, ACTION: to the meter; GET, ACTION: from it */
    int result;                        /* 0 or a data-access-result */
};

int session_get(struct session *s, const struct target *o, const struct selection *sel,
                struct buf *data, struct trouble *t);
int session_set(struct session *s, const struct target *o, const struct selection *sel,
                const struct buf *data, struct trouble *t);

/* param empty: none is sent. What comes back goes to ret (empty: nothing). */
int session_action(struct session *s, const struct target *o, const struct buf *param,
                   struct buf *ret, struct trouble *t);

/* n items of one kind in one request (as many as fit each time; one by one where lists were
 * not agreed). 0 with a result in each item, or a negative error. */
int session_get_list(struct session *s, struct item *items, size_t n, struct trouble *t);
int session_set_list(struct session *s, struct item *items, size_t n, struct trouble *t);
int session_action_list(struct session *s, struct item *items, size_t n, struct trouble *t);

/* The same by the ACCESS service, all kinds mixed; break_on_error leaves the rest undone. */
int session_access(struct session *s, struct item *items, size_t n, bool break_on_error,
                   struct trouble *t);

/* Wait for an unsolicited APDU (handed to hooks.notice): 1, 0 none in time. */
int session_listen(struct session *s, int timeout_ms, struct trouble *t);

/* -- for the services ------------------------------------------------------------------- */

/* Send a plain APDU and wait for its plain answer: the first octet is one of those tags (0:
 * only one), exceptions are turned into errors. */
int session_exchange(struct session *s, const struct buf *request, uint8_t tag,
                     struct buf *answer, struct trouble *t);

/* Octets of a plain request that the meter takes. */
size_t session_room(const struct session *s);

static inline bool session_can(const struct session *s, uint32_t bit)
{
    return (s->conformance & bit) != 0;
}

/* Next invoke-id-and-priority. */
uint8_t session_invoke(struct session *s);

#endif
