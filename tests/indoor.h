/* indoor.h - the customer's unit beside a desk's meter: a DLMS client by sealed frames.
 *
 * It counts its frames and judges each answer as model/courier.h says: seal, numbers, the counter
 * of its request, one answer and not two.
 */
#ifndef TESTS_INDOOR_H
#define TESTS_INDOOR_H
#include "desk.h"

enum { INDOOR_VALUE = 1 << 16 };

struct indoor {
    struct desk *k;
    struct courier line, *on; /* its own line, or that of another one (a bus) */
    uint32_t serial, counter; /* next to use */
    uint8_t key[16];
    struct ciu_frame heard; /* the last answer */
    unsigned answers;
    uint8_t frame[CIU_MOST]; /* what it sent last */
    size_t frame_n;
};

/* With a line of its own, or on that of a neighbour. The list of units is not touched. */
void indoor_open(struct indoor *u, struct desk *k, uint32_t serial, struct indoor *beside);
void indoor_close(struct indoor *u);

/* Put this unit alone, or both, on the meter's list. */
void indoor_pair(struct desk *k, uint32_t serial, uint32_t other);

/* A frame of that type, and its answer: false when none comes in 3 s. */
bool indoor_ask(struct indoor *u, uint8_t type, const void *payload, size_t n);
/* The same octets again. */
bool indoor_again(struct indoor *u);

/* One APDU each way: octets of heard.payload; 0 not now; -1 no answer. */
int indoor_apdu(struct indoor *u, const uint8_t *apdu, size_t n);

/* GET in blocks, as many as it takes; ACTION. What is said in place of data: see enum dar; an answer
 * that is no such APDU ends the test. */
enum dar indoor_get(struct indoor *u, uint16_t cls, struct obis ln, uint8_t attr,
                    struct desk_value *v);
enum dar indoor_set(struct indoor *u, uint16_t cls, struct obis ln, uint8_t attr, const void *p,
                    size_t n);
enum dar indoor_call(struct indoor *u, uint16_t cls, struct obis ln, uint8_t method,
                     const void *p, size_t n);

/* {tag 1, kind 1, invoke 1, class 2, name 6, id 1}: octets of dst. */
enum { INDOOR_HEAD = 12 };
size_t indoor_head(uint8_t dst[INDOOR_HEAD], uint8_t tag, uint16_t cls, struct obis ln,
                   uint8_t id);

#endif
