/* courier.h - ways in for tokens beside keypad and DLMS: three kinds of line.
 *
 *   VTC  the virtual token carrier port: lines of ASCII
 *            TOKEN <20 digits>      ->  RESULT <number> <name>      (sts/results.def)
 *            anything else          ->  ERROR
 *        PARAM_VTC_ENABLED 0: the port is mute. PARAM_VTC_BAUD: its speed, where it has one.
 *   SMS  a modem's messages, one a line: the sender's number, a space, the text; where a PIN is
 *        kept, its digits first
 *            <20 digits>, TOKEN <20 digits>  ->  <number> RESULT <number> <name>
 *            BAL                             ->  <number> BAL <balance> <balance>
 *            WAKE                            ->  <number> OK, and event 460
 *        PARAM_SMS says who is heard, and for what; to others nothing is answered, event 461.
 *        A wrong PIN is told likewise, and counts like a wrong token.
 *   CIU  frames of the customer's unit, authentic and secret (AES-GCM)
 *            7E | length 2 | unit 4 | meter 4 | counter 4 | type 1 | payload | tag 12 | CRC 2
 *        The meter is a DLMS server to it: a frame carries one APDU of client 96, which is open
 *        there from the start with the rights of docs/access.txt. AARQ and RLRQ are passed over.
 *        The units share one session: another one is told to wait while an APDU, or an answer or
 *        a write in blocks, is under way; 30 s of silence end the session.
 *        What a unit says that is not paired (prepay/unit.h) is not done and not answered, event
 *        370; neither is a frame with a wrong tag, 49, or a counter that was used, 50.
 *
 * Spaces and hyphens between digits do not matter, nor does the case of words; CR or LF ends a
 * line. These formats are ours (docs/tokens.md). Each way in is recorded with its tokens, and
 * counts wrong ones as sts/lockout.h says: VTC and CIU with the keypad, SMS with DLMS.
 *
 * An order is carried out between the meter's own steps, one at a time; it is answered when
 * what it did stands on flash. Meanwhile the line takes no more octets.
 *
 * Power cut  a token counted or it did not (prepay/token.h); an answer may be lost.
 * Cost       as prepay_enter(); a CIU frame 60 000 instructions more, in two steps where it carries an
 *            APDU.
 * Memory     struct courier 384 octets a line, the application's.
 * Context    meter loop only.
 */
#ifndef MODEL_COURIER_H
#define MODEL_COURIER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "dlms/link.h"

struct device;

enum courier_kind { COURIER_VTC, COURIER_SMS, COURIER_CIU, COURIER_KINDS };
enum { COURIER_IN = 200, COURIER_OUT = 128 };

/* What the RS485 line carries, PARAM_RS485_ROLE: it is asked when a line is opened, and stays until it is
 * closed. */
enum rs485_role { RS485_DLMS, RS485_UNITS, RS485_VTC };
enum courier_kind device_rs485(const struct device *d); /* COURIER_KINDS: DLMS */

/* PARAM_SMS: {orders 1, numbers 16 each: ASCII, filled with zeros}; never written: nobody is
 * heard. */
enum { SMS_NUMBERS = 10, SMS_NUMBER = 16, SMS_SETUP = 1 + SMS_NUMBERS * SMS_NUMBER };
enum sms_orders { SMS_TAKES_TOKENS = 1, SMS_TAKES_WAKE = 2, SMS_REPLIES = 4 };

struct courier {
    struct courier *next;
    struct link_io io;
    mono_t heard;
    uint8_t kind;
    uint8_t
        baud;    /* of a carrier port that has a speed, 1 more than its character; 0 none yet */
    bool is_bus; /* it is the RS485 line, and off with it: said when it was opened */
    bool is_whole; /* an order waits in `in` */
    bool too_long; /* the line under way is no order any more */
    uint16_t n, out_n;
    uint8_t in[COURIER_IN], out[COURIER_OUT];
};

/* A line came up; kept until it is closed. */
void device_courier_open(struct device *d, struct courier *c, enum courier_kind kind,
                         struct link_io io);
void device_courier_close(struct device *d, struct courier *c);

/* Octets from it; how many were taken. The rest is offered again after a step. */
size_t device_feed_courier(struct device *d, struct courier *c, const uint8_t *p, size_t n,
                           mono_t at);

