/* serve.h - inside of the server: what its files ask of each other. Not for others.
 *
 * One APDU's way: a link puts it into the session's rx and calls serve_apdu(); dlms_step()
 * then calls serve_slice() until the answer is sealed and the link has taken it.
 *
 *     judge -> [verify, agree, decipher] -> claim -> run ... -> [seal, sign] -> send
 */
#ifndef DLMS_SERVE_H
#define DLMS_SERVE_H
#include "crypto/suite.h"
#include "dlms/acse.h"
#include "dlms/server.h"
#include "dlms/xdlms.h"

enum run {
    RUN_AGAIN,  /* come again in a later step */
    RUN_ANSWER, /* plain answer at tx_at, tx_n */
    RUN_SILENT  /* nothing to say */
};

static inline const struct dlms_host *host_of(const struct dlms_server *d)
{
    return d->host;
}

static inline bool is_due(const struct dlms_server *d, mono_t t)
{
    return !mono_before(d->now, t);
}

static inline bool is_serial(const struct dlms_link *l)
{
    return l->kind < DLMS_UDP;
}

/* -- server.c: sessions and their queue -- */
struct dlms_session *session_find(const struct dlms_link *l, uint16_t sap);
struct dlms_session *session_take(struct dlms_server *d, struct dlms_link *l, uint16_t sap);
void session_free(struct dlms_server *d, struct dlms_session *s);
/* Give up what it is doing; its association ends. */
void session_stop(struct dlms_server *d, struct dlms_session *s);
void session_queue(struct dlms_server *d, struct dlms_session *s);
int assoc_of(const struct dlms_server *d, uint16_t sap); /* row, or E_NONE */
void server_due(struct dlms_server *d, mono_t t);        /* look at timers by then */
mono_t server_in(struct dlms_server *d, uint32_t us);    /* so long from now: at that time */

/* rx_n octets at rx_at are a whole APDU. quiet: nothing may be answered. */
void serve_apdu(struct dlms_server *d, struct dlms_session *s);
/* The answer in tx is ready to go out: whole or in blocks. */
void serve_ready(struct dlms_session *s);
/* What came of it: the answer goes to be sealed, or nothing is said. */
void serve_ended(struct dlms_server *d, struct dlms_session *s, enum run r);

/* -- server.c: links -- */
void port_of(const struct dlms_server *d, const struct dlms_link *l, struct dlms_port *p);
size_t link_room(const struct dlms_link *l);
void link_send(const struct dlms_link *l, const uint8_t *p, size_t n, bool more);
void link_line(struct dlms_link *l, uint32_t baud, enum line_form form);
/* Send n octets from `at` on of what lies in these pieces, one behind the other; the running
 * CRC of them in *crc, which may be NULL. more: as in link.h. */
struct piece {
    const uint8_t *p;
    size_t n;
};
void link_pieces(const struct dlms_link *l, const struct piece *piece, size_t at, size_t n,
                 bool more, uint16_t *crc);

/* -- stream.c, hdlc_link.c: links -- */
size_t stream_feed(struct dlms_server *d, struct dlms_link *l, const uint8_t *p, size_t n);
void datagram_feed(struct dlms_server *d, struct dlms_link *l, const uint8_t *p, size_t n);
size_t sealed_feed(struct dlms_server *d, struct dlms_link *l, const uint8_t *p, size_t n);
bool stream_send(struct dlms_session *s); /* false: no room yet */
void hdlc_open(struct dlms_server *d, struct dlms_link *l);
void hdlc_feed(struct dlms_server *d, struct dlms_link *l, const uint8_t *p, size_t n);
bool hdlc_send(struct dlms_server *d, struct dlms_session *s);
void hdlc_silent(struct dlms_session *s); /* no answer will come */
mono_t hdlc_timer(struct dlms_server *d, struct dlms_session *s);

/* -- mode_e.c -- */
bool mode_e_is_hdlc(const struct dlms_link *l);
void mode_e_rest(struct dlms_server *d, struct dlms_link *l);
void mode_e_feed(struct dlms_server *d, struct dlms_link *l, const uint8_t *p, size_t n);
mono_t mode_e_timer(struct dlms_server *d, struct dlms_link *l);

