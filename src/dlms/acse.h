/* acse.h - association APDUs: AARQ, AARE, RLRQ, RLRE in BER (IEC 62056-5-3, ISO 8650).
 *
 * Both ways for both sides. Reading looks at every octet, takes fields it does not use without
 * judging them, and leaves views into the caller's octets. What a value means for an
 * association is the server's business (server.h) or the client's.
 *
 * Cost     some 500 instructions.
 * Memory   the structs below; views are borrowed.
 * Context  any.
 */
#ifndef DLMS_ACSE_H
#define DLMS_ACSE_H
#include "dlms/axdr.h"

enum acse_tag { ACSE_AARQ = 0x60, ACSE_AARE = 0x61, ACSE_RLRQ = 0x62, ACSE_RLRE = 0x63 };

/* application contexts 2.16.756.5.8.1.x and mechanisms 2.16.756.5.8.2.x */
enum { CONTEXT_LN = 1, CONTEXT_SN = 2, CONTEXT_LN_CIPHERED = 3, CONTEXT_SN_CIPHERED = 4 };
enum {
    MECH_NONE = 0,
    MECH_LLS = 1,
    MECH_MANUFACTURER = 2,
    MECH_MD5 = 3,
    MECH_SHA1 = 4,
    MECH_GMAC = 5,
    MECH_SHA256 = 6,
    MECH_ECDSA = 7,
    MECHS = 8
};

/* AARE: result, and the diagnostics of the service user */
enum { ACSE_ACCEPTED = 0, ACSE_REJECTED = 1, ACSE_REJECTED_TRANSIENT = 2 };
enum {
    ACSE_D_NULL = 0,
    ACSE_D_NO_REASON = 1,
    ACSE_D_CONTEXT = 2,
    ACSE_D_CALLING_TITLE = 3,
    ACSE_D_MECHANISM_UNKNOWN = 11,
    ACSE_D_MECHANISM_REQUIRED = 12,
    ACSE_D_AUTH_FAILED = 13,
    ACSE_D_AUTH_REQUIRED = 14
};
enum { ACSE_P_NO_COMMON_VERSION = 2 }; /* of the service provider */

struct acse_view {
    const uint8_t *p; /* NULL: the field is absent */
    size_t n;
};

struct acse_aarq {
    bool version_ok;          /* protocol-version absent, or its first bit is set */
    bool has_context;         /* one of the family; else context is 0 */
    uint8_t context;          /* CONTEXT_* or another number of the family */
    bool has_mechanism;       /* one of the family */
    bool bad_mechanism;       /* a name was given that is none of the family */
    uint8_t mechanism;        /* MECH_* */
    bool authentication;      /* requirements bit set */
    struct acse_view title;   /* calling AP title */
    struct acse_view auth;    /* calling authentication value */
    struct acse_view user_id; /* calling AE invocation id: contents of the INTEGER */
    struct acse_view user;    /* user information: the xDLMS APDU */
};

struct acse_aare {
    bool has_context;
    uint8_t context, result;
    bool provider; /* the diagnostic is the service provider's */
    uint8_t diagnostic;
    bool has_mechanism;
    uint8_t mechanism;
    struct acse_view title, auth, user;
};

struct acse_release { /* RLRQ and RLRE */
    bool has_reason;
    uint8_t reason; /* 0 normal, 1 urgent, 30 user defined */
    struct acse_view user;
};

/* 0, or E_FORMAT when the octets are no such APDU: lengths that do not add up, a known field of
 * another shape. What is absent stays zero; which absence matters is not judged here. p and n
 * with the tag. */
int acse_read_aarq(const uint8_t *p, size_t n, struct acse_aarq *a);
int acse_read_aare(const uint8_t *p, size_t n, struct acse_aare *a);
int acse_read_release(const uint8_t *p, size_t n, uint8_t tag, struct acse_release *r);

/* Octets written to dst, or E_SPACE. A view with p NULL leaves its field out. */
int acse_write_aarq(uint8_t *dst, size_t cap, const struct acse_aarq *a);
int acse_write_aare(uint8_t *dst, size_t cap, const struct acse_aare *a);
int acse_write_release(uint8_t *dst, size_t cap, uint8_t tag, const struct acse_release *r);

#endif
