/* xdlms.h - the numbers of the xDLMS application layer, and its small fixed APDUs.
 *
 * Server and client share this file. Values are those of the DLMS ASN.1 (Green Book 9.5).
 *
 * Context  any.
 */
#ifndef DLMS_XDLMS_H
#define DLMS_XDLMS_H
#include "dlms/axdr.h"

enum xdlms_tag {
    XDLMS_INITIATE_REQ = 0x01,
    XDLMS_READ_REQ = 0x05, /* of short names: not served */
    XDLMS_WRITE_REQ = 0x06,
    XDLMS_INITIATE_RES = 0x08,
    XDLMS_SERVICE_ERROR = 0x0E,
    XDLMS_DATA_NOTIFICATION = 0x0F,
    XDLMS_DATA_NOTIFICATION_CONFIRM = 0x10,
    XDLMS_GET_REQ = 0xC0,
    XDLMS_SET_REQ = 0xC1,
    XDLMS_EVENT_NOTIFICATION = 0xC2,
    XDLMS_ACTION_REQ = 0xC3,
    XDLMS_GET_RES = 0xC4,
    XDLMS_SET_RES = 0xC5,
    XDLMS_ACTION_RES = 0xC7,
    XDLMS_EXCEPTION = 0xD8,
    XDLMS_ACCESS_REQ = 0xD9,
    XDLMS_ACCESS_RES = 0xDA,
    XDLMS_GENERAL_GLO = 0xDB,
    XDLMS_GENERAL_DED = 0xDC,
    XDLMS_GENERAL_CIPHERING = 0xDD,
    XDLMS_GENERAL_SIGNING = 0xDF,
    XDLMS_GBT = 0xE0,
    XDLMS_GATEWAY_REQ = 0xE6,
    XDLMS_GATEWAY_RES = 0xE7
};

/* Kinds behind GET (C0, C4), SET (C1, C5) and ACTION (C3, C7). */
enum xdlms_kind {
    GET_NORMAL = 1,
    GET_NEXT = 2,
    GET_LIST = 3,
    GET_RES_NORMAL = 1,
    GET_RES_BLOCK = 2,
    GET_RES_LIST = 3,
    SET_NORMAL = 1,
    SET_FIRST = 2,
    SET_BLOCK = 3,
    SET_LIST = 4,
    SET_LIST_FIRST = 5,
    SET_RES_NORMAL = 1,
    SET_RES_BLOCK = 2,
    SET_RES_LAST = 3,
    SET_RES_LAST_LIST = 4,
    SET_RES_LIST = 5,
    ACTION_NORMAL = 1,
    ACTION_NEXT = 2,
    ACTION_LIST = 3,
    ACTION_FIRST = 4,
    ACTION_LIST_FIRST = 5,
    ACTION_BLOCK = 6,
    ACTION_RES_NORMAL = 1,
    ACTION_RES_BLOCK = 2,
    ACTION_RES_LIST = 3,
    ACTION_RES_NEXT = 4
};

/* ACCESS: specifications, and the choices of the responses. */
enum xdlms_access { ACCESS_GET = 1, ACCESS_SET, ACCESS_ACTION, ACCESS_GET_SEL, ACCESS_SET_SEL };

/* Conformance: bit n of the standard's list is bit 23 - n of the 24-bit number, so that the
 * three octets on the wire are the number, high octet first. */
#define XDLMS_C(n) (UINT32_C(1) << (23 - (n)))
#define XDLMS_C_GENERAL_PROTECTION XDLMS_C(1)
#define XDLMS_C_GBT XDLMS_C(2)
#define XDLMS_C_DELTA XDLMS_C(6)
#define XDLMS_C_ATTRIBUTE0_SET XDLMS_C(8)
#define XDLMS_C_PRIORITY XDLMS_C(9)
#define XDLMS_C_ATTRIBUTE0_GET XDLMS_C(10)
#define XDLMS_C_BLOCK_GET XDLMS_C(11)
#define XDLMS_C_BLOCK_SET XDLMS_C(12)
#define XDLMS_C_BLOCK_ACTION XDLMS_C(13)
#define XDLMS_C_MULTIPLE XDLMS_C(14)
#define XDLMS_C_DATA_NOTIFICATION XDLMS_C(16)
#define XDLMS_C_ACCESS XDLMS_C(17)
#define XDLMS_C_GET XDLMS_C(19)
#define XDLMS_C_SET XDLMS_C(20)
#define XDLMS_C_SELECTIVE XDLMS_C(21)
#define XDLMS_C_EVENT_NOTIFICATION XDLMS_C(22)
#define XDLMS_C_ACTION XDLMS_C(23)
/* Of a server by short names: never agreed here. */
#define XDLMS_C_SN (XDLMS_C(3) | XDLMS_C(4) | XDLMS_C(5) | XDLMS_C(15) | XDLMS_C(18))

