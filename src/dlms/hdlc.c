#include "dlms/hdlc.h"

#include <string.h>

#include "base/bytes.h"
#include "base/crc.h"
#include "base/err.h"
#include "base/sys.h"

enum { FORMAT_TYPE = 0xA000, FORMAT_TYPE_MASK = 0xF000, FORMAT_SEGMENTED = 0x0800, CRC = 2 };

/* -- addresses: seven bits an octet, high ones first, bit 0 set in the last -------------- */

int hdlc_addr_write(uint8_t dst[4], const struct hdlc_addr *a)
{
    switch (a->len) {
    case 1:
        dst[0] = (uint8_t)(a->upper << 1 | 1);
        return 1;
    case 2:
        dst[0] = (uint8_t)(a->upper << 1);
        dst[1] = (uint8_t)(a->lower << 1 | 1);
        return 2;
    default:
        dst[0] = (uint8_t)(a->upper >> 6 & 0xFE);
        dst[1] = (uint8_t)(a->upper << 1);
        dst[2] = (uint8_t)(a->lower >> 6 & 0xFE);
        dst[3] = (uint8_t)(a->lower << 1 | 1);
        return 4;
    }
}

int hdlc_addr_read(const uint8_t *p, size_t n, struct hdlc_addr *a)
{
    uint8_t len = 0;
    while (len < n && len < 4 && !(p[len] & 1)) len++;
    if (len == 4) return E_FORMAT;
    if (len == n) return 0;
    a->len = ++len;
    a->lower = 0;
    if (len == 3) return E_FORMAT;
    a->upper = (uint16_t)(len == 4 ? p[0] >> 1 << 7 | p[1] >> 1 : p[0] >> 1);
    if (len == 2) a->lower = p[1] >> 1;
    if (len == 4) a->lower = (uint16_t)(p[2] >> 1 << 7 | p[3] >> 1);
    return len;
}

/* -- writing ---------------------------------------------------------------------------- */

static void put_crc(uint8_t *dst, uint16_t crc)
{
    le_put16(dst, crc16_end(crc));
}

int hdlc_head_write(uint8_t dst[1 + HDLC_HEAD_MAX], const struct hdlc_frame *f, uint16_t *crc)
{
    size_t at = 3;
    dst[0] = HDLC_FLAG;
    at += (size_t)hdlc_addr_write(dst + at, &f->dst);
    at += (size_t)hdlc_addr_write(dst + at, &f->src);
    dst[at++] = f->control;
    size_t length = at - 1 + CRC + (f->n ? f->n + CRC : 0);
    ensure(length <= HDLC_LENGTH_MAX);
    be_put16(dst + 1,
             (uint16_t)(FORMAT_TYPE | (f->segmented ? FORMAT_SEGMENTED : 0) | (int)length));
    *crc = crc16_more(CRC16_SEED, dst + 1, at - 1);
    if (!f->n) return (int)at;
    put_crc(dst + at, *crc);
    *crc = crc16_more(*crc, dst + at, CRC);
    return (int)at + CRC;
}

int hdlc_frame_write(uint8_t *dst, size_t cap, const struct hdlc_frame *f)
{
    uint8_t head[1 + HDLC_HEAD_MAX];
    uint16_t crc;
    size_t n = (size_t)hdlc_head_write(head, f, &crc);
    if (cap < n + f->n + CRC + 1) return E_SPACE;
    memcpy(dst, head, n);
    if (f->n) memcpy(dst + n, f->info, f->n);
    n += f->n;
    put_crc(dst + n, crc16_more(crc, f->info, f->n));
    dst[n + CRC] = HDLC_FLAG;
    return (int)n + CRC + 1;
}

/* -- reading ---------------------------------------------------------------------------- */