/* -- protect.c -- */
void protect_judge(struct dlms_server *d, struct dlms_session *s);
void protect_slice(struct dlms_server *d, struct dlms_session *s);
bool protect_claim(struct dlms_server *d, struct dlms_session *s); /* false: not yet */
/* Suite, policy and titles as they stand; keys when they are not loaded. */
void protect_refresh(struct dlms_server *d, struct dlms_session *s);
/* A key or secret of the client: its length, or E_NONE. */
int protect_secret(struct dlms_server *d, const struct dlms_session *s, enum dlms_key kind,
                   uint8_t dst[DLMS_SECRET_MAX]);
/* The session's keys, where they are not loaded. False: there are none. */
bool protect_load(struct dlms_server *d, struct dlms_session *s);
/* The key that opens b under sc. False: there is none. */
bool protect_key(struct dlms_server *d, struct dlms_session *s, const struct cipher_box *b,
                 uint8_t sc, struct cipher_key *k);
/* Was this counter not used yet? Then it is now; prot.floor is the lowest allowed before. */
enum count { COUNT_UNICAST, COUNT_BROADCAST, COUNT_DEDICATED, COUNT_AGREED, COUNT_NEW };
bool protect_count(struct dlms_server *d, struct dlms_session *s, enum count key, uint32_t ic);
bool protect_title(const struct dlms_session *s, const struct cipher_box *b);
/* A tag or signature was wrong: counted, and noted. */
void protect_failed(struct dlms_server *d, struct dlms_session *s);
/* The next sending counter, keys loaded. 0, E_BUSY, or an error: no protected answer. */
int protect_counter(struct dlms_server *d, struct dlms_session *s, enum count key,
                    uint32_t *ic);
enum count reply_count(const struct dlms_session *s);
void protect_refuse(struct dlms_server *d, struct dlms_session *s, uint8_t service);
/* What is inside a layer that proved good. */
void protect_inner(struct dlms_server *d, struct dlms_session *s);
/* Protect n octets, at most SMALL_MAX, as the answer to the request: octets of dst, 0 when it
 * goes plain, or an error as above. */
enum { SMALL_MAX = 32, SMALL_SEALED = SMALL_MAX + 40 };
int protect_small(struct dlms_server *d, struct dlms_session *s, uint8_t dst[SMALL_SEALED],
                  const uint8_t *plain, size_t n);
void protect_unwrapped(struct dlms_server *d, struct dlms_session *s);
/* What a sealed answer of n octets begins with; and the key it goes under. */
struct cipher_box reply_box(const struct dlms_session *s, uint8_t plain);
uint8_t reply_sc(const struct dlms_session *s);
void reply_key(const struct dlms_session *s, struct cipher_key *k);
bool reply_sealed(const struct dlms_session *s);
size_t reply_head(const struct dlms_session *s); /* octets before the plain answer */
size_t reply_tail(const struct dlms_session *s);
size_t reply_room(const struct dlms_session *s); /* for the plain answer */
/* The same for an answer to a request of this context that has all protection but signature and
 * key agreement, under general-glo: what of an answer the client can take for certain. */
size_t protect_room(const struct dlms_server *d, struct dlms_session *s);

/* -- agree.c: signatures, wrapped and agreed keys -- */
/* General-signing: false when it cannot be looked at. */
bool agree_signed(struct dlms_server *d, struct dlms_session *s, const struct cipher_box *b);
void agree_verify(struct dlms_server *d, struct dlms_session *s); /* slices of VERIFY */
/* General-ciphering: the key it tells of. False: none. */
bool agree_key(struct dlms_server *d, struct dlms_session *s, const struct cipher_box *b);
void agree_slice(struct dlms_server *d, struct dlms_session *s); /* slices of AGREE */
/* The answer's own key, in CLAIM. 0, E_BUSY, or an error. */
int agree_reply(struct dlms_server *d, struct dlms_session *s);
void agree_sign(struct dlms_server *d, struct dlms_session *s); /* slices of SIGN */
enum { AGREE_HEAD_MAX = 1 + 16 + 9 + 9 + 1 + 1 };
/* The five fields of the answer. */
size_t agree_head(const struct dlms_session *s, uint8_t dst[AGREE_HEAD_MAX]);
/* The transaction-id of the request is taken: never again one up to it. */
void agree_taken(struct dlms_server *d, const struct dlms_session *s);

