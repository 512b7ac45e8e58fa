/* simple.c - classes 1, 3 and 4: one value, seen as data, as a register, with its time. */
#include "base/err.h"
#include "model/classes.h"

#include <string.h>

#include "base/bytes.h"

static const struct regs *regs_of(void *app, const struct cosem_at *at)
{
    return at->frozen ? at->frozen : &meter_of(app)->now;
}

static uint16_t reg_of(const struct cosem_at *at)
{
    return (uint16_t)(at->row->bind.id + at->k);
}

/* -- registers of the meter -------------------------------------------------------------------
 */
enum dar get_reg_value(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    return axdr_emit_int(o, at->row->bind.tag, reg_at(regs_of(app, at), reg_of(at)));
}

int emit_unit(struct axdr_out *o, int8_t scaler, uint8_t unit)
{
    axdr_emit_struct(o, 2);
    axdr_emit_i8(o, scaler);
    return axdr_emit_enum(o, unit);
}

int emit_attribute(struct axdr_out *o, const struct cosem_capture *c)
{
    static const struct axdr_field fields[] = {
        AXDR_NESTED(3),
        AXDR_FIELD(U16, struct cosem_capture, class_id),
        AXDR_FIELD(OBIS, struct cosem_capture, ln),
        AXDR_FIELD(I8, struct cosem_capture, attr),
    };
    return axdr_emit_fields(o, fields, COUNT(fields), c);
}

int emit_script(struct axdr_out *o, const struct obis *table, unsigned selector)
{
    axdr_emit_struct(o, 2);
    axdr_emit_octets(o, table, sizeof *table);
    return axdr_emit_u16(o, (uint16_t)selector);
}

int emit_flags(struct axdr_out *o, uint32_t flags, unsigned n)
{
    uint8_t bits[4] = { 0 };
    for (unsigned i = 0; i < n; i++)
        if (flags >> i & 1) bits[i / 8] |= (uint8_t)(0x80u >> i % 8);
    return axdr_emit_bits(o, bits, n);
}

uint32_t read_flags(struct axdr_in *in, unsigned n)
{
    uint8_t bits[4] = { 0 };
    uint32_t flags = 0;
    axdr_read_bits(in, bits, n);
    for (unsigned i = 0; i < n; i++)
        if (bits[i / 8] << i % 8 & 0x80) flags |= UINT32_C(1) << i;
    return flags;
}

int emit_rows(struct axdr_out *o, const struct row_shape *s, const void *row, unsigned rows)
{
    axdr_emit_array(o, rows);
    for (const uint8_t *p = row; rows; rows--, p += s->size)
        axdr_emit_fields(o, s->field, s->n, p);
    return 0;
}

int read_rows(struct axdr_in *in, const struct row_shape *s, void *row)
{
    int err = 0;
    uint8_t *p = row;
    uint32_t rows = axdr_read_head(in, AXDR_ARRAY);
    if (rows > s->max) return E_RANGE;
    for (uint32_t i = 0; i < rows; i++, p += s->size)
        if (axdr_read_fields(in, s->field, s->n, p)) err = E_RANGE;
    return in->bad ? E_TYPE : err ? err : (int)rows;
}

enum dar get_null(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app, (void)at;
    return axdr_emit_null(o);
}

enum dar get_empty(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app, (void)at;
    return axdr_emit_array(o, 0);
}

enum dar get_first(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app, (void)at;
    return axdr_emit_enum(o, 0);
}

enum dar get_reg_unit(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app;
    struct reg_unit u = reg_unit_at(reg_of(at));
    return emit_unit(o, u.scaler, u.unit);
}

static enum dar get_moment(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    return emit_moment(meter_of(app), o, (utc_t){ reg_at(regs_of(app, at), reg_of(at)) });
}

const struct cosem_attr data_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_reg_value },
};
const struct cosem_attr data_time_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_moment },
};
const struct cosem_attr register_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_reg_value },
    [COSEM_ATTR(3)] = { .get = get_reg_unit },
};

/* -- extended registers: a maximum, its status and the end of the interval that reached it ----
 */
static enum dar get_capture_time(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    uint16_t when = (uint16_t)(reg_of(at) - REG_MD_P_IMPORT + REG_MDT_P_IMPORT);
    return emit_moment(meter_of(app), o, (utc_t){ reg_at(regs_of(app, at), when) });
}