/* invoke-id-and-priority, and the 32-bit form of ACCESS and data-notification. */
enum { INVOKE_ID = 0x0F, INVOKE_CONFIRMED = 0x40, INVOKE_HIGH = 0x80 };
#define LONG_INVOKE_ID UINT32_C(0x00FFFFFF)
#define LONG_INVOKE_SELF_DESCRIPTIVE UINT32_C(0x10000000)
#define LONG_INVOKE_BREAK UINT32_C(0x20000000)
#define LONG_INVOKE_CONFIRMED UINT32_C(0x40000000)
#define LONG_INVOKE_HIGH UINT32_C(0x80000000)

/* exception-response */
enum { STATE_NOT_ALLOWED = 1, STATE_UNKNOWN = 2 };
enum {
    SERVICE_NOT_POSSIBLE = 1,
    SERVICE_NOT_SUPPORTED = 2,
    SERVICE_OTHER = 3,
    SERVICE_TOO_LONG = 4,
    SERVICE_DECIPHERING = 5,
    SERVICE_COUNTER = 6 /* followed by the lowest counter taken next */
};

/* confirmedServiceError 0E 01 group value, as this product uses it */
enum { SERVICE_ERROR_INITIATE = 1 };
enum { INITIATE_GROUP_REFERENCE = 0, INITIATE_GROUP_INITIATE = 6 };
enum {
    INITIATE_OTHER = 0,
    INITIATE_VERSION = 1,
    INITIATE_CONFORMANCE = 2,
    INITIATE_PDU_SIZE = 3,
    REFERENCE_DECIPHERING = 6 /* in group application-reference */
};

enum { XDLMS_VERSION = 6, XDLMS_VAA_LN = 7, XDLMS_PDU_MIN = 12 };

/* -- initiate --------------------------------------------------------------------------- */

struct initiate_req {
    bool dedicated;  /* a dedicated key is there */
    uint8_t key_len; /* 1..32 */
    uint8_t key[32]; /* secret */
    bool response;   /* response-allowed */
    bool has_quality;
    int8_t quality;
    uint8_t version;
    uint32_t conformance;
    uint16_t max_pdu; /* what the client takes; 0: no limit */
};

struct initiate_res {
    bool has_quality;
    int8_t quality;
    uint8_t version;
    uint32_t conformance;
    uint16_t max_pdu; /* what the server takes */
    uint16_t vaa;
};

/* With their tag. read: 0 or E_FORMAT, trailing octets included. */
void initiate_emit_req(struct axdr_out *o, const struct initiate_req *r);
int initiate_read_req(struct axdr_in *in, struct initiate_req *r);
void initiate_emit_res(struct axdr_out *o, const struct initiate_res *r);
int initiate_read_res(struct axdr_in *in, struct initiate_res *r);

/* -- general block transfer (E0) -------------------------------------------------------- */

struct gbt {
    bool last, streaming;
    uint8_t window; /* 0..63, that the sender of this block can take */
    uint16_t number, acknowledged;
    const uint8_t *data;
    size_t n;
};
enum { GBT_HEAD = 6 }; /* octets before the length of the data */

/* The head with its tag and the length; data follows raw. */
void gbt_emit_head(struct axdr_out *o, const struct gbt *g);

/* One whole APDU; data is a view. 0 or E_FORMAT. */
int gbt_read(struct axdr_in *in, struct gbt *g);

#endif