/* -- assoc.c -- */
enum run assoc_open(struct dlms_server *d, struct dlms_session *s);
enum run assoc_release(struct dlms_server *d, struct dlms_session *s);
enum run assoc_answer(struct dlms_server *d, struct dlms_session *s); /* moves of ACCEPT */
enum run assoc_reply(struct dlms_server *d, struct dlms_session *s);  /* HLS pass 3 */
void assoc_end(struct dlms_server *d, struct dlms_session *s);
/* The client that s is of, 255: unknown. What is pre-established is open at once. */
void assoc_is(struct dlms_server *d, struct dlms_session *s, uint8_t assoc);
void serve_note(struct dlms_server *d, const struct dlms_session *s, enum dlms_note n);
/* The same of an attempt that failed: it counts. */
void serve_failed(struct dlms_server *d, const struct dlms_session *s, enum dlms_note n);

/* -- service.c -- */
enum run service_run(struct dlms_server *d, struct dlms_session *s);
/* exception-response: not allowed in this state; and what nobody knows */
enum run answer_exception(struct dlms_session *s, uint8_t service);
enum run answer_unknown(struct dlms_session *s);
/* The same, and what was under way is over. */
enum run refuse(struct dlms_server *d, struct dlms_session *s, uint8_t service);
enum run answer_counter(struct dlms_session *s, uint32_t floor);
/* A short plain answer. */
enum run answer_bytes(struct dlms_session *s, const uint8_t *p, size_t n);
struct axdr_out answer_out(struct dlms_session *s);
enum run answer_done(struct dlms_session *s, const struct axdr_out *o);
/* class, logical name, id: at is filled; the object's result, DAR_OK when it is there. */
enum dar read_object(struct dlms_server *d, struct dlms_session *s, struct axdr_in *in,
                     struct cosem_at *at);
/* Of an ACCESS item: has it a selection? *kind becomes the same without. */
bool access_is_selected(unsigned *kind);
/* selector, parameters; and with their presence before them */
void read_selector(struct axdr_in *in, struct cosem_sel *sel);
void read_selection(struct axdr_in *in, struct cosem_sel *sel);
/* n descriptors, with selections or without: taken off in, and returned as an input. */
struct axdr_in read_descriptors(struct axdr_in *in, uint32_t n, bool selections);
/* Read well, and nothing behind? 0, or the SERVICE_* with which it is refused. */
int fault_of(const struct axdr_in *in);
/* n whole values and nothing else? The same, or E_TYPE: no A-XDR. */
int check_values(struct axdr_in in, uint32_t n);
/* The descriptors of a request, of a list with their count, into t->req: taken off in. */
void read_items(struct dlms_transfer *t, struct axdr_in *in, bool list, bool selections);
/* The n values that go with them into t->data, as check_values(). */
int read_values(struct dlms_transfer *t, struct axdr_in in, uint32_t n);
void transfer_drop(struct dlms_server *d, struct dlms_session *s);
/* How a service takes requests: of several kinds, some with lists, some in blocks. */
struct form {
    uint8_t service, answer;      /* tags */
    uint8_t kinds, lists, blocks; /* bit n: kind n */
    uint8_t agreed;               /* bit of the conformance list that blocks need */
    uint8_t last, ack;            /* kinds of the answer: at the end of blocks, and before it */
    uint8_t none, turn;           /* enum dar: no block is awaited, or another */
    bool selections;              /* descriptors have them */
    bool numbered;                /* the answer at the end of blocks tells the number */
};
struct request {
    uint8_t kind, inv;
    bool list, blocks;
    struct axdr_in in; /* what follows */
};
/* Look at a request. False: cut short, of no kind that is known, or not agreed. */
bool request_read(const struct dlms_session *s, const struct form *f, struct request *q);
/* A new request: what was under way is over, and the request stands at rx[0]. */
struct dlms_transfer *transfer_begin(struct dlms_server *d, struct dlms_session *s,
                                     uint8_t service, struct request *q);
/* Rights and types of what `at` and sel describe, before its value is taken. */
enum dar item_write(struct dlms_server *d, struct dlms_session *s, const struct cosem_at *at,
                    const struct cosem_sel *sel, uint8_t *hold, uint16_t size);
