/* protect.h - the client's keys, and what is done with them: APDUs sealed and opened in every
 * container of the standard.
 *
 * The same ring serves a session, which also judges counters and policy, and `magno decode`,
 * which only wants to see what is inside. Containers may lie in each other (a signature around
 * a ciphered APDU).
 *
 * Context  host programs. Rings hold secrets: protect_wipe() them.
 */
#ifndef TOOLS_CLIENT_PROTECT_H
#define TOOLS_CLIENT_PROTECT_H
#include "dlms/cipher.h"
#include "tools/client/buf.h"
#include "tools/common/trouble.h"

enum { PROTECT_LAYERS = 4 };

struct keyring {
    bool has_global, has_dedicated, has_broadcast, has_master;
    bool has_client_title, has_server_title;
    bool has_sign, has_agree, has_peer_sign, has_peer_agree;
    struct cipher_key global, dedicated, broadcast; /* ak is the same in all */
    uint8_t master[16];
    uint8_t client_title[8], server_title[8];
    uint8_t sign[32], agree[32];           /* the client's private keys */
    uint8_t peer_sign[64], peer_agree[64]; /* the meter's public keys */
    bool has_agreed; /* key of the last key-info, for answers without one */
    struct cipher_key agreed;
};

/* How an APDU leaves. */
enum guard {
    GUARD_NONE,
    GUARD_GLO,         /* C8..CF, 21; general-glo for what has no tag of its own */
    GUARD_DED,         /* D0..D7; general-ded */
    GUARD_GENERAL_GLO, /* DB */
    GUARD_GENERAL_DED, /* DC */
    GUARD_IDENTIFIED,  /* DD with the global key */
    GUARD_WRAPPED,     /* DD with a fresh key under the master key */
    GUARD_ONE_PASS,    /* DD, C(1e,1s) */
    GUARD_STATIC,      /* DD, C(0e,2s) */
    GUARD_KINDS
};

struct seal {
    enum guard guard;
    bool sign;  /* general-signing around it */
    uint8_t sc; /* security control: suite and the bits of protection */
    uint32_t ic;
    uint64_t transaction; /* of DD and DF; must grow */
};

/* Append the protected form of n plain octets to out, sent by the client. E_STATE: a key that
 * it needs is not in the ring, said in t. */
int protect_seal(struct keyring *k, const struct seal *how, const uint8_t *plain, size_t n,
                 struct buf *out, struct trouble *t);

/* At most so many octets more than the plain APDU. */
size_t protect_overhead(const struct seal *how);

/* What was found around an APDU, the outermost first. */
struct layer {
    uint8_t tag; /* of the container */
    uint8_t sc;  /* 0 in general-signing */
    uint32_t ic;
    bool from_server;
    enum protect_key {
        KEY_GLOBAL,
        KEY_DEDICATED,
        KEY_BROADCAST,
        KEY_AGREED,
        KEY_SIGNATURE
    } key;
    bool verified; /* general-signing: false when the signer's public key is not at hand */
};
struct layers {
    unsigned n;
    struct layer layer[PROTECT_LAYERS];
};

/* Take all protection off n octets; what is inside goes to plain (a copy when there was none).
 * E_FORMAT  a container is broken
 * E_NONE    a key is not in the ring, said in t
 * E_AUTH    a tag or signature is wrong */
int protect_open(struct keyring *k, const uint8_t *apdu, size_t n, struct buf *plain,
                 struct layers *found, struct trouble *t);

void protect_wipe(struct keyring *k);

/* n octets from the operating system. */
void protect_random(void *dst, size_t n);

/* The point of a private key; E_RANGE: no such key. */
int protect_public(uint8_t point[64], const uint8_t key[32]);

/* ECDSA of n octets by key; and is sig one? */
int protect_sign(uint8_t sig[64], const uint8_t key[32], const void *p, size_t n);
bool protect_verify(const uint8_t sig[64], const uint8_t point[64], const void *p, size_t n);

#endif
