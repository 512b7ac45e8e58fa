/* host.h - what a DLMS server asks of the device it lives in. Owned here, implemented in model.
 *
 * The server keeps nothing that must outlive a power cut: counters, keys, certificates and
 * lock-outs belong to the meter's memory, and the registers belong to the meter. One const
 * table serves all meters; `app` is the device.
 *
 * Power cut  a counter that counter_take() gave never comes again; one that counter_raise()
 *            was told is never taken again once the effect of its APDU stands on flash, or
 *            the session it opened was noted.
 * Cost       called once or twice an APDU; none of them may wait. What cannot be done at once
 *            answers E_BUSY and is asked again in a later step.
 * Context    meter loop only.
 */
#ifndef DLMS_HOST_H
#define DLMS_HOST_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/who.h"

/* What happened; the device maps notes to event codes and logs. who->sap is the client's, also
 * where no association came about (assoc 255 when the client is unknown). */
enum dlms_note {
    NOTE_OPENED,         /* association open, HLS finished */
    NOTE_CLOSED,         /* released, or its link ended, or inactivity */
    NOTE_AUTH_FAILED,    /* wrong password or HLS answer */
    NOTE_DECRYPT_FAILED, /* tag or signature wrong, key unknown, wrong suite */
    NOTE_REPLAY,         /* a counter that was used before */
    NOTE_POLICY,         /* less protection than the policy asks */
    NOTE_LOCKED,         /* an attempt on a locked port */
    NOTE_BROKEN,         /* an APDU that is no ACSE, or no A-XDR, at all */
    NOTE_COUNTER_END,    /* the sending counter of a key is used up */
    NOTE_FLOOD           /* eight protection failures running: association ended */
};

enum dlms_key {
    DLMS_KEY_UNICAST,   /* global unicast encryption key */
    DLMS_KEY_BROADCAST, /* global broadcast encryption key */
    DLMS_KEY_AUTH,      /* global authentication key */
    DLMS_KEY_MASTER,    /* key encryption key */
    DLMS_KEY_SECRET     /* LLS password; secret of HLS 3, 4 and 6 */
};
enum { DLMS_SECRET_MAX = 64, DLMS_TITLE = 8, DLMS_DIGEST_MAX = 48, DLMS_EC_OUT = 160 };

/* One client of the product: the row number is its bit in every rights mask. Const. */
struct dlms_assoc {
    uint16_t client_sap;
    uint8_t mechanisms;   /* bit m: authentication mechanism m can be used */
    uint8_t flags;        /* enum dlms_assoc_flag */
    uint32_t conformance; /* own bits, bit 0 of the standard's list highest: XDLMS_C_* */
    uint16_t max_pdu;     /* pre-established: what the client takes, on a sealed link also what
                             it sends; else unused */
};
enum dlms_assoc_flag {
    ASSOC_PLAIN = 1,           /* context LN without ciphering may be asked for */
    ASSOC_CIPHERED = 2,        /* context LN with ciphering */
    ASSOC_PRE_ESTABLISHED = 4, /* open from start; AARQ and RLRQ are dropped */
    ASSOC_BROADCAST = 8,       /* broadcast key, executed, never answered */
    ASSOC_PUSH = 16            /* the meter sends; requests are dropped */
};

/* The security setup of an association as it stands. */
struct dlms_security {
    uint8_t policy; /* enum cosem_prot bits; 0 for plain clients */
    uint8_t suite;  /* 0, 1, 2 */
    bool titled;    /* the client's title is fixed: other ones are refused */
    uint8_t client_title[DLMS_TITLE];
    uint8_t server_title[DLMS_TITLE];
};

/* Live settings of a port, from classes 19, 23, 41. Read when the link comes to rest and at
 * each SNRM. */
struct dlms_port {
    /* HDLC */
    uint16_t lower;               /* lower address of this meter in four-octet addressing */
    uint8_t lower_short;          /* in two-octet addressing */
    uint8_t window_tx, window_rx; /* 1..7 */
    uint16_t info_tx, info_rx;    /* 32..2030 */
    uint16_t inter_octet_ms;      /* 20..6000 */
    uint16_t inactivity_s;        /* 0: never */
    uint32_t baud;                /* of direct HDLC */
    uint16_t idle_s;              /* wrapper on TCP; 0: never */
    /* IEC 62056-21 */
    bool direct;         /* default_mode 1: HDLC at once at `baud` */
    bool fast_reaction;  /* response_time 0: 20 ms, else 200 ms */
    bool echo;           /* the head hears itself: drop what equals the last octets sent */
    uint8_t prop_baud;   /* 0..9, baud character of the proposal */
    uint8_t address_len; /* device address, up to 32 characters */
    uint8_t address[32];
    char maker[4];  /* three letters and NUL */
    char ident[17]; /* at most 16 characters and NUL */
};