/* -- for device.c and tests ---------------------------------------------------------------- */

/* Something is to be done on one of the lines. */
bool couriers_are_due(const struct device *d);

/* The units' session is over: a carrier's end, or a list of units written anew. */
void courier_session_end(void *device);

/* Do one thing: an order carried out, or its answer sent. The store must be ready. */
void couriers_step(struct device *d);

enum { SMS_PIN_MIN = 4, SMS_PIN_MAX = 8 }; /* digits */

/* Frames of the CIU; the longest fits into one of IEEE 802.15.4. */
enum { CIU_START = 0x7E, CIU_HEAD = 16, CIU_TAG = 12, CIU_CRC = 2, CIU_PAYLOAD = 96 };
enum { CIU_LEAST = CIU_HEAD + CIU_TAG + CIU_CRC, CIU_MOST = CIU_LEAST + CIU_PAYLOAD };
enum ciu_type {
    CIU_TOKEN = 1, /* twenty digits */
    CIU_PAIR,      /* nothing: the unit asks to be paired */
    CIU_POLL,      /* its version, CIU_VERSION numbers, or nothing: how do things stand? */
    CIU_SETUP,     /* enum ciu_part 1: what is it to know? */
    CIU_CODE,      /* short code 2, part 1: it was typed, or is to be shown */
    CIU_APDU,      /* an xDLMS APDU of client 96 */
    CIU_ANSWER = 0x80,
    CIU_RESULT = CIU_ANSWER | CIU_TOKEN, /* number of the result 1, its name */
    CIU_PAIRED = CIU_ANSWER | CIU_PAIR,  /* nothing */
    CIU_STATE =
        CIU_ANSWER | CIU_POLL, /* {active wallet 1, credit level 1, enum control_state 1,
                                            balance as published 8, UTC 4, lamp 1, sound 1,
                                            pause of the sound in s 1, text 1 (event/output.h), who
                                            holds the supply open 1 (enum requester and 1, 0 nobody),
                                            UTC less local time in minutes 2, changes so far 2} */
    CIU_KNOWS = CIU_ANSWER | CIU_SETUP,  /* the part 1, what it says */
    CIU_ANSWERS = CIU_ANSWER | CIU_APDU, /* the server's APDU; nothing: not now, ask again */
    CIU_SHOWS = CIU_ANSWER | CIU_CODE, /* enum ciu_done 1, parts 1, digits right of the point 1
                                           with the top bit for thousands, unit 1, cells 8, words */
};
enum { CIU_STATE_SIZE = 24, CIU_VERSION = 3, CIU_KILO = 0x80 };

/* What a unit is told of how it is to work. It asks again when the changes in CIU_STATE do not stand
 * where they stood. */
enum ciu_part {
    CIU_LINK,   /* 0-0:96.62.1, .2 and .6: radio 1, poll s 2, dBm 1, channel 1, PAN 2, keypad 1,
                   languages 2 */
    CIU_LIST,   /* 0-0:96.62.4: short codes of 2 */
    CIU_LEVELS, /* 0-0:96.61.0 of the wallet whose turn it is: three of threshold 4, buzzer 1, LED
                   1, repeat s 2, blip 1 */
    CIU_PRICES, /* name of the price table in force */
    CIU_PARTS
};
enum ciu_done { CIU_DONE, CIU_NO_CODE, CIU_NOT_NOW, CIU_NOT_HERE };

struct ciu_frame {
    uint32_t unit, meter; /* serial numbers; that of a unit has 31 bits */
    uint32_t counter;     /* of the unit; an answer repeats it */
    uint8_t type, n;
    uint8_t payload[CIU_PAYLOAD];
};

/* Seal and open one with the key of the pair. ciu_put() returns its octets. ciu_get(): E_MORE:
 * not all of it has come; E_FORMAT: no frame begins here, go on behind the first octet; E_AUTH:
 * a frame, *n octets long, under another key. 0: *n octets long, in f. */
size_t ciu_put(const struct ciu_frame *f, const uint8_t key[16], uint8_t dst[CIU_MOST]);
int ciu_get(struct ciu_frame *f, const uint8_t key[16], const uint8_t *p, size_t *n);

/* The key of a pair, made from the meter's unicast key and both serial numbers. */
void ciu_key(uint8_t key[16], const uint8_t unicast[16], uint32_t meter, uint32_t unit);

#endif
