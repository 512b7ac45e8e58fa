/* cipher.h - protection of APDUs and of challenges: security control, containers, HLS answers.
 *
 * Both ways for both sides, with explicit key, title and counter: whose counter it is, and
 * that none is used twice, is the caller's business.
 *
 *   content  = security control || counter (4) || text || tag (12), the tag only with bit 4
 *   glo, ded = tag || length || content
 *   DB, DC   = tag || title || length || content
 *   DD       = tag || header || key-info || length || content
 *   DF       = tag || header || length || APDU || length || signature
 *   header   = transaction-id, originator, recipient, date-time, other: octet strings
 *
 * Nonce = title of the sender || counter. AAD = SC || AK || header (DD only) || text (when only
 * authenticated). Source: Green Book 9.2.7, IEC 62056-5-3.
 *
 * Cost     crypto/gcm.h. The server goes in slices with cipher_begin, cipher_more, cipher_end.
 * Memory   struct cipher holds a gcm; the _end functions wipe it.
 * Context  any.
 */
#ifndef DLMS_CIPHER_H
#define DLMS_CIPHER_H
#include "crypto/gcm.h"
#include "dlms/axdr.h"

enum {
    SC_SUITE = 0x0F,
    SC_AUTH = 0x10,
    SC_CRYPT = 0x20,
    SC_BROADCAST = 0x40,
    SC_COMPRESSED = 0x80
};
enum { CIPHER_HEAD = 5, CIPHER_TAG = 12, CIPHER_TITLE = 8 };

struct cipher_key {
    uint8_t len;    /* of both: 16, or 32 in suite 2 */
    uint8_t ek[32]; /* secret */
    uint8_t ak[32]; /* secret */
};

/* Octets that content has more than the text under this security control: 5 or 17. */
size_t cipher_extra(uint8_t sc);

/* Protect n octets at text in place, which stand at content + 5; content gets the head before
 * and the tag behind. aad: header octets of general-ciphering, else NULL and 0. Returns the
 * length of content: n + cipher_extra(sc). */
size_t cipher_seal(uint8_t *content, size_t n, uint8_t sc, uint32_t ic,
                   const struct cipher_key *k, const uint8_t title[CIPHER_TITLE],
                   const uint8_t *aad, size_t aad_n);

/* Look at the head: 0 with *sc, *ic, and where the text stands; E_FORMAT when content is too
 * short for what its security control says. */
int cipher_look(const uint8_t *content, size_t n, uint8_t *sc, uint32_t *ic, size_t *text_n);

/* Open in place: text at content + 5. Its length, or E_AUTH with the text wiped, or E_FORMAT.
 */
int cipher_open(uint8_t *content, size_t n, const struct cipher_key *k,
                const uint8_t title[CIPHER_TITLE], const uint8_t *aad, size_t aad_n);

/* The same in slices. */
struct cipher {
    struct gcm g;
    uint8_t sc;
    bool opening;
};
void cipher_begin(struct cipher *c, bool opening, uint8_t sc, uint32_t ic,
                  const struct cipher_key *k, const uint8_t title[CIPHER_TITLE],
                  const uint8_t *aad, size_t aad_n);
void cipher_more(struct cipher *c, uint8_t *text, size_t n); /* in place */
void cipher_seal_end(struct cipher *c, uint8_t tag[CIPHER_TAG]);
int cipher_open_end(struct cipher *c, const uint8_t tag[CIPHER_TAG]); /* 0 or E_AUTH */

/* -- containers ------------------------------------------------------------------------- */

struct cipher_view {
    const uint8_t *p;
    size_t n;
};

enum cipher_keyinfo {
    KEYINFO_NONE,       /* absent: the last one given */
    KEYINFO_IDENTIFIED, /* key_id 0 unicast, 1 broadcast */
    KEYINFO_WRAPPED,    /* under the master key: `key` is the wrap */
    KEYINFO_AGREED      /* scheme 1 C(1e,1s): key = Q || S; 2 C(0e,2s): key empty */
};

struct cipher_box {
    uint8_t tag;     /* the container's: C8.., D0.., DB, DC, DD, DF; 21, 28, 2E, 41.. */
    uint8_t plain;   /* tag of the APDU inside glo and ded; 0 for the general ones */
    bool dedicated;  /* ded or DC */
    uint8_t keyinfo; /* DD: enum cipher_keyinfo */
    uint8_t key_id;  /* key id, kek id or scheme, as it came */
    struct cipher_view title; /* DB, DC: of the sender, may be empty */
    struct cipher_view head;  /* DD, DF: the five fields with their length octets */
    struct cipher_view transaction, originator, recipient, date_time, other;
    struct cipher_view key;
    struct cipher_view content;   /* DF: the APDU inside */
    struct cipher_view signature; /* DF */
};

/* Is this the tag of a protected APDU? */
bool cipher_is_box(uint8_t tag);

/* Tag of the glo (or ded) form of a plain APDU's tag; 0 where it has none. */
uint8_t cipher_tag_of(uint8_t plain, bool dedicated);

/* Read a whole container; views into it. 0 or E_FORMAT. */
int cipher_read_box(const uint8_t *p, size_t n, struct cipher_box *b);

/* Write what stands before content: all of b but content and signature, then the length for
 * n octets of content. */
void cipher_emit_box(struct axdr_out *o, const struct cipher_box *b, size_t n);

/* -- high level authentication ---------------------------------------------------------- */

enum { HLS5_ANSWER = 17, CHALLENGE_MIN = 8, CHALLENGE_MAX = 64 };

/* Mechanism 5: SC || IC || first 12 of GMAC(SC || AK || challenge). suite goes into SC. */
void hls5_answer(uint8_t answer[HLS5_ANSWER], uint8_t suite, uint32_t ic,
                 const struct cipher_key *k, const uint8_t title[CIPHER_TITLE],
                 const uint8_t *challenge, size_t n);

/* Is that the answer to our challenge? *ic is the counter it used, to be judged by the caller.
 */
bool hls5_check(const uint8_t answer[HLS5_ANSWER], uint8_t suite, const struct cipher_key *k,
                const uint8_t title[CIPHER_TITLE], const uint8_t *challenge, size_t n,
                uint32_t *ic);

/* What mechanisms 6 and 7 digest: side one is who answers, `theirs` the challenge it was sent,
 * `own` the challenge it sent itself.
 *     6  SHA-256(secret || one || other || theirs || own)
 *     7  ECDSA over SHA-256(one || other || theirs || own): give an empty secret */
void hls_digest(uint8_t digest[32], struct cipher_view secret, const uint8_t one[CIPHER_TITLE],
                const uint8_t other[CIPHER_TITLE], struct cipher_view theirs,
                struct cipher_view own);

#endif