const struct cosem_attr extended_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_reg_value },
    [COSEM_ATTR(3)] = { .get = get_reg_unit },
    [COSEM_ATTR(4)] = { .get = get_null },
    [COSEM_ATTR(5)] = { .get = get_capture_time },
};

/* -- parameters -------------------------------------------------------------------------------
 */
int emit_setting(void *app, struct axdr_out *o, struct setting s)
{
    struct meter *m = meter_of(app);
    int32_t v = param_get(m, s.id);
    if (s.tag == AXDR_DATETIME) return emit_moment(m, o, (utc_t){ (uint32_t)v });
    return axdr_emit_int(o, s.tag, v);
}

/* A date without a year: never, which is 0. */
static int64_t read_date(struct meter *m, struct axdr_in *in)
{
    uint8_t dt[12];
    utc_t u;
    axdr_read_octets(in, dt, sizeof dt);
    if (dt[0] == 0xFF && dt[1] == 0xFF) return 0;
    if (!axdr_is_datetime(dt) || moment_get(m, dt, &u) || u.s < 1) return INT64_MAX;
    return u.s;
}

int64_t read_setting(void *app, struct axdr_in *in, struct setting s)
{
    return s.tag == AXDR_DATETIME ? read_date(meter_of(app), in) : axdr_read_int(in, s.tag);
}

enum dar set_setting(void *app, const struct cosem_at *at, struct axdr_in *in, struct setting s)
{
    int64_t v = read_setting(app, in, s);
    if (in->bad) return DAR_TYPE;
    if (v > UINT32_MAX) return DAR_OTHER;
    return param_set(meter_of(app), at->who, s.id, (int32_t)(uint32_t)v);
}

enum dar get_shown(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct setting s = model_setting_of(at);
    return s.id < PARAMS ? emit_setting(app, o, s) : axdr_emit_i32(o, 0);
}

enum dar set_shown(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    struct setting s = model_setting_of(at);
    if (s.id < PARAMS) return set_setting(app, at, in, s);
    int32_t v = axdr_read_i32(in);
    if (in->bad) return DAR_TYPE;
    return v ? DAR_OTHER : DAR_OK;
}

static struct setting param_of(const struct cosem_at *at)
{
    return (struct setting){ reg_of(at), at->row->bind.tag & SCALED_TAG };
}

static enum dar get_param(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    return emit_setting(app, o, param_of(at));
}

static enum dar set_param(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    return set_setting(app, at, in, param_of(at));
}

const struct cosem_attr param_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_param, .set = set_param },
};

static enum dar get_setting_unit(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app;
    return emit_unit(o, (int8_t) - (at->row->bind.tag >> 5), at->row->bind.arg);
}

const struct cosem_attr param_register_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_param, .set = set_param },
    [COSEM_ATTR(3)] = { .get = get_setting_unit },
};

static enum dar get_octets(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    uint8_t b[CAL_BYTES];
    int n = param_read(meter_of(app), reg_of(at), b, sizeof b);
    if (n < 0) return n;
    return axdr_emit_octets(o, b, (size_t)n);
}

static enum dar set_octets(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    size_t n = 0;
    const uint8_t *p = axdr_read_string(in, AXDR_OCTETS, &n);
    if (in->bad) return DAR_TYPE;
    return param_write(meter_of(app), at->who, reg_of(at), p, n);
}

const struct cosem_attr octets_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_octets, .set = set_octets },
};

/* -- what the product is ----------------------------------------------------------------------
 */
static size_t put_decimal(uint8_t *dst, uint32_t v, unsigned digits)
{
    for (unsigned i = digits; i-- > 0; v /= 10) dst[i] = (uint8_t)('0' + v % 10);
    return digits;
}

/* Meter PAN without its IIN (IEC 62055-41): 00, the serial in 8 digits, the Luhn digit. */
static size_t put_drn(uint8_t *dst, uint32_t serial)
{
    unsigned sum = 0;
    put_decimal(dst, serial, 10);
    for (unsigned i = 0; i < 10; i++) {
        unsigned d = dst[9 - i] - '0', twice = 2 * d;
        sum += i % 2 ? d : twice > 9 ? twice - 9 : twice;
    }
    dst[10] = (uint8_t)('0' + (10 - sum % 10) % 10);
    return 11;
}

