/* wrapper.h - the DLMS wrapper over TCP and UDP (IEC 62056-47): version 1, two ports, length.
 *
 * Context  any.
 */
#ifndef DLMS_WRAPPER_H
#define DLMS_WRAPPER_H
#include <stddef.h>
#include <stdint.h>

enum { WRAPPER_HEAD = 8, WRAPPER_VERSION = 1, WRAPPER_PORT = 4059, WRAPPER_ALL = 0x7F };

struct wrapper {
    uint16_t source, destination; /* wPorts */
    uint16_t length;              /* of the APDU that follows */
};

void wrapper_write(uint8_t dst[WRAPPER_HEAD], const struct wrapper *w);

/* 0, or E_FORMAT: another version, or length 0. */
int wrapper_read(const uint8_t src[WRAPPER_HEAD], struct wrapper *w);

#endif
