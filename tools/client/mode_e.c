/* mode_e.c - IEC 62056-21 sign-on, as far as HDLC: request, identification, acknowledgement. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "tools/client/carrier.h"
#include "tools/common/say.h"

enum { ANSWER_MS = 3000, LINE_MAX_OCTETS = 80, TRIES = 3, CHANGE_MS = 250 };

static const unsigned speeds[] = {
    300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200
};

/* One line up to LF, parity bits taken off. Its length; 0 when none came; E_IO. */
static int read_line(struct channel *c, char line[LINE_MAX_OCTETS + 1], struct trouble *t)
{
    uint64_t end = say_now_ms() + ANSWER_MS;
    size_t n = 0;
    for (;;) {
        uint8_t octet;
        uint64_t now = say_now_ms();
        int got = now < end ? channel_read(c, &octet, 1, (int)(end - now), t) : 0;
        if (got < 0) return got;
        if (got == 0) return 0;
        line[n++] = (char)(octet & 0x7F);
        line[n] = 0;
        if ((octet & 0x7F) == '\n') return (int)n;
        if (n == LINE_MAX_OCTETS) n = 0; /* noise */
    }
}

/* "/MAG5\2MAGNO22\r\n": three letters, baud character, mode E, identification. Heads that hear
 * themselves give the request back first: that line begins "/?". */
static int read_ident(struct channel *c, struct mode_e *found, char *z, struct trouble *t)
{
    char line[LINE_MAX_OCTETS + 1];
    for (;;) {
        int n = read_line(c, line, t);
        if (n <= 0) return n;
        char *p = strchr(line, '/');
        if (!p || p[1] == '?' || strlen(p) < 7) continue;
        snprintf(found->maker, sizeof found->maker, "%.3s", p + 1);
        *z = p[4];
        bool offered = p[5] == '\\' && p[6] == '2';
        char *rest = p + 5;
        while (rest[0] == '\\' && rest[1]) rest += 2;
        snprintf(found->ident, sizeof found->ident, "%.*s", (int)strcspn(rest, "\r\n"), rest);
        return offered ? 1
                       : trouble(t, E_DENIED, "meter %s%s does not offer mode E (HDLC)",
                                 found->maker, found->ident);
    }
}

/* 06 2 Z 2: HDLC at speed Z; the meter says the same back, then both change. */
static int acknowledge(struct channel *c, unsigned z, struct trouble *t)
{
    char line[LINE_MAX_OCTETS + 1];
    uint8_t ack[] = { 0x06, '2', (uint8_t)('0' + z), '2', '\r', '\n' };
    int e = channel_write(c, ack, sizeof ack, t);
    if (e < 0) return e;
    int n = read_line(c, line, t); /* some meters stay silent here */
    return n < 0 ? n : 0;
}

int mode_e_sign_on(struct channel *c, const char *address, unsigned max_baud,
                   struct mode_e *found, struct trouble *t)
{
    char request[48];
    char z = '0';
    int e = channel_set_line(c, 300, true, t), n = 0;
    *found = (struct mode_e){ 0 };
    if (strlen(address) > 32)
        return trouble(t, E_RANGE, "an address has at most 32 characters");
    snprintf(request, sizeof request, "/?%s!\r\n", address);
    for (int i = 0; i < TRIES && e == 0 && n == 0; i++) {
        e = channel_write(c, (const uint8_t *)request, strlen(request), t);
        if (e == 0) n = read_ident(c, found, &z, t);
    }
    if (e < 0 || n < 0) return e < 0 ? e : n;
    if (n == 0) return trouble(t, E_IO, "no meter answers the sign-on at %s", c->peer);
    unsigned speed = isdigit((unsigned char)z) ? (unsigned)(z - '0') : 0;
    while (speed && speeds[speed] > max_baud) speed--;
    found->baud = speeds[speed];
    e = acknowledge(c, speed, t);
    if (e < 0) return e;
    e = channel_set_line(c, found->baud, false, t);
    if (c->serial) usleep(CHANGE_MS * 1000);
    return e;
}