static size_t put_string(uint8_t *dst, const char *s)
{
    size_t n = strlen(s);
    memcpy(dst, s, n);
    return n;
}

static size_t put_number(uint8_t *dst, uint32_t v) /* below 1000 */
{
    return put_decimal(dst, v, v > 99 ? 3 : v > 9 ? 2 : 1);
}

/* Three numbers with points between. */
static size_t put_version(uint8_t *dst, const uint8_t *v)
{
    size_t n = 0;
    for (unsigned i = 0; v && i < 3; i++) {
        if (i) dst[n++] = '.';
        n += put_number(dst + n, v[i]);
    }
    return n;
}

/* Like "230V 5(80)A 50Hz 2P". */
static size_t put_variant(uint8_t *dst, const struct meter_cfg *c)
{
    const struct {
        uint32_t v;
        const char *unit;
    } part[] = { { c->rating.un_mv / 1000, "V " },
                 { c->rating.ib_ma / 1000, "(" },
                 { c->rating.imax_ma / 1000, ")A " },
                 { c->rating.fn_hz, "Hz " },
                 { c->relay.poles, "P" } };
    size_t n = 0;
    for (unsigned i = 0; i < COUNT(part); i++) {
        n += put_number(dst + n, part[i].v);
        n += put_string(dst + n, part[i].unit);
    }
    return n;
}

static enum dar get_text(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    const struct device *d = device_of(app);
    const struct meter_cfg *c = d->meter.cfg;
    uint8_t b[64];
    size_t n = 0;
    switch (at->row->bind.id) {
    case TEXT_DEVICE_NAME:
        n = put_string(b, c->type);
        n += put_decimal(b + n, c->serial, 11);
        break;
    case TEXT_SERIAL:
        n = put_decimal(b, c->serial, 8);
        break;
    case TEXT_DRN:
        n = put_drn(b, c->serial);
        break;
    case TEXT_FIRMWARE:
        n = put_string(b, d->cfg->firmware);
        break;
    case TEXT_HARDWARE:
        n = put_string(b, d->cfg->hardware);
        break;
    case TEXT_VARIANT:
        n = put_variant(b, c);
        break;
    case TEXT_UNIT:
        n = put_version(b, unit_version(&d->meter));
        break;
    case TEXT_SYSTEM_TITLE:
        device_title(d, b);
        n = DLMS_TITLE;
        break;
    }
    return axdr_emit_octets(o, b, n);
}

const struct cosem_attr text_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_text },
};

static const struct {
    uint8_t unit;
} rating_unit[] = {
    [RATING_UN_V] = { UNIT_V },
    [RATING_IB_A] = { UNIT_A },
    [RATING_FN_HZ] = { UNIT_HZ },
    [RATING_IMAX_A] = { UNIT_A },
};

static enum dar get_rating(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    const struct meter_cfg *c = meter_of(app)->cfg;
    const uint32_t value[] = {
        [RATING_UN_V] = c->rating.un_mv / 1000,
        [RATING_IB_A] = c->rating.ib_ma / 1000,
        [RATING_FN_HZ] = c->rating.fn_hz,
        [RATING_IMAX_A] = c->rating.imax_ma / 1000,
    };
    return axdr_emit_u16(o, (uint16_t)value[reg_of(at)]);
}

static enum dar get_rating_unit(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app;
    return emit_unit(o, 0, rating_unit[reg_of(at)].unit);
}

const struct cosem_attr rating_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_rating },
    [COSEM_ATTR(3)] = { .get = get_rating_unit },
};

/* -- what the logs say of themselves ----------------------------------------------------------
 */
static enum dar get_event_code(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    return axdr_emit_u16(o, event_last(meter_of(app), (enum event_log)reg_of(at)));
}

static enum dar get_event_counter(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    return axdr_emit_u32(o, event_span(meter_of(app), (enum event_log)reg_of(at)).next);
}

const struct cosem_attr event_code_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_event_code },
};
const struct cosem_attr event_counter_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_event_counter },
};

/* -- a field of log rows: by itself it shows nothing --------------------------------------- */
const struct cosem_attr field_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_null },
};

/* -- invocation counters: what a client must use next -----------------------------------------
 */
static enum dar get_counter(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    return axdr_emit_u32(o, device_counter_floor(device_of(app), reg_of(at)));
}

const struct cosem_attr counter_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_counter },
};
