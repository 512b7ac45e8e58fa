/* token.c - classes 115 and 116: tokens by DLMS, and what belongs to the decoder key. */
#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "model/classes.h"

enum { BCD = 10, BINARY = 9, TEXT = 20, TEXT_MAX = 40 };

static const struct token_last *last_of(void *app)
{
    return &meter_of(app)->tokens.last;
}

/* -- token gateway ------------------------------------------------------------------------- */

/* Of one that might still be good the meter keeps none. */
int emit_token_digits(struct axdr_out *o, const struct token_last *l)
{
    static const uint8_t none[BCD];
    return axdr_emit_octets(o, l->bcd, memcmp(l->bcd, none, BCD) ? BCD : 0);
}

static enum dar get_token(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)at;
    emit_token_digits(o, last_of(app));
    return DAR_OK;
}

static enum dar get_time(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)at;
    return emit_moment(meter_of(app), o, (utc_t){ last_of(app)->utc_s });
}

/* The result's name, and its words. */
static enum dar get_description(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    const char *name = sts_result_name(last_of(app)->result);
    const char *words = sts_result_words(last_of(app)->result);
    (void)at;
    axdr_emit_array(o, name ? 2 : 0);
    if (!name) return DAR_OK;
    axdr_emit_octets(o, name, strlen(name));
    return axdr_emit_octets(o, words, strlen(words));
}

static enum dar get_delivery(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)at;
    return axdr_emit_enum(o, (uint8_t)prepay_delivery(last_of(app)->link));
}

/* {status_code, data_value}: how far it came, and the number of the result in eight bits. */
int emit_token_status(struct axdr_out *o, const struct token_last *l)
{
    static const uint8_t code[] = { [STS_GROUP_OK] = 3,
                                    [STS_GROUP_FORMAT] = 4,
                                    [STS_GROUP_AUTHENTICATION] = 5,
                                    [STS_GROUP_VALIDATION] = 6,
                                    [STS_GROUP_EXECUTION] = 7 };
    axdr_emit_struct(o, 2);
    axdr_emit_enum(o, l->utc_s ? code[sts_result_group(l->result)] : 0);
    return axdr_emit_bits(o, &l->result, 8);
}

static enum dar get_status(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)at;
    emit_token_status(o, last_of(app));
    return DAR_OK;
}

static void text_of_bcd(const uint8_t *p, char text[TEXT])
{
    for (unsigned i = 0; i < BCD; i++) {
        text[2 * i] = (char)('0' + (p[i] >> 4));
        text[2 * i + 1] = (char)('0' + (p[i] & 15));
    }
}

/* 66 bits in nine octets, as a decimal number: divided by ten, digit by digit. */
static void text_of_binary(const uint8_t *p, char text[TEXT])
{
    uint8_t v[BINARY];
    memcpy(v, p, sizeof v);
    for (unsigned d = TEXT; d-- > 0;) {
        unsigned rest = 0;
        for (unsigned i = 0; i < BINARY; i++) {
            rest = rest << 8 | v[i];
            v[i] = (uint8_t)(rest / 10);
            rest %= 10;
        }
        text[d] = (char)('0' + rest);
    }
    for (unsigned i = 0; i < BINARY; i++) /* more than twenty digits say: no token */
        if (v[i]) text[0] = '?';
}

/* Twenty digits in octets of two, in characters, or the 66 bits themselves. What became of the
 * token is told by token_status: a method that was carried out succeeds. */
static enum dar call_enter(void *app, const struct cosem_at *at, struct axdr_in *arg,
                           struct cosem_ret *ret)
{
    char text[TEXT_MAX];
    size_t n = 0;
    (void)ret;
    const uint8_t *p = axdr_read_string(arg, AXDR_OCTETS, &n);
    if (arg->bad) return DAR_TYPE;
    if (n > sizeof text) return DAR_OTHER;
    if (n == BCD)
        text_of_bcd(p, text);
    else if (n == BINARY)
        text_of_binary(p, text);
    else if (n)
        memcpy(text, p, n);
    if (n == BCD || n == BINARY) n = TEXT;
    int err = prepay_enter_text(meter_of(app), at->who, at->row->bind.id, text, n);
    wipe(text, sizeof text);
    return err == E_BUSY ? DAR_PENDING : err < 0 ? err : DAR_OK;
}

