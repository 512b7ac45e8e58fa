/* session.h - the state of links and sessions; only the server reads it. See server.h.
 *
 * A session's rx buffer holds the request from the first octet of its container on; while an
 * answer in blocks still reads it (or what a method gave back, stored behind it), the first
 * `keep` octets stay and the next request comes in behind them. Its tx buffer holds the
 * answer: plain at first, sealed in place, container heads written before it. While a request
 * comes in blocks only the short acknowledgement stands there, and the upper part is where
 * incomplete values wait.
 *
 * Memory   struct dlms_session some 900 octets on 32 bits beside its two buffers.
 */
#ifndef DLMS_SESSION_H
#define DLMS_SESSION_H
#include "base/time.h"
#include "dlms/cipher.h"
#include "dlms/cosem.h"
#include "dlms/hdlc.h"
#include "dlms/link.h"

/* Sealed: frames of somebody else's, who opened and judged them: an APDU each way, the client
 * always dlms_cfg.sealed_sap. Closed by the server after 30 s of silence. */
enum dlms_link_kind { DLMS_HDLC, DLMS_OPTICAL, DLMS_UDP, DLMS_TCP, DLMS_SEALED };

enum {
    DLMS_RX_EXTRA = 192,   /* behind the longest request: the next one while it is kept */
    DLMS_STORE_EXTRA = 64, /* of these, for what a method gives back */
    DLMS_TX_EXTRA = 16,    /* behind the longest answer: heads of different lengths */
    DLMS_BUFFER_MIN = 512
};

enum dlms_state { DLMS_NONE, DLMS_PENDING, DLMS_OPEN };

enum dlms_phase {
    PHASE_IDLE,     /* waiting for octets */
    PHASE_JUDGE,    /* a whole APDU is in */
    PHASE_VERIFY,   /* its signature is being verified */
    PHASE_AGREE,    /* its key is being agreed */
    PHASE_DECIPHER, /* slices */
    PHASE_ACCEPT,   /* AARQ: its moves; AARE or RLRE, which wait for their counter */
    PHASE_CLAIM,    /* a counter for the answer, before anything is done */
    PHASE_RUN,
    PHASE_SEAL,  /* slices */
    PHASE_SIGN,  /* the answer's signature is being made */
    PHASE_COUNT, /* GBT: how long is it? slices */
    PHASE_BLOCK, /* GBT: the next block is made ready */
    PHASE_SEND   /* on its way out */
};

/* How the present request was protected: the answer goes in kind. */
struct dlms_prot {
    uint8_t tag;   /* of its container; 0: plain */
    uint8_t sc;    /* security control */
    uint8_t bits;  /* PROT_*_REQ it reached */
    uint8_t reply; /* what the answer gets, in the same positions */
    bool dedicated, broadcast, is_signed;
    uint8_t keyinfo, key_id;
    uint8_t count; /* enum count: whose counter judges it */
    uint8_t key_n; /* octets at the start of tx that tell the answer's key */
    uint8_t inner; /* glo, ded: tag that the plain text must have; 0: any */
    uint8_t tid_n;
    uint16_t text_at, text_n, aad_at, aad_n; /* in rx, while it is deciphered */
    uint16_t peer_at;                        /* in rx: the sender's point and its signature */
    uint32_t ic, floor;                      /* counter used; lowest allowed before it */
    uint8_t tid[16];                         /* transaction-id */
    uint8_t peer[16], own[16]; /* keys that came with it, until the tag proves good */
};

/* Keys of general-ciphering that were wrapped or agreed; RAM only. */
struct dlms_agreed {
    bool given;
    uint8_t peer[16], own[16]; /* the client's, for what comes; ours, for what goes */
    uint32_t rx, tx;
};

struct dlms_challenge {
    uint8_t ctos_n, stoc_n, step;
    uint8_t ctos[CHALLENGE_MAX], stoc[CHALLENGE_MAX];
};

enum { ACCESS_HEAD, ACCESS_ITEMS, ACCESS_RESULTS };

/* A request that is carried out item by item, and its answer: literal octets, then stored
 * ones, then an attribute. */