/* The next item of any service: what it reads is begun, what it writes or calls is carried out
 * and durable. Its result, or DAR_PENDING: ask again; until then it stays in t->req, t->data. */
enum dar item_run(struct dlms_server *d, struct dlms_session *s, struct cosem_at *at);
/* Where values that come in pieces wait; and put more of them there. False: no room. */
uint8_t *hold_of(struct dlms_session *s, uint16_t *size);
bool hold_put(struct dlms_session *s, const uint8_t *p, size_t n);

/* The head of the first block, descriptors in t->req, all of them in t->first; or of the next
 * one. RUN_AGAIN: t->data is its raw data, t->last tells whether it is the last. */
enum run blocks_first(struct dlms_server *d, struct dlms_session *s, const struct form *f,
                      struct request *q);
enum run blocks_next(struct dlms_server *d, struct dlms_session *s, const struct form *f,
                     struct request *q);
enum run blocks_ack(struct dlms_session *s, const struct form *f);
/* The request is over, with that. */
enum run blocks_over(struct dlms_server *d, struct dlms_session *s, const struct form *f,
                     uint32_t number, enum dar dar);
/* How the last write fared: DAR_OK, DAR_HW, DAR_PENDING. */
enum dar settled(struct dlms_server *d);
static inline bool has(const struct dlms_session *s, uint32_t conformance)
{
    return s->conformance & conformance;
}

/* -- get.c, set.c, action.c, access.c -- */
enum run get_run(struct dlms_server *d, struct dlms_session *s);
enum run set_run(struct dlms_server *d, struct dlms_session *s);
enum run action_run(struct dlms_server *d, struct dlms_session *s);
enum run access_run(struct dlms_server *d, struct dlms_session *s);
/* Carry out the next item of an ACCESS, unless it is to be asked again. */
void access_item(struct dlms_server *d, struct dlms_session *s);
/* What it reads came to an end: null-data, and t->dar as its result. */
void access_failed(struct dlms_session *s);

/* -- gbt.c: general block transfer -- */
void gbt_take(struct dlms_server *d, struct dlms_session *s);
/* A stored answer goes in blocks. */
void gbt_begin(struct dlms_session *s);
/* One stream at a time is sealed, and only in simple containers. */
bool gbt_may_stream(const struct dlms_server *d, const struct dlms_session *s);
/* The answer of s->transfer does not fit into tx: make it block by block. */
enum run gbt_stream(struct dlms_server *d, struct dlms_session *s);
void gbt_slice(struct dlms_server *d, struct dlms_session *s);
bool gbt_more(const struct dlms_session *s); /* blocks of this window are left */
void gbt_drop(struct dlms_server *d, struct dlms_session *s);

/* -- notify.c -- */
enum run notice_confirmed(struct dlms_server *d, struct dlms_session *s);
void notice_ended(struct dlms_session *s, bool sent); /* when it was one */

/* -- answer.c: answers that may take several blocks -- */
void lit_put(struct dlms_transfer *t, uint8_t v);
void lit_length(struct dlms_transfer *t, uint32_t n);
void lit_long(struct dlms_transfer *t, uint32_t v); /* four octets */
/* The present date-time with its length, or that there is none. */
void lit_date(struct dlms_server *d, struct dlms_transfer *t, bool given);
/* The next block of s->transfer, or all of it. */
enum run answer_block(struct dlms_server *d, struct dlms_session *s);
/* Fill the window with what comes next of the answer's data. */
enum fill { FILL_DONE, FILL_MORE, FILL_AGAIN, FILL_FAIL };
enum fill answer_fill(struct dlms_server *d, struct dlms_session *s, struct axdr_out *o);
/* Head of an answer that comes whole; its length. */
enum { BLOCK_HEAD = 12 };
size_t answer_head(const struct dlms_transfer *t, uint8_t b[BLOCK_HEAD]);
/* What goes on over several requests reads the registers as they stood at the first. */
void answer_freeze(struct dlms_server *d, struct dlms_session *s);
/* Begin the whole answer again from its first octet. */
void answer_rewind(struct dlms_session *s);

#endif
