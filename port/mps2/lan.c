#include "port/mps2/lan.h"

#include <string.h>

#include "lwip/etharp.h"
#include "lwip/ethip6.h"
#include "port/mps2/mps2.h"
#include "port/mps2/net.h"

#define LAN(offset) REG(LAN_BASE + (offset))

enum {
    RX_DATA = 0x00,
    TX_DATA = 0x20,
    RX_STATUS = 0x40,
    TX_STATUS = 0x48,
    IRQ_CFG = 0x54,
    INT_STATUS = 0x58,
    INT_ENABLE = 0x5C,
    BYTE_TEST = 0x64,
    FIFO_INT = 0x68,
    TX_CFG = 0x70,
    RX_INFO = 0x7C,
    TX_INFO = 0x80,
    MAC_COMMAND = 0xA4,
    MAC_DATA = 0xA8
};
enum { MAC_CR = 1, MAC_ADDR_HIGH = 2, MAC_ADDR_LOW = 3, MII_ACCESS = 6, MII_DATA = 7 };
enum { PHY = 1 << 11, PHY_STATUS = 1 << 6, PHY_LINK = 1 << 2 };
enum { INT_RX_FRAME = 1 << 3, FRAME = 1514, CRC = 4 };

void lan_isr(void)
{
    LAN(INT_ENABLE) = 0; /* lan_pump() turns it on again */
    port_wake();
}

bool lan_is_there(void)
{
    return LAN(BYTE_TEST) == 0x87654321u;
}

static void mac_write(uint32_t reg, uint32_t value)
{
    LAN(MAC_DATA) = value;
    LAN(MAC_COMMAND) = 0x80000000u | reg;
    while (LAN(MAC_COMMAND) & 0x80000000u) {
    }
}

static uint32_t mac_read(uint32_t reg)
{
    LAN(MAC_COMMAND) = 0xC0000000u | reg;
    while (LAN(MAC_COMMAND) & 0x80000000u) {
    }
    return LAN(MAC_DATA);
}

bool lan_has_link(void)
{
    mac_write(MII_ACCESS, PHY | PHY_STATUS);
    return mac_read(MII_DATA) & PHY_LINK;
}

static err_t lan_send(struct netif *n, struct pbuf *p)
{
    (void)n;
    static uint32_t frame[(FRAME + 3) / 4];
    uint32_t length = pbuf_copy_partial(p, frame, sizeof frame, 0);
    if ((LAN(TX_INFO) & 0xFFFF) < length + 12) return ERR_MEM;
    LAN(TX_DATA) = 1u << 13 | 1u << 12 | length; /* first and last segment */
    LAN(TX_DATA) = length;
    for (uint32_t k = 0; k < (length + 3) / 4; k++) LAN(TX_DATA) = frame[k];
    while (LAN(TX_INFO) >> 16 & 0xFF) (void)LAN(TX_STATUS);
    return ERR_OK;
}

err_t lan_up(struct netif *n)
{
    static const uint8_t mac[6] = {
        0x02, 0x4D, 0x41, 0x47, 0x22, 0x01
    }; /* locally administered */
    memcpy(n->hwaddr, mac, 6);
    n->hwaddr_len = 6;
    n->mtu = 1500;
    n->name[0] = 'e';
    n->name[1] = 'n';
    n->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_LINK_UP;
    n->output = etharp_output;
    n->output_ip6 = ethip6_output;
    n->linkoutput = lan_send;
    mac_write(MAC_ADDR_LOW,
              mac[0] | (uint32_t)mac[1] << 8 | (uint32_t)mac[2] << 16 | (uint32_t)mac[3] << 24);
    mac_write(MAC_ADDR_HIGH, mac[4] | (uint32_t)mac[5] << 8);
    LAN(TX_CFG) = 2; /* transmitter on */
    mac_write(MAC_CR,
              1u << 2 | 1u << 3 | 1u << 19); /* receive, also what is sent to many; transmit */
    LAN(IRQ_CFG) = 1u << 8 | 1u << 4 | 1u;   /* pin on, active high, push-pull */
    NVIC_PRIORITY(IRQ_LAN) = PRIORITY_BYTES;
    NVIC_ENABLE = 1u << IRQ_LAN;
    return ERR_OK;
}

/* One frame out of the FIFO, always whole, whether or not lwIP has room for it. */
static struct pbuf *receive(uint32_t length)
{
    uint32_t payload = length > CRC ? length - CRC : 0;
    struct pbuf *p =
        payload && payload <= FRAME ? pbuf_alloc(PBUF_RAW, (u16_t)payload, PBUF_POOL) : NULL;
    for (uint32_t k = 0; k < (length + 3) / 4; k++) {
        uint32_t word = LAN(RX_DATA), left = k * 4 < payload ? payload - k * 4 : 0;
        if (p && left) pbuf_take_at(p, &word, (u16_t)(left < 4 ? left : 4), (u16_t)(k * 4));
    }
    return p;
}

void lan_pump(struct netif *n)
{
    while (LAN(RX_INFO) >> 16 & 0xFF) {
        struct pbuf *p = receive(LAN(RX_STATUS) >> 16 & 0x3FFF);
        if (p && n->input(p, n) != ERR_OK) pbuf_free(p);
    }
    LAN(INT_STATUS) = 0xFFFFFFFFu;
    LAN(FIFO_INT) = 0; /* from the first frame on */
    LAN(INT_ENABLE) = INT_RX_FRAME;
}