/* The octets between two flags. */
static int read_inside(const uint8_t *p, size_t n, struct hdlc_frame *f)
{
    size_t at = 2;
    if (crc16(p, n - CRC) != le_get16(p + n - CRC)) return E_CRC;
    n -= CRC;
    int used = hdlc_addr_read(p + at, n - at, &f->dst);
    if (used <= 0) return E_FORMAT;
    at += (size_t)used;
    used = hdlc_addr_read(p + at, n - at, &f->src);
    if (used <= 0) return E_FORMAT;
    at += (size_t)used;
    if (at >= n) return E_FORMAT;
    f->control = p[at++];
    f->segmented = p[0] & FORMAT_SEGMENTED >> 8;
    f->info = NULL;
    f->n = 0;
    if (at == n) return 0;
    if (n - at <= CRC || crc16(p, at) != le_get16(p + at)) return E_CRC;
    f->info = p + at + CRC;
    f->n = n - at - CRC;
    return 0;
}

int hdlc_frame_read(const uint8_t *p, size_t n, struct hdlc_frame *f, size_t *used)
{
    for (*used = 0; *used < n; ++*used) {
        const uint8_t *q = p + *used;
        size_t left = n - *used;
        if (q[0] != HDLC_FLAG || (left > 1 && q[1] == HDLC_FLAG)) continue;
        if (left < 3) return E_MORE;
        uint16_t format = be_get16(q + 1);
        size_t length = format & HDLC_LENGTH_MAX;
        if ((format & FORMAT_TYPE_MASK) != FORMAT_TYPE || length < 7) continue;
        if (left < length + 2) return E_MORE;
        if (q[length + 1] != HDLC_FLAG || read_inside(q + 1, length, f) < 0) continue;
        *used += length + 1;
        return (int)*used;
    }
    return E_MORE;
}

/* -- parameters ------------------------------------------------------------------------- */

enum { PARAMS = 0x8180, P_INFO_TX = 5, P_INFO_RX, P_WINDOW_TX, P_WINDOW_RX };

void hdlc_params_default(struct hdlc_params *p)
{
    *p = (struct hdlc_params){ HDLC_INFO_DEFAULT, HDLC_INFO_DEFAULT, 1, 1 };
}

static size_t put_param(uint8_t *dst, uint8_t id, uint8_t width, uint32_t v)
{
    uint8_t b[4];
    be_put32(b, v);
    dst[0] = id;
    dst[1] = width;
    memcpy(dst + 2, b + 4 - width, width);
    return 2u + width;
}

int hdlc_params_write(uint8_t dst[HDLC_PARAMS_MAX], const struct hdlc_params *p)
{
    size_t at = 3;
    at += put_param(dst + at, P_INFO_TX, p->info_tx < 256 ? 1 : 2, p->info_tx);
    at += put_param(dst + at, P_INFO_RX, p->info_rx < 256 ? 1 : 2, p->info_rx);
    at += put_param(dst + at, P_WINDOW_TX, 4, p->window_tx);
    at += put_param(dst + at, P_WINDOW_RX, 4, p->window_rx);
    be_put16(dst, PARAMS);
    dst[2] = (uint8_t)(at - 3);
    return (int)at;
}

static uint32_t within(uint32_t v, uint32_t min, uint32_t max)
{
    return v < min ? min : v > max ? max : v;
}

static void take_param(struct hdlc_params *out, uint8_t id, uint32_t v)
{
    uint16_t info = (uint16_t)within(v, HDLC_INFO_MIN, HDLC_INFO_MAX);
    uint8_t window = (uint8_t)within(v, 1, 7);
    if (id == P_INFO_TX) out->info_tx = info;
    if (id == P_INFO_RX) out->info_rx = info;
    if (id == P_WINDOW_TX) out->window_tx = window;
    if (id == P_WINDOW_RX) out->window_rx = window;
}

int hdlc_params_read(const uint8_t *p, size_t n, struct hdlc_params *out)
{
    hdlc_params_default(out);
    if (n == 0) return 0;
    if (n < 3 || be_get16(p) != PARAMS || p[2] != n - 3) return E_FORMAT;
    for (size_t at = 3; at < n;) {
        if (n - at < 2 || n - at - 2 < p[at + 1]) return E_FORMAT;
        uint8_t id = p[at], width = p[at + 1];
        bool known = id >= P_INFO_TX && id <= P_WINDOW_RX;
        if (known && (width == 0 || width > 4)) return E_FORMAT;
        uint32_t v = 0;
        for (unsigned i = 0; known && i < width; i++) v = v << 8 | p[at + 2 + i];
        if (known) take_param(out, id, v);
        at += 2u + width;
    }
    return 0;
}
