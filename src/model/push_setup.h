/* push_setup.h - what a push is told (class 40 version 2): where to, when, how often, how
 * guarded; and which objects it carries.
 *
 * Attributes 3 to 12 are one parameter, A-XDR values in a row as they were written; attribute 2
 * is another. They are judged when they come and looked at again when a push is made: what lies
 * on flash may be of another version, and is then as good as never written.
 *
 * Transport  TCP and UDP ("10.0.0.1:4059", "[2001:db8::1]:4059"), HDLC on the port that
 *            attribute 8 names. Message: 0 an A-XDR data-notification; 128 (ours) an
 *            event-notification of the first entry of the list.
 * Guard      attribute 10 is empty (the policy of the push association); or an element of type
 *            0 to 2, which sends general-ciphering under the unicast key; or one of type 3, or
 *            that after the other with the same names: general-signing around it all, under the
 *            meter's signature key. Not of the last gasp: a signature takes longer than that; nor
 *            of more than one APDU as the client takes it (event 457).
 * Power cut  old or new, as param.h says.
 * Context    meter loop only.
 */
#ifndef MODEL_PUSH_SETUP_H
#define MODEL_PUSH_SETUP_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dlms/cosem.h"

struct device;

enum {
    PUSH_SETUP = 512, /* octets of attributes 3 to 12 */
    PUSH_LIST = 768,  /* of attribute 2 */
    PUSH_HOST = 64,
    PUSH_ENTRIES = 32,
    PUSH_WINDOWS = 8
};
enum push_transport { PUSH_TCP = 0, PUSH_UDP = 1, PUSH_HDLC = 5 };
enum push_message { PUSH_DATA = 0, PUSH_EVENT = 128 };
enum push_operation { PUSH_UNCONFIRMED, PUSH_CARRIED, PUSH_CONFIRMED };
enum push_bound { PUSH_ALL, PUSH_BY_DATE, PUSH_BY_ENTRY };

struct push_setup {
    uint8_t transport, message, operation, retries;
    uint8_t host_n, host[PUSH_HOST];
    uint16_t spread_s;                       /* of the first try */
    uint16_t delay_s, delay_max_s, exponent; /* of the others; exponent in 0.01 */
    uint8_t link;                            /* enum link_id, of attribute 8 */
    uint8_t client_sap;
    uint8_t role;  /* what may be read for this client */
    bool plain;    /* its association knows no ciphering */
    uint8_t guard; /* PROT_*_RES beyond the policy */
    bool general;
    uint8_t tid_n, tid[16], recipient[8];
    uint8_t confirm_from[12];
    uint32_t confirm_every_s;
    struct axdr_in windows; /* a view of what was parsed */
};

/* An entry of the list. */
struct push_entry {
    struct cosem_capture what;
    uint8_t bound; /* enum push_bound */
    uint8_t from[12], to[12];
    uint32_t first, last;
    uint32_t n_columns;
    struct axdr_in columns; /* a view */
};

/* Where a host and port are. */
struct push_peer {
    bool v6;
    bool at_once;   /* the supply is gone: within the call, or not at all */
    uint8_t ip[16]; /* network order; IPv4 in the first four */
    uint16_t port;
};

/* "1.2.3.4:5", "[::1]:5". 0, or E_RANGE. */
int push_read_peer(struct push_peer *to, const uint8_t *text, size_t n);

/* All of attributes 3 to 12. 0; E_TYPE another structure; E_RANGE a value not taken. */
int push_read_setup(struct push_setup *s, const uint8_t *p, size_t n);

/* One entry off `in`. 0, E_TYPE, E_RANGE (no such object, a restriction where there are no
 * rows). */
int push_read_entry(struct push_entry *e, struct axdr_in *in);

/* The octets of attributes 3 to 12 of push n into dst: as written, or as delivered. Their
 * number. */
size_t push_setup_octets(struct device *d, unsigned n, uint8_t dst[PUSH_SETUP]);

/* Of an entry of such a list, its first five fields: the object, no restriction. */
void push_emit_object(struct axdr_out *o, const struct cosem_capture *c);
/* Its first four fields: the object; in->bad where it is none. */
void push_read_object(struct axdr_in *in, struct cosem_capture *c);

/* The whole attribute 2 of push n, likewise. */
size_t push_list_octets(struct device *d, unsigned n, uint8_t dst[PUSH_LIST]);

/* Seconds until the windows open; 0 they are open, or the clock is not to be believed. At most
 * 3600: ask again then. */
uint32_t push_closed_s(struct device *d, const struct push_setup *s);

/* Seconds before try number `tries` + 1. */
uint32_t push_delay_s(const struct push_setup *s, unsigned tries);

#endif
