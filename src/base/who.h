/* who.h - who asks. Travels with every request down to the row that audits it.
 *
 * Context  any; eight octets at most, passed by pointer or copied.
 */
#ifndef BASE_WHO_H
#define BASE_WHO_H
#include <stdint.h>

/* Channels, numbered as the event logs show them (0-0:96.50.42). */
enum link_id {
    LINK_OPTICAL,
    LINK_RS485,
    LINK_WAN,
    LINK_CIU,
    LINK_KEYPAD,
    LINK_VTC,
    LINK_SMS,
    LINK_SELF,
    LINK_IDS
};

struct who {
    uint16_t sap;  /* client address on the wire; 0 for the meter itself and its keypad */
    uint8_t link;  /* enum link_id */
    uint8_t assoc; /* row of the association table, and the bit in every rights mask */
};

#endif
