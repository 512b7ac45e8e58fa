/* fuzz_client.c - a hostile meter: what a client asks is answered from the input. The first
 * octet chooses who the client is; then come answers, each behind a length of two octets. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "dlms/cipher.h"
#include "tools/client/objects.h"
#include "tools/client/profile.h"
#include "tools/client/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Challenges and dedicated keys that are always the same. */
void protect_random(void *dst, size_t n)
{
    memset(dst, 0x11, n);
}

struct meter {
    struct carrier base;
    const uint8_t *p;
    size_t n;
    unsigned asked;
};

static int meter_send(struct carrier *c, const uint8_t *apdu, size_t n, struct trouble *t)
{
    struct meter *m = (struct meter *)c;
    (void)apdu, (void)n, (void)t;
    return ++m->asked > 2000 ? E_IO : 0;
}

static int meter_receive(struct carrier *c, struct buf *apdu, int timeout_ms, struct trouble *t)
{
    struct meter *m = (struct meter *)c;
    (void)timeout_ms;
    if (m->n < 2) return trouble(t, E_IO, "nothing more");
    size_t n = (size_t)(m->p[0] << 8 | m->p[1]);
    if (n > m->n - 2) n = m->n - 2;
    buf_clear(apdu);
    buf_put(apdu, m->p + 2, n);
    m->p += 2 + n;
    m->n -= 2 + n;
    return 1;
}

static void meter_close(struct carrier *c)
{
    (void)c;
}

static void configure(struct session_config *c, uint8_t who)
{
    session_config_default(c);
    c->keep_counter = false;
    c->timeout_ms = 10;
    c->mechanism = (uint8_t[]){ MECH_NONE, MECH_LLS, MECH_GMAC, MECH_SHA256 }[who & 3];
    c->ciphered = who & 4;
    c->guard = who & 8 ? GUARD_DED : GUARD_GLO;
    c->dedicated = who & 8;
    c->gbt_window = who & 16 ? 3 : 0;
    c->secret_n = 8;
    memcpy(c->secret, "12345678", 8);
    for (unsigned i = 0; i < 16; i++) {
        c->keys.global.ek[i] = (uint8_t)i;
        c->keys.global.ak[i] = (uint8_t)(0xD0 + i);
    }
    c->keys.global.len = 16;
    c->keys.has_global = c->keys.has_client_title = true;
    memcpy(c->keys.client_title, "MGC\0\0\0\0\1", 8);
}

static void read_profile(struct session *s, struct trouble *t)
{
    static const struct target o = { 7, { 1, 0, 99, 1, 0, 255 }, 2 };
    struct profile p;
    struct profile_row row;
    struct selection sel = { 0 };
    if (profile_open(&p, s, &o, t)) return;
    if (profile_fetch(&p, s, &sel, t) == 0) {
        profile_rows(&row, &p);
        while (profile_next(&row) == 1)
            for (size_t i = 0; i < p.columns; i++)
                json_decref(value_json(buf_in(row.value[i]), false));
        profile_rows_free(&row);
    }
    profile_free(&p);
}

static void use(struct session *s)
{
    static const struct target o = { 1, { 0, 0, 96, 1, 0, 255 }, 2 };
    struct item items[3] = { { .target = o }, { .target = o }, { .target = o } };
    struct objects list;
    struct trouble t;
    struct buf data = { 0 }, long_one = { 0 };
    session_get(s, &o, NULL, &data, &t);
    if (objects_read(&list, s, &t) == 0) objects_free(&list);
    session_get_list(s, items, 3, &t);
    buf_put_head(&long_one, AXDR_OCTETS, 3000);
    for (int i = 0; i < 3000; i++) buf_put_u8(&long_one, 7);
    session_set(s, &o, NULL, &long_one, &t);
    session_action(s, &o, &long_one, &data, &t);
    items[1].kind = ITEM_SET;
    items[2].kind = ITEM_ACTION;
    session_access(s, items, 3, false, &t);
    read_profile(s, &t);
    session_listen(s, 1, &t);
    for (int i = 0; i < 3; i++) buf_free(&items[i].data);
    buf_free(&data);
    buf_free(&long_one);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct meter m = {
        { meter_send, meter_receive, meter_close, false }, data + 1, size - 1, 0
    };
    struct session_config cfg;
    struct session s;
    struct trouble t;
    if (size == 0) return 0;
    configure(&cfg, data[0]);
    session_init(&s, &cfg, &m.base);
    if (data[0] & 32) { /* into the services at once */
        s.associated = true;
        s.conformance = 0xFFFFFF;
        s.server_max = 200;
    } else if (session_open(&s, &t) < 0) {
        session_close(&s);
        return 0;
    }
    use(&s);
    session_close(&s);
    return 0;
}
