/* bench.h - a small device around the DLMS server: its own rows, classes and host.
 *
 * Links are arrays: what the server sends is collected, what a test feeds is cut as it likes.
 * Time is a counter the test moves. Keys and titles are those of tests/vectors/dlms.txt.
 */
#ifndef TESTS_DLMS_BENCH_H
#define TESTS_DLMS_BENCH_H
#include "crypto/job.h"
#include "dlms/server.h"

#ifndef BENCH_OUT
#define BENCH_OUT (1 << 17) /* octets a link collects */
#endif

enum {
    BENCH_LINKS = 4,
    BENCH_SESSIONS = 20,
    BENCH_RX = 1024,
    BENCH_TX = 1024,
    BENCH_NOTES = 64,
    BENCH_ROWS = 400,
    BENCH_LONG = 4096
};

/* rows of the association table */
enum {
    ROLE_PUBLIC,
    ROLE_READER,
    ROLE_MANAGEMENT,
    ROLE_CIPHERED_LLS,
    ROLE_BROADCAST,
    ROLE_PUSH,
    ROLE_SHA,
    ROLE_ECDSA,
    ROLES
};
enum {
    SAP_PUBLIC = 16,
    SAP_READER = 32,
    SAP_MANAGEMENT = 1,
    SAP_CIPHERED_LLS = 48,
    SAP_BROADCAST = 102,
    SAP_PUSH = 64,
    SAP_SHA = 49,
    SAP_ECDSA = 50
};

struct bench_port {
    struct dlms_link link;
    uint8_t *out; /* BENCH_OUT octets, one array a link for all benches */
    size_t out_n, room;
    bool closed, up;
    uint32_t baud;
};

struct bench {
    struct dlms_server server;
    struct dlms_pool pool;
    struct dlms_session session[BENCH_SESSIONS];
    uint8_t *memory;
    size_t memory_n;
    struct bench_port port[BENCH_LINKS];
    mono_t now;

    /* what a meter would keep */
    uint32_t counter[2], reserved[2], floor[ROLES][2];
    uint64_t transaction, kept; /* kept: what of it is on flash */
    uint8_t unicast[32], auth[32], broadcast[32], master[16];
    struct dlms_security security;
    struct dlms_port serial;
    bool locked[LINK_IDS];
    unsigned failures;
    uint8_t note[BENCH_NOTES];
    unsigned notes;
    int busy_settle, busy_counter; /* say E_BUSY that often */
    int settle_error;
    uint8_t random[64];
    size_t random_n;
    uint8_t seed;
    struct job job;
    uint8_t job_kind;
    uint8_t server_sign[32], client_sign_q[64], server_agree[32], client_agree_q[64];
    uint8_t sent[160];
    bool sends;
    uint32_t frozen[BENCH_SESSIONS];

    struct dlms_cfg cfg; /* a test may change them before it opens a link */
    struct dlms_assoc assoc[ROLES];
    uint8_t demand[ROLES];
    struct cosem_model model;

    /* objects */
    const uint8_t *name;
    uint16_t name_n;
    uint8_t text[2][128];
    uint8_t text_n[2];
    uint32_t live;           /* register that counts */
    uint32_t rows, first;    /* profile */
    bool wide, nulls;        /* four counters in it; null-data for what repeats */
    bool slow;               /* each row of it is a step's work */
    uint8_t day[BENCH_ROWS]; /* an array that can be written */
    uint16_t days, staged_n;
    uint8_t staged[BENCH_ROWS];
    bool staging;
    unsigned aborted;
    uint8_t longs[BENCH_LONG];
    uint16_t long_n;
    unsigned calls;
};

/* A fresh device: counters, keys, objects as at the factory. rx, tx: buffer sizes. */
void bench_init(struct bench *b, uint16_t rx, uint16_t tx);
void bench_free(struct bench *b);

/* Fixtures of cmocka: a fresh device in *state with link 0 open; and its end. */
struct bench *bench_setup(void **state, enum dlms_link_kind kind, uint8_t channel);
int bench_teardown(void **state);

/* Link i comes up. */
void bench_open(struct bench *b, unsigned i, enum dlms_link_kind kind, uint8_t channel);

/* Run the server until nothing is due now. */
void bench_run(struct bench *b);

/* Feed octets, running the server as it takes them. */
void bench_feed(struct bench *b, unsigned i, const void *p, size_t n);

/* Let time pass. */
void bench_wait(struct bench *b, uint64_t us);

/* An APDU over TCP to management; link i collects whatever comes. */
void bench_send(struct bench *b, unsigned i, uint16_t sap, const void *p, size_t n);

/* Wrapper: send one APDU from a client on link i and return the answer's length; the answer is
 * in *answer until the next call, NULL when there was none. Aborts on broken wrapper octets. */
size_t bench_ask(struct bench *b, unsigned i, uint16_t sap, const void *p, size_t n,
                 const uint8_t **answer);

/* The next APDU that the server sent on link i, from *at on; 0 when there are no more. */
size_t bench_next(struct bench *b, unsigned i, size_t *at, const uint8_t **apdu);

/* An AARQ of that client: LLS or HLS 5 by its row, protected when the context is ciphered; the
 * association is open afterwards, pass 3 included. ic: the client's next counter, moved on.
 * size: max PDU of the client. Aborts when it is refused. */
void bench_associate(struct bench *b, unsigned i, uint16_t sap, uint16_t size, uint32_t *ic);

/* Protect n octets as that client would, by glo (or DB with general), and ask. The answer is
 * opened into out; its length; plain answers are copied. */
size_t bench_ask_sealed(struct bench *b, unsigned i, uint16_t sap, bool general, uint32_t *ic,
                        const void *p, size_t n, uint8_t *out);

/* Power cut: the server and RAM counters are lost. */
void bench_cut(struct bench *b);

bool bench_noted(const struct bench *b, enum dlms_note n);

#endif