const struct cosem_attr gateway_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_token },       [COSEM_ATTR(3)] = { .get = get_time },
    [COSEM_ATTR(4)] = { .get = get_description }, [COSEM_ATTR(5)] = { .get = get_delivery },
    [COSEM_ATTR(6)] = { .get = get_status },
};
const struct cosem_method gateway_method[] = { [COSEM_METHOD(1)] = { .call = call_enter } };

/* -- STS attributes ------------------------------------------------------------------------ */

/* {issuer identification number, decoder reference number, check digit} */
static enum dar get_pan(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    enum { IIN = 6 };
    char pan[PREPAY_PAN + 1];
    uint64_t part[2] = { 0, 0 };
    (void)at;
    prepay_pan(meter_of(app), pan);
    for (unsigned i = 0; i < PREPAY_PAN - 1; i++)
        part[i >= IIN] = part[i >= IIN] * 10 + (uint64_t)(pan[i] - '0');
    axdr_emit_struct(o, 3);
    axdr_emit_u32(o, (uint32_t)part[0]);
    axdr_emit_u64(o, part[1]);
    return axdr_emit_u8(o, (uint8_t)(pan[PREPAY_PAN - 1] - '0'));
}

static enum dar get_commodity(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app, (void)at;
    return axdr_emit_string(o, AXDR_VISIBLE, "ELECTRICITY", 11);
}

/* Keypad, and virtual token carriers (IEC 62055-41 table of TCT). */
static enum dar get_carriers(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app, (void)at;
    axdr_emit_array(o, 2);
    axdr_emit_u8(o, 2);
    return axdr_emit_u8(o, 7);
}

/* Attributes 5 to 11 are numbers beside the key. Without one there is nothing to tell. */
static enum dar get_number(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct sts_key k;
    if (prepay_key_get(meter_of(app), &k)) return DAR_UNAVAILABLE;
    const uint8_t number[] = { k.ea, 0, k.ti, k.krn, k.kt, k.ken, k.ea == STS_EA_STA ? 3 : 4 };
    if (at->id == 6)
        axdr_emit_u32(o, k.sgc);
    else
        axdr_emit_u8(o, number[at->id - 5]);
    wipe(&k, sizeof k);
    return DAR_OK;
}

/* No certificate: the association's tests have not been taken. */
static enum dar get_certificate(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    (void)app, (void)at;
    return axdr_emit_string(o, AXDR_VISIBLE, "", 0);
}

const struct cosem_attr sts_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_pan },          [COSEM_ATTR(3)] = { .get = get_commodity },
    [COSEM_ATTR(4)] = { .get = get_carriers },     [COSEM_ATTR(5)] = { .get = get_number },
    [COSEM_ATTR(6)] = { .get = get_number },       [COSEM_ATTR(7)] = { .get = get_number },
    [COSEM_ATTR(8)] = { .get = get_number },       [COSEM_ATTR(9)] = { .get = get_number },
    [COSEM_ATTR(10)] = { .get = get_number },      [COSEM_ATTR(11)] = { .get = get_number },
    [COSEM_ATTR(12)] = { .get = get_certificate },
};

/* -- messages: {array of numbers, tokens are taken, wake-ups are, answers are sent} -------- */

static size_t number_length(const uint8_t number[SMS_NUMBER])
{
    size_t n = 0;
    while (n < SMS_NUMBER && number[n]) n++;
    return n;
}

