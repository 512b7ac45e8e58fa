/* hdlc.h - frames of the HDLC based data link layer (IEC 62056-46), for server and client.
 *
 *     7E || format || destination || source || control [|| HCS || information] || FCS || 7E
 *
 * No octet stuffing: a frame is as long as its format field says, and a flag must follow. The
 * state machine of the server's links is in hdlc_link.h.
 *
 * Cost     some ten instructions an octet (CRC).
 * Memory   views are borrowed.
 * Context  any.
 */
#ifndef DLMS_HDLC_H
#define DLMS_HDLC_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HDLC_FLAG = 0x7E,
    HDLC_INFO_MIN = 32,
    HDLC_INFO_MAX = 2030,
    HDLC_INFO_DEFAULT = 128,
    HDLC_LENGTH_MAX = 0x7FF,           /* between the flags */
    HDLC_HEAD_MAX = 2 + 4 + 4 + 1 + 2, /* format to HCS */
    HDLC_FRAME_MAX = 2 + HDLC_LENGTH_MAX,
    HDLC_LLC = 3
};

enum hdlc_control { /* P/F is bit 4 */
                    HDLC_I = 0x00,
                    HDLC_RR = 0x01,
                    HDLC_RNR = 0x05,
                    HDLC_REJ = 0x09,
                    HDLC_UI = 0x03,
                    HDLC_SNRM = 0x83,
                    HDLC_UA = 0x63,
                    HDLC_DISC = 0x43,
                    HDLC_DM = 0x0F,
                    HDLC_FRMR = 0x87,
                    HDLC_PF = 0x10
};

/* reserved addresses */
enum {
    HDLC_CLIENT_NONE = 0x00,
    HDLC_LOWER_CALLING = 0x3FFE,
    HDLC_ALL = 0x3FFF,
    HDLC_LOWER_CALLING_SHORT = 0x7E,
    HDLC_ALL_SHORT = 0x7F
};

struct hdlc_addr {
    uint8_t len; /* octets: 1 (client, or server upper only), 2 or 4 */
    uint16_t upper, lower;
};

struct hdlc_frame {
    struct hdlc_addr dst, src;
    uint8_t control;
    bool segmented;
    const uint8_t *info; /* LLC included in the first segment */
    size_t n;
};

/* Is it an I, an S (RR, RNR, REJ) frame? Else unnumbered. */
static inline bool hdlc_is_i(uint8_t control)
{
    return (control & 1) == 0;
}
static inline bool hdlc_is_s(uint8_t control)
{
    return (control & 3) == 1;
}
static inline uint8_t hdlc_nr(uint8_t control)
{
    return control >> 5;
}
static inline uint8_t hdlc_ns(uint8_t control)
{
    return control >> 1 & 7;
}

/* Octets of an address into dst[4]; their number. And back: octets taken, 0 more are needed,
 * E_FORMAT three octets or more than four. */
int hdlc_addr_write(uint8_t dst[4], const struct hdlc_addr *a);
int hdlc_addr_read(const uint8_t *p, size_t n, struct hdlc_addr *a);

/* Everything before the information: flag to HCS (or to control when n is 0), into dst; the
 * running CRC for what follows in *crc. f->info is not read. Returns the octets, at most
 * 1 + HDLC_HEAD_MAX. ensure: it fits 11 bits. */
int hdlc_head_write(uint8_t dst[1 + HDLC_HEAD_MAX], const struct hdlc_frame *f, uint16_t *crc);

/* A whole frame with both flags; its length, or E_SPACE. */
int hdlc_frame_write(uint8_t *dst, size_t cap, const struct hdlc_frame *f);

/* Find the next good frame in n octets: > 0 octets used, with *f filled (views into p); the
 * closing flag is left where it can open the next. E_MORE: none yet; *used octets are
 * rubbish and can be dropped. A frame with a bad length, HCS or FCS is skipped. */
int hdlc_frame_read(const uint8_t *p, size_t n, struct hdlc_frame *f, size_t *used);

/* -- parameters of SNRM and UA ---------------------------------------------------------- */

struct hdlc_params {              /* in the view of the sender */
    uint16_t info_tx, info_rx;    /* 32..2030 */
    uint8_t window_tx, window_rx; /* 1..7 */
};
enum { HDLC_PARAMS_MAX = 25 };

/* 128 octets, window 1. */
void hdlc_params_default(struct hdlc_params *p);
/* Information field of SNRM or UA, all four; its length. */
int hdlc_params_write(uint8_t dst[HDLC_PARAMS_MAX], const struct hdlc_params *p);
/* Missing ones and an empty field are the defaults; values out of range are brought into it.
 * 0 or E_FORMAT. */
int hdlc_params_read(const uint8_t *p, size_t n, struct hdlc_params *out);

#endif
