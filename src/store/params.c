#include "store/params.h"

#include <string.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/sys.h"
#include "store/keys.h"
#include "store/kv.h"

/* ---- values ---- */

static struct log params(struct store *s, uint16_t id)
{
    struct log l = kv_log(s, OWN_PARAMS);
    ensure(id < l.ids);
    return l;
}

int params_read(struct store *s, uint16_t id, size_t offset, void *dst, size_t n)
{
    struct log l = params(s, id);
    return kv_read(s, &l, id, offset, dst, n);
}

int params_peek(struct store *s, uint16_t id, size_t offset, void *dst, size_t n)
{
    struct log l = params(s, id);
    struct entry e;
    int r = kv_find(s, &l, id, &e);
    if (r < 0) return r;
    if (offset + n > e.length || e.value + e.length > kv_half_size(&l)) return E_CRC;
    uint32_t at = kv_base(&l, kv_half_of(&l, id)) + e.value + (uint32_t)offset;
    return flash_read(&s->flash, at, dst, n) < 0 ? E_CRC : (int)n;
}

int params_length(struct store *s, uint16_t id)
{
    struct log l = params(s, id);
    struct entry e;
    int r = kv_find(s, &l, id, &e);
    return r < 0 ? r : e.length;
}

uint32_t params_generation(struct store *s, uint16_t id)
{
    struct log l = params(s, id);
    return kv_generation(s, &l, id);
}

int params_check(struct store *s, uint16_t id)
{
    struct log l = params(s, id);
    struct entry e;
    int r = kv_find(s, &l, id, &e);
    if (r < 0) return r;
    return kv_value_crc(s, &l, kv_half_of(&l, id), &e) == e.crc ? 0 : E_CRC;
}

/* ---- keys ---- */

static struct log keys(struct store *s, uint16_t id)
{
    struct log l = kv_log(s, OWN_KEYS);
    ensure(id < l.ids);
    return l;
}

int keys_read(struct store *s, uint16_t id, uint8_t wrapped[KEYS_WRAP_MAX])
{
    struct log l = keys(s, id);
    int n = kv_read(s, &l, id, 0, wrapped, KEYS_WRAP_MAX);
    return n == 0 ? E_NONE : n;
}

uint32_t keys_generation(struct store *s, uint16_t id)
{
    struct log l = keys(s, id);
    return kv_generation(s, &l, id);
}

/* ---- stage ---- */

static void stage_close(struct store *s)
{
    struct log l = kv_log(s, OWN_PARAMS);
    s->stage.open = false;
    kv_judge(s, &l);
}

int params_stage_begin(struct store *s, uint16_t id, size_t max)
{
    struct log l = params(s, id);
    ensure(max > 0);
    txn_finish(s);
    if (s->stage.open) return E_BUSY;
    if (max > PARAMS_VALUE_MAX || !kv_can_take(s, OWN_PARAMS, id, max)) return E_SPACE;
    uint32_t at = kv_place(s, &l, l.kv->active, l.kv->at, KV_ENTRY + max);
    if (at + KV_ENTRY + max + kv_reserve(&l) > kv_half_size(&l)) {
        l.kv->is_wanted = true;
        kv_judge(s, &l);
        return E_BUSY;
    }
    while (!flash_has_room(&s->flash, KV_ENTRY)) store_drive(s);
    struct entry e = { .kind = KV_STAGE, .id = id, .length = (uint16_t)max, .crc = UINT32_MAX };
    e.generation = l.kv->generation;
    kv_put(s, &l, &e, NULL);
    s->stage =
        (struct stage){ .at = e.at + KV_ENTRY, .id = id, .max = (uint16_t)max, .open = true };
    return 0;
}

int params_stage_put(struct store *s, const void *data, size_t n)
{
    struct log l = kv_log(s, OWN_PARAMS);
    ensure(n > 0 && n <= PARAMS_PIECE_MAX);
    txn_finish(s);
    while (!flash_has_room(&s->flash, n)) store_drive(s);
    if (!s->stage.open) return E_STATE;
    if (n > (size_t)(s->stage.max - s->stage.length)) return E_SPACE;
    uint32_t at = kv_base(&l, l.kv->active) + s->stage.at + s->stage.length;
    memcpy(flash_put(&s->flash, OWN_PARAMS, at, n, 0), data, n);
    flash_pump(&s->flash);
    s->stage.length = (uint16_t)(s->stage.length + n);
    return 0;
}

int params_stage_read(struct store *s, size_t offset, void *dst, size_t n)
{
    struct log l = kv_log(s, OWN_PARAMS);
    if (!s->stage.open) return E_STATE;
    if (offset >= s->stage.length) return 0;
    if (n > s->stage.length - offset) n = s->stage.length - offset;
    uint32_t at = kv_base(&l, l.kv->active) + s->stage.at + (uint32_t)offset;
    return flash_read(&s->flash, at, dst, n) < 0 ? E_IO : (int)n;
}

void params_stage_abort(struct store *s)
{
    stage_close(s);
}

/* Its pieces must be down, and good, before a transaction may name them. */
int kv_stage_end(struct store *s, uint32_t generation, uint8_t body[KV_STAGE_BODY])
{
    struct log l = kv_log(s, OWN_PARAMS);
    if (!s->stage.open) return E_STATE;
    store_wait_down(s);
    if (!s->stage.open) return E_CRC;
    struct entry e = { .value = s->stage.at,
                       .id = s->stage.id,
                       .length = s->stage.length,
                       .generation = generation };
    le_put32(body, e.value);
    le_put16(body + 4, e.length);
    le_put32(body + 6, kv_value_crc(s, &l, l.kv->active, &e));
    stage_close(s);
    return 0;
}