static enum dar get_sms(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    uint8_t setup[SMS_SETUP] = { 0 };
    int n = param_read(meter_of(app), PARAM_SMS, setup, sizeof setup);
    unsigned numbers = n < 1 ? 0 : (unsigned)(n - 1) / SMS_NUMBER;
    (void)at;
    if (n < 0) return n;
    axdr_emit_struct(o, 4);
    axdr_emit_array(o, numbers);
    for (unsigned i = 0; i < numbers; i++)
        axdr_emit_octets(o, setup + 1 + i * SMS_NUMBER,
                         number_length(setup + 1 + i * SMS_NUMBER));
    for (unsigned bit = SMS_TAKES_TOKENS; bit <= SMS_REPLIES; bit <<= 1)
        axdr_emit_bool(o, setup[0] & bit);
    return DAR_OK;
}

static bool is_number(const uint8_t *p, size_t n)
{
    if (!p || n < 1 || n > SMS_NUMBER) return false;
    for (size_t i = 0; i < n; i++)
        if ((p[i] < '0' || p[i] > '9') && !(i == 0 && p[i] == '+' && n > 1)) return false;
    return true;
}

static enum dar set_sms(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    uint8_t setup[SMS_SETUP] = { 0 };
    if (!axdr_read_struct(in, 4)) return DAR_TYPE;
    uint32_t numbers = axdr_read_head(in, AXDR_ARRAY);
    if (in->bad) return DAR_TYPE;
    if (numbers > SMS_NUMBERS) return DAR_OTHER;
    for (uint32_t i = 0; i < numbers; i++) {
        size_t n = 0;
        const uint8_t *p = axdr_read_string(in, AXDR_OCTETS, &n);
        if (in->bad) return DAR_TYPE;
        if (!is_number(p, n)) return DAR_OTHER;
        memcpy(setup + 1 + i * SMS_NUMBER, p, n);
    }
    for (unsigned bit = SMS_TAKES_TOKENS; bit <= SMS_REPLIES; bit <<= 1)
        if (axdr_read_bool(in)) setup[0] = (uint8_t)(setup[0] | bit);
    if (in->bad) return DAR_TYPE;
    size_t size =
        numbers || setup[0] ? 1 + numbers * SMS_NUMBER : 0; /* as delivered: nothing */
    return param_write(meter_of(app), at->who, PARAM_SMS, setup, size);
}

const struct cosem_attr sms_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_sms, .set = set_sms },
};

/* -- the PIN of messages: written, never read; none at all: none is asked for -------------- */

static enum dar set_pin(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    struct secure_key k = { .slot = SECURE_SMS_PIN };
    size_t n = 0;
    const uint8_t *p = axdr_read_string(in, AXDR_OCTETS, &n);
    if (in->bad) return DAR_TYPE;
    if (n && (n < SMS_PIN_MIN || n > SMS_PIN_MAX)) return DAR_OTHER;
    for (size_t i = 0; i < n; i++)
        if (p[i] < '0' || p[i] > '9') return DAR_OTHER;
    k.length = (uint8_t)n;
    if (n) memcpy(k.octets, p, n);
    int err = secure_keys_set(meter_of(app), at->who, &k, 1, NULL);
    wipe(&k, sizeof k);
    return err;
}

const struct cosem_attr sms_pin_attr[] = {
    [COSEM_ATTR(2)] = { .get = cosem_hidden, .set = set_pin },
};

/* -- the customer's units ------------------------------------------------------------------ */

/* {serial number, radio, state, last contact, key}. Serial number and radio
 * are written, the rest is found out; the key of every unit is number 0, made from the unicast key. */

static enum dar get_units(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    struct meter *m = meter_of(app);
    struct unit_entry e[UNIT_PLACES];
    unsigned n = 0;
    (void)at;
    unit_list(m, e);
    while (n < UNIT_PLACES && e[n].serial) n++;
    axdr_emit_array(o, n);
    for (unsigned i = 0; i < n; i++) {
        const struct unit *u = unit_known(m, e[i].serial);
        axdr_emit_struct(o, 5);
        axdr_emit_u32(o, e[i].serial);
        axdr_emit_enum(o, e[i].radio);
        axdr_emit_enum(o, (uint8_t)unit_state(m, &e[i]));
        emit_moment(m, o, (utc_t){ u ? u->heard_s : 0 });
        axdr_emit_u8(o, 0);
    }
    return DAR_OK;
}

