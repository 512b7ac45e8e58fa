/* describe.h - any octets of DLMS explained: HDLC frames, wrapper packets, ACSE and xDLMS
 * APDUs, protected ones with the keys for them, data alone, the lines of IEC 62056-21.
 *
 * A describer remembers what a conversation shows: system titles, the dedicated key, segments
 * and blocks that belong together, so that a capture can be read from its start. Nothing it is
 * given can be too broken to describe: what cannot be read is said to be so.
 *
 * Context  host programs.
 */
#ifndef TOOLS_CLIENT_DESCRIBE_H
#define TOOLS_CLIENT_DESCRIBE_H
#include "tools/client/note.h"
#include "tools/client/protect.h"

enum describe_kind {
    DESCRIBE_AUTO,
    DESCRIBE_HDLC,
    DESCRIBE_WRAPPER,
    DESCRIBE_APDU,
    DESCRIBE_DATA
};
enum { DESCRIBE_SIDES = 2, DESCRIBE_DEPTH = 6 };

struct describe_side {
    struct buf segments; /* HDLC: of the APDU under way */
    uint8_t ns;          /* of the segment that is due */
    struct buf blocks;   /* service blocks so far */
    struct buf gbt;      /* general blocks so far */
    uint32_t block;      /* last number of each */
    uint16_t gbt_block;
};

struct describer {
    struct keyring keys;                       /* grows with what is seen */
    struct describe_side side[DESCRIBE_SIDES]; /* client, meter */
    int hint;  /* what comes next is from: 0 the client, 1 the meter, -1 not known */
    int depth; /* of APDUs inside APDUs */
    uint16_t source, destination; /* wPorts or upper HDLC addresses of what was read last */
    /* Told of each APDU that was found inside a protected one; NULL: nobody wants to know. */
    void (*plain)(void *ctx, const struct describer *d, const uint8_t *apdu, size_t n);
    void *ctx;
};

void describe_init(struct describer *d, const struct keyring *keys);
void describe_end(struct describer *d);

/* A note for all of the n octets; errors are notes named "error". Never NULL. */
struct note *describe(struct describer *d, const uint8_t *p, size_t n, enum describe_kind kind);

/* One APDU below a note. from_server where the carrier tells (0, 1; -1 not known). */
void describe_apdu(struct describer *d, struct note *above, const uint8_t *p, size_t n,
                   int from_server);

/* One value. */
void describe_data(struct note *above, const char *name, struct axdr_in *in,
                   const uint8_t *base);

#endif
