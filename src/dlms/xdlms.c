#include "dlms/xdlms.h"

#include <string.h>

#include "base/err.h"

/* -- initiate --------------------------------------------------------------------------- */

/* BER inside A-XDR: application tag 31, four octets, no unused bits. */
static void emit_conformance(struct axdr_out *o, uint32_t conformance)
{
    axdr_emit_raw(o, 0x5F1F0400, 4);
    axdr_emit_raw(o, conformance, 3);
}

static uint32_t read_conformance(struct axdr_in *in)
{
    in->bad |= axdr_read_raw(in, 1) != 0x5F;
    if (axdr_peek(in) == 0x1F) axdr_read_raw(in, 1); /* some leave it out */
    in->bad |= axdr_read_raw(in, 2) != 0x0400;
    return (uint32_t)axdr_read_raw(in, 3);
}

static void emit_quality(struct axdr_out *o, bool has, int8_t quality)
{
    axdr_emit_raw(o, has, 1);
    if (has) axdr_emit_raw(o, (uint8_t)quality, 1);
}

static void read_quality(struct axdr_in *in, bool *has, int8_t *quality)
{
    *has = axdr_read_raw(in, 1) != 0;
    *quality = *has ? (int8_t)axdr_read_raw(in, 1) : 0;
}

void initiate_emit_req(struct axdr_out *o, const struct initiate_req *r)
{
    axdr_emit_raw(o, XDLMS_INITIATE_REQ, 1);
    axdr_emit_raw(o, r->dedicated, 1);
    if (r->dedicated) {
        axdr_emit_length(o, r->key_len);
        axdr_emit(o, r->key, r->key_len);
    }
    axdr_emit_raw(o, r->response ? 0 : 0x0100, r->response ? 1 : 2);
    emit_quality(o, r->has_quality, r->quality);
    axdr_emit_raw(o, r->version, 1);
    emit_conformance(o, r->conformance);
    axdr_emit_raw(o, r->max_pdu, 2);
}

static void read_dedicated(struct axdr_in *in, struct initiate_req *r)
{
    r->dedicated = axdr_read_raw(in, 1) != 0;
    if (!r->dedicated) return;
    uint32_t n = axdr_read_length(in);
    const uint8_t *key = axdr_read_view(in, n);
    in->bad |= n == 0 || n > sizeof r->key;
    if (in->bad) return;
    r->key_len = (uint8_t)n;
    memcpy(r->key, key, n);
}

int initiate_read_req(struct axdr_in *in, struct initiate_req *r)
{
    *r = (struct initiate_req){ .response = true };
    in->bad |= axdr_read_raw(in, 1) != XDLMS_INITIATE_REQ;
    read_dedicated(in, r);
    if (axdr_read_raw(in, 1)) r->response = axdr_read_raw(in, 1) != 0;
    read_quality(in, &r->has_quality, &r->quality);
    r->version = (uint8_t)axdr_read_raw(in, 1);
    r->conformance = read_conformance(in);
    r->max_pdu = (uint16_t)axdr_read_raw(in, 2);
    return axdr_is_done(in) ? 0 : E_FORMAT;
}

void initiate_emit_res(struct axdr_out *o, const struct initiate_res *r)
{
    axdr_emit_raw(o, XDLMS_INITIATE_RES, 1);
    emit_quality(o, r->has_quality, r->quality);
    axdr_emit_raw(o, r->version, 1);
    emit_conformance(o, r->conformance);
    axdr_emit_raw(o, r->max_pdu, 2);
    axdr_emit_raw(o, r->vaa, 2);
}

int initiate_read_res(struct axdr_in *in, struct initiate_res *r)
{
    *r = (struct initiate_res){ 0 };
    in->bad |= axdr_read_raw(in, 1) != XDLMS_INITIATE_RES;
    read_quality(in, &r->has_quality, &r->quality);
    r->version = (uint8_t)axdr_read_raw(in, 1);
    r->conformance = read_conformance(in);
    r->max_pdu = (uint16_t)axdr_read_raw(in, 2);
    r->vaa = (uint16_t)axdr_read_raw(in, 2);
    return axdr_is_done(in) ? 0 : E_FORMAT;
}

/* -- general block transfer ------------------------------------------------------------- */

void gbt_emit_head(struct axdr_out *o, const struct gbt *g)
{
    unsigned control = (g->last ? 0x80u : 0) | (g->streaming ? 0x40u : 0) | (g->window & 0x3Fu);
    axdr_emit_raw(o, XDLMS_GBT << 8 | control, 2);
    axdr_emit_raw(o, (uint32_t)g->number << 16 | g->acknowledged, 4);
    axdr_emit_length(o, (uint32_t)g->n);
}

int gbt_read(struct axdr_in *in, struct gbt *g)
{
    in->bad |= axdr_read_raw(in, 1) != XDLMS_GBT;
    uint8_t control = (uint8_t)axdr_read_raw(in, 1);
    g->last = control >> 7;
    g->streaming = control >> 6 & 1;
    g->window = control & 0x3F;
    g->number = (uint16_t)axdr_read_raw(in, 2);
    g->acknowledged = (uint16_t)axdr_read_raw(in, 2);
    g->n = axdr_read_length(in);
    g->data = axdr_read_view(in, g->n);
    return axdr_is_done(in) ? 0 : E_FORMAT;
}