/* Elliptic-curve work of a security setup. Private keys and certificates stay with the host,
 * which runs crypto/job.h. */
enum dlms_ec {
    DLMS_EC_SIGN,     /* in: digest. out: r || s by the meter's signature key */
    DLMS_EC_VERIFY,   /* in: digest || r || s. by the client's signature certificate */
    DLMS_EC_AGREE_1E, /* in: Q of the sender. out: Z with the meter's static agreement key */
    DLMS_EC_AGREE_2S, /* in: nothing. out: Z, static keys of both */
    DLMS_EC_SEND_1E   /* in: nothing. out: Q of a new pair, its signature by the meter's
                         signature key (r || s over SHA-256(Q)), Z with the client's static
                         agreement key */
};

struct dlms_host {
    /* -- registers and storage -- */

    /* Freeze every register for this session (0 .. sessions of the pool - 1); what is
     * returned lives until the next freeze of that session. May return NULL: read live. */
    const void *(*freeze)(void *app, uint16_t session);

    /* How the last write fared: 0 it is durable (or there was none), E_BUSY not yet,
     * E_IO memory refused it. Asked before a SET or ACTION is answered. */
    int (*settled)(void *app);

    /* -- time and chance -- */

    /* The meter's date-time as COSEM writes it (local time, deviation, status). */
    void (*now)(void *app, uint8_t dt[12]);
    void (*random)(void *app, uint8_t *dst, size_t n);

    /* -- security -- */

    void (*security_get)(void *app, uint8_t assoc, struct dlms_security *s);

    /* May this client use this mechanism on this link now (class 122, jumper, cover)? */
    bool (*may_open)(void *app, const struct who *who, uint8_t mechanism);

    /* A key or secret of this association into dst; its length, or E_NONE. */
    int (*key_get)(void *app, uint8_t assoc, enum dlms_key k, uint8_t dst[DLMS_SECRET_MAX]);

    /* The next sending counter of this key and the meter's title: each value once for ever,
     * durably claimed before it comes back. 0; E_BUSY: a reservation is on its way to flash;
     * E_RANGE: FFFFFFFF is reached. k UNICAST or BROADCAST. */
    int (*counter_take)(void *app, uint8_t assoc, enum dlms_key k, uint32_t *ic);

    /* Lowest value taken next from this client under this key; and raise it to `floor`, after
     * the tag was found good. What a lasting effect rides on carries it to flash. */
    uint32_t (*counter_floor)(void *app, uint8_t assoc, enum dlms_key k);
    void (*counter_raise)(void *app, uint8_t assoc, enum dlms_key k, uint32_t floor);

    /* Last transaction-id (as a number) of this client's C(0e,2s) and signed plain requests;
     * must grow. Raised after verification. */
    uint64_t (*transaction_floor)(void *app, uint8_t assoc);
    void (*transaction_raise)(void *app, uint8_t assoc, uint64_t floor);

    /* Start elliptic-curve work for this session: 0, E_BUSY the slot is taken (ask again),
     * E_NONE no such key or certificate. in and n as the kind tells; copied. */
    int (*ec_start)(void *app, uint16_t session, const struct who *who, enum dlms_ec kind,
                    const uint8_t *in, size_t n);
    /* Its result: octets of out (0 for VERIFY), E_BUSY, E_AUTH a signature that does not hold,
     * E_RANGE a point that is not on the curve. The device steps the server when it is done. */
    int (*ec_take)(void *app, uint16_t session, uint8_t out[DLMS_EC_OUT]);
    void (*ec_drop)(void *app, uint16_t session); /* the session ended */

    /* -- ports -- */

    /* Is this client locked out on this link (class 124)? And tell it of a good or a failed
     * attempt; the meter keeps the count over power cuts. */
    bool (*lock_get)(void *app, const struct who *who);
    void (*lock_set)(void *app, const struct who *who, bool failed);

    void (*port_get)(void *app, uint8_t link, struct dlms_port *p);

    /* Line i (from 0) of the mode C readout without CR LF into dst; its length, E_NONE behind
     * the last. */
    int (*readout)(void *app, unsigned line, uint8_t *dst, size_t cap);

    void (*note)(void *app, const struct who *who, enum dlms_note n);
};
#endif