struct dlms_transfer {
    uint8_t service; /* tag of the request; 0: none */
    uint8_t inv;
    bool blocks;  /* the request comes in blocks */
    bool list;    /* it is one of a list */
    bool emits;   /* carried out: what is left is the answer */
    bool called;  /* the present item was, and waits for storage */
    bool opened;  /* the present item was begun, and waits */
    bool reading; /* get is under way */
    bool rows;    /* the answer ends with what a method's ret reads */
    bool failed;  /* ACCESS: an item was refused */
    uint8_t step; /* ACCESS: enum above */
    uint8_t lit_n, lit_at;
    bool last; /* of a request in blocks, the present one */
    uint16_t items, item;
    uint16_t filled;       /* octets of the present block */
    uint16_t end;          /* octets of rx that must stay while it runs */
    uint16_t hold_n;       /* octets of a list that comes in blocks */
    uint16_t store_size;   /* room at store */
    uint16_t stored, sent; /* octets there; of them already emitted */
    uint16_t mark;         /* ACCESS: octets of the answer before the present item */
    uint32_t block;        /* last number sent, or taken */
    uint8_t *store;        /* what waits to be emitted */
    enum dar dar;
    struct axdr_in req, data; /* what is still to be read of descriptors, and of values */
    struct axdr_in first;     /* all descriptors */
    uint32_t long_invoke;     /* ACCESS */
    uint8_t *results;         /* ACCESS: choice and result of each item */
    /* notices: what emits part `item` of `items` */
    enum dar (*part)(void *app, const void *ctx, uint16_t i, const void *frozen,
                     struct cosem_get *g, struct axdr_out *o);
    const void *part_ctx;
    const void *frozen; /* registers as they stood, or NULL */
    uint8_t lit[32];
    struct cosem_set set; /* what is written */
    union {
        struct cosem_get get; /* what is read */
        struct cosem_ret ret; /* of a method, before it is read */
    };
};

/* General block transfer, both directions. An answer that fits into tx is stored whole and cut;
 * a longer one is made block by block into a ring of slots in tx, where each block stays until
 * the client has it. */
struct dlms_gbt {
    bool in, out;      /* the client takes blocks; the answer goes in blocks */
    bool made_as_sent; /* the ring */
    bool unconfirmed;  /* a notice: nobody acknowledges */
    uint8_t window;    /* the client's */
    uint8_t own;       /* ours: as large as the client's first */
    uint8_t left;      /* blocks that may still go before it acknowledges */
    uint8_t recovered;
    uint8_t head;   /* ring: octets before the text */
    uint16_t got;   /* blocks received without gap */
    uint16_t held;  /* octets of the request assembled in rx */
    uint16_t base;  /* our blocks before the answer */
    uint16_t next;  /* number of our next block; those before it were sent */
    uint16_t top;   /* highest number sent, where next went back for a missing one */
    uint16_t acked; /* the client has all up to here */
    uint16_t end;   /* number of the last block, 0: not known yet */
    uint16_t size;  /* data octets in each but the last */
    uint16_t slots; /* ring: blocks it holds */
    uint16_t made;  /* ring: number of the newest block */
    uint16_t part;  /* ring: octets of the block being made */
    uint16_t tail;  /* octets of the last block */
    uint32_t text;  /* ring: octets of plain text */
    uint32_t at;    /* ring: octets of the APDU made so far */
    uint8_t tag[CIPHER_TAG];
};

struct dlms_hdlc {
    struct hdlc_addr server;  /* as the client writes it, its own lower address resolved */
    uint8_t state;            /* enum in hdlc_link.c */
    uint8_t vs, vr, na;       /* V(S), V(R), first unacknowledged */
    uint8_t window_tx, burst; /* agreed; frames that may still go for the present poll */
    uint16_t info_tx, info_rx;
    uint32_t base;  /* octet of the answer, LLC included, where frame na begins */
    bool segmented; /* in the middle of a request */
    bool polled;    /* the client waits for a frame with F */
    bool peer_busy; /* RNR: no I frames */
    bool answering; /* tx is an answer for this link to deliver */
    bool too_long;  /* the request outgrew the buffer */
    bool ui;        /* the request came as UI: so goes the answer */
    bool ui_final;  /* with F */
    uint8_t frmr[3];
    mono_t answer_by; /* RNR when the answer is not ready by then */
};

/* What is asked for most stands first, octets before words: a Cortex-M reaches that by short
 * instructions. What lies further is reached through a pointer, which makes it as near. */