static enum dar set_units(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    struct unit_entry e[UNIT_PLACES];
    uint32_t n = axdr_read_head(in, AXDR_ARRAY);
    if (in->bad) return DAR_TYPE;
    if (n > UNIT_PLACES) return DAR_OTHER;
    for (uint32_t i = 0; i < n; i++) {
        size_t length;
        if (!axdr_read_struct(in, 5)) return DAR_TYPE;
        e[i].serial = axdr_read_u32(in);
        e[i].radio = axdr_read_enum(in);
        axdr_read_enum(in);
        axdr_read_string(in, AXDR_OCTETS, &length);
        axdr_read_u8(in);
    }
    if (in->bad) return DAR_TYPE;
    courier_session_end(app); /* who is paired anew begins anew */
    return unit_set(meter_of(app), at->who, e, n);
}

const struct cosem_attr units_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_units, .set = set_units },
};

/* -- what became of them: {time, percent of frames, state} --------------------------------- */

static enum dar past_open(void *app, const struct cosem_at *at, const struct cosem_sel *sel,
                          struct span *s)
{
    (void)at, (void)sel;
    s->end = meter_of(app)->units.past_n;
    return DAR_OK;
}

static enum dar past_row(void *app, const struct cosem_at *at, uint32_t i, struct span *s,
                         struct axdr_out *o)
{
    struct unit_past p;
    (void)at, (void)s;
    if (unit_past(meter_of(app), i, &p) < 0) return DAR_BLOCK;
    axdr_emit_struct(o, 3);
    emit_moment(meter_of(app), o, (utc_t){ p.utc_s });
    axdr_emit_u8(o, p.quality);
    return axdr_emit_enum(o, p.state);
}

static const struct cosem_seq past_seq = { .open = past_open, .row = past_row };
const struct cosem_attr unit_past_attr[] = {
    [COSEM_ATTR(2)] = { .seq = &past_seq },
};

/* -- the short codes they turn through ----------------------------------------------------- */

static const struct axdr_field code_field = { .kind = AXDR_K_U16 };
static const struct row_shape code_shape = { &code_field, 1, sizeof(uint16_t), UNIT_CODES };

static enum dar get_unit_codes(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    uint16_t code[UNIT_CODES];
    unsigned n = unit_codes(meter_of(app), code);
    (void)at;
    return emit_rows(o, &code_shape, code, n);
}

static enum dar set_unit_codes(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    uint16_t code[UNIT_CODES];
    int n = read_rows(in, &code_shape, code);
    return n < 0 ? n : unit_set_codes(meter_of(app), at->who, code, (unsigned)n);
}

const struct cosem_attr unit_codes_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_unit_codes, .set = set_unit_codes },
};

/* -- {year from which TIDs count, lowest of the TIDs held} --------------------------------- */

static enum dar get_window(void *app, const struct cosem_at *at, struct axdr_out *o)
{
    const struct meter *m = meter_of(app);
    (void)at;
    axdr_emit_struct(o, 2);
    axdr_emit_u16(o, (uint16_t)param_get(m, PARAM_STS_BASE));
    return axdr_emit_u32(o, prepay_window(m));
}

static enum dar set_window(void *app, const struct cosem_at *at, struct axdr_in *in)
{
    axdr_read_struct(in, 2);
    int32_t year = axdr_read_u16(in);
    uint32_t tid = axdr_read_u32(in);
    if (in->bad) return DAR_TYPE;
    return prepay_window_set(meter_of(app), at->who, year, tid);
}

const struct cosem_attr window_attr[] = {
    [COSEM_ATTR(2)] = { .get = get_window, .set = set_window },
};