struct dlms_session {
    struct who who;
    uint8_t phase, state;
    bool queued;
    bool ends;    /* the association ends with the answer */
    bool bare;    /* the answer goes out unprotected */
    bool quiet;   /* unconfirmed or to all stations: no answer whatever happens */
    bool rekey;   /* keys changed: load them anew for the next APDU */
    bool notice;  /* what goes out was not asked for */
    bool stalled; /* the last slice waited for somebody else */
    bool running; /* the APDU in hand is parsed and being carried out */
    bool claimed;
    bool has_quality, released, with_user, with_reason; /* what ACCEPT has to answer */
    uint8_t context, mechanism, suite, policy, user_id, fails;
    int8_t quality;
    uint8_t ded_len;
    uint8_t flags;             /* enum dlms_assoc_flag of its client; 0 when it is unknown */
    uint8_t pre_n;             /* octets of pre */
    uint16_t rx_size, tx_size; /* announced; longest stored answer */
    uint16_t keep;             /* octets of rx that stay */
    uint16_t rx_at, rx_n;      /* the APDU in hand, unwrapped layer by layer */
    uint16_t tx_at, tx_n;      /* the answer */
    uint16_t body_n;
    uint16_t tx_sent;  /* octets given to a stream link */
    uint16_t slice;    /* octets of the present message that are through GCM */
    uint16_t max_send; /* the client's size, 0: no limit */
    uint16_t index, server_sap;
    uint8_t *rx, *tx;
    const uint8_t *body; /* what goes out: pre, then body */
    struct dlms_link *link;
    struct dlms_challenge *challenge; /* while it is pending */
    struct dlms_transfer *transfer;   /* when it is open */
    struct dlms_prot *prot;
    struct dlms_gbt *gbt;
    struct dlms_hdlc *hdlc;
    uint32_t conformance;
    uint32_t ic;               /* of the answer */
    struct dlms_session *next; /* of the link; or free */
    struct dlms_session *work; /* in the server's queue */
    mono_t active;             /* last APDU */
    mono_t pending;            /* since when */

    uint8_t pre[10];             /* head of a block */
    uint8_t title[CIPHER_TITLE]; /* the client's */
    uint8_t own[CIPHER_TITLE];   /* the meter's */
    struct cipher_key key; /* global unicast (to all: broadcast), authentication; len 0: not
                              loaded */
    uint8_t ded[32];
    uint32_t ded_rx, ded_tx;
    struct dlms_agreed agreed;
    struct {
        union {
            struct dlms_challenge challenge;
            struct dlms_transfer transfer;
        };
        struct dlms_prot prot;
        struct dlms_gbt gbt;
        struct dlms_hdlc hdlc;
    } far;
};

struct dlms_pool {
    struct dlms_session *session, *free;
    uint16_t n, rx, tx;
};

/* Reception of one HDLC frame, octet by octet. */
struct dlms_frame {
    uint8_t state;
    uint8_t head_n, again_n, tail_n;
    uint8_t whom;      /* how it is addressed */
    bool first;        /* LLC comes first */
    uint16_t info, at; /* octets of information; so far */
    uint16_t crc;
    struct dlms_session *s; /* in whose rx the information goes; NULL: nowhere */
    struct hdlc_frame f;
    mono_t last;                      /* octet */
    uint8_t head[HDLC_HEAD_MAX];      /* from format to HCS, or to FCS */
    uint8_t again[HDLC_HEAD_MAX + 8]; /* to be looked at once more */
    uint8_t tail[2];
    uint8_t small[40]; /* LLC, or the parameters of SNRM */
};

struct dlms_stream {
    uint8_t head[8], head_n;
    uint32_t skip; /* octets to swallow */
    uint16_t left; /* octets to come for s */
    struct dlms_session *s;
    mono_t since;    /* when the APDU under way began */
    bool refuse;     /* what is swallowed is for a session that there is no room for */
    uint16_t client; /* who sent it */
};

/* IEC 62056-21 before HDLC. */
struct dlms_sign_on {
    uint8_t state;
    uint8_t n; /* octets of text */
    uint8_t baud, tries, bcc;
    uint8_t broken;   /* octets of a break message */
    uint16_t line;    /* of the readout */
    mono_t due;       /* when it acts, or gives up waiting */
    uint8_t text[40]; /* what has come of a request or an acknowledgement */
};

struct dlms_link {
    struct dlms_link *next;
    struct dlms_session *first;
    struct link_io io;
    struct dlms_frame *frame;
    struct dlms_sign_on *sign;
    uint8_t kind, channel;
    uint32_t baud;   /* serial: present speed */
    uint16_t echo;   /* serial: octets sent since the last that came */
    bool hang_up;    /* to be closed by the next step */
    uint8_t fate;    /* of the last notice: enum dlms_sent */
    bool guarded;    /* it was, and so must be its confirmation */
    uint32_t invoke; /* its long-invoke-id */
    mono_t active;   /* last octet */
    union {
        struct dlms_stream stream;
        struct {
            struct dlms_frame frame;
            struct dlms_sign_on sign;
        } far;
    };
};

#endif
