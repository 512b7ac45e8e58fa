#include "store/flash.h"

#include <string.h>

#include "base/err.h"
#include "base/sys.h"

/* Polls are progress (nor.h); a chip that is still busy after so many is broken. */
enum { POLLS_MAX = 100000000 };

/* Calls by others before the result of an erase is given up: some rounds of all owners. */
enum { PATIENCE = 100 };

void flash_init(struct flash *f, const struct nor *nor, struct flash_fifo *fifo)
{
    ensure(nor->size % NOR_SECTOR == 0);
    memset(f, 0, sizeof *f);
    f->nor = nor;
    f->fifo = fifo;
    memset(&fifo->urgent, 0, sizeof fifo->urgent);
    fifo->arena_in = fifo->arena_used = 0;
    fifo->head = fifo->count = 0;
}

static bool meets(uint32_t a, uint32_t a_n, uint32_t b, uint32_t b_n)
{
    return a < b + b_n && b < a + a_n;
}

/* ---- reading ---- */

/* Octets that one waiting program has still to clear, laid over what was read. */
static void overlay(const struct flash_prog *p, uint32_t at, uint8_t *dst, size_t n)
{
    uint32_t from = at > p->at ? at : p->at;
    uint32_t end = at + (uint32_t)n < p->at + p->n ? at + (uint32_t)n : p->at + p->n;
    for (uint32_t a = from; a < end; a++) dst[a - at] = p->src[a - p->at];
}

static void overlay_all(struct flash *f, uint32_t at, uint8_t *dst, size_t n)
{
    for (unsigned i = 0; i < f->fifo->count; i++) overlay(flash_waiting(f, i), at, dst, n);
    if (f->fifo->urgent.n) overlay(&f->fifo->urgent, at, dst, n);
}

int flash_read(struct flash *f, uint32_t at, void *dst, size_t n)
{
    if (at > f->nor->size || n > f->nor->size - at) return E_IO;
    if (f->is_erasing && meets(at, (uint32_t)n, f->erasing, NOR_SECTOR)) return E_IO;
    if (f->nor->read(f->nor->ctx, at, dst, n) < 0) return E_IO;
    if (!flash_is_down(f)) overlay_all(f, at, dst, n);
    return 0;
}

bool flash_is_blank(struct flash *f, uint32_t at, size_t n)
{
    uint32_t b[NOR_PAGE / 4], all = UINT32_MAX;
    memset(b, 0xFF, sizeof b);
    for (size_t got = 0; got < n && all == UINT32_MAX; got += sizeof b) {
        size_t part = n - got < sizeof b ? n - got : sizeof b;
        if (flash_read(f, at + (uint32_t)got, b, part) < 0) return false;
        for (unsigned i = 0; i < NOR_PAGE / 4; i++) all &= b[i];
    }
    return all == UINT32_MAX;
}

/* Does the chip hold src, whatever is queued? */
static bool holds(struct flash *f, uint32_t at, const uint8_t *src, size_t n)
{
    uint8_t b[NOR_PAGE];
    return f->nor->read(f->nor->ctx, at, b, n) == 0 && memcmp(b, src, n) == 0;
}

/* ---- the queue ---- */

struct flash_prog *flash_waiting(struct flash *f, unsigned i)
{
    struct flash_fifo *q = f->fifo;
    return i < q->count ? &q->prog[(q->head + i) % FLASH_FIFO] : NULL;
}

/* Octets of the arena a copy of n takes: the end is left out when it is too short. */
static size_t arena_need(const struct flash_fifo *q, size_t n)
{
    return q->arena_in + n <= FLASH_ARENA ? n : FLASH_ARENA - q->arena_in + n;
}

bool flash_has_room(const struct flash *f, size_t n)
{
    const struct flash_fifo *q = f->fifo;
    return q->count < FLASH_FIFO && q->arena_used + arena_need(q, n) <= FLASH_ARENA;
}

static struct flash_prog *queue(struct flash *f, uint8_t owner, uint32_t at, size_t n,
                                uint8_t seal)
{
    struct flash_fifo *q = f->fifo;
    ensure(q->count < FLASH_FIFO && n > 0);
    struct flash_prog *p = &q->prog[(q->head + q->count++) % FLASH_FIFO];
    *p = (struct flash_prog){ .at = at, .n = (uint16_t)n, .owner = owner, .seal = seal };
    return p;
}

uint8_t *flash_put(struct flash *f, uint8_t owner, uint32_t at, size_t n, uint8_t seal)
{
    struct flash_fifo *q = f->fifo;
    size_t need = arena_need(q, n);
    ensure(q->arena_used + need <= FLASH_ARENA);
    uint8_t *to = q->arena_in + n <= FLASH_ARENA ? q->arena + q->arena_in : q->arena;
    q->arena_in = (uint16_t)(to - q->arena + (ptrdiff_t)n);
    q->arena_used = (uint16_t)(q->arena_used + need);
    struct flash_prog *p = queue(f, owner, at, n, seal);
    p->src = to;
    p->held = (uint16_t)need;
    return to;
}

void flash_put_in_place(struct flash *f, uint8_t owner, uint32_t at, const uint8_t *src,
                        size_t n, uint8_t seal)
{
    queue(f, owner, at, n, seal)->src = src;
}

static void pop(struct flash *f)
{
    struct flash_fifo *q = f->fifo;
    q->arena_used = (uint16_t)(q->arena_used - q->prog[q->head].held);
    if (q->arena_used == 0) q->arena_in = 0;
    q->head = (uint8_t)((q->head + 1) % FLASH_FIFO);
    q->count--;
}

uint8_t *flash_urgent_page(struct flash *f)
{
    return f->fifo->urgent.n ? NULL : f->fifo->urgent_page;
}

void flash_urgent_go(struct flash *f, uint32_t at, size_t n)
{
    struct flash_prog *p = &f->fifo->urgent;
    *p = (struct flash_prog){ .src = f->fifo->urgent_page, .at = at, .n = (uint16_t)n };
    flash_pump(f);
}

bool flash_is_pending(struct flash *f, uint32_t sector_at)
{
    for (unsigned i = 0; i < f->fifo->count; i++) {
        const struct flash_prog *p = flash_waiting(f, i);
        if (meets(p->at, p->n, sector_at, NOR_SECTOR)) return true;
    }
    return false;
}

/* ---- the chip ---- */

/* Octets of the next program of p: to the end of its page, and not over its seal. */
static uint16_t chunk(const struct flash_prog *p)
{
    uint16_t n = (uint16_t)(p->n - p->done);
    uint16_t page = (uint16_t)(NOR_PAGE - (p->at + p->done) % NOR_PAGE);
    uint16_t body = (uint16_t)(p->n - p->seal);
    if (n > page) n = page;
    if (p->done < body && p->done + n > body) n = (uint16_t)(body - p->done);
    return n;
}

static bool is_urgent(const struct flash *f, const struct flash_prog *p)
{
    return p == &f->fifo->urgent;
}

static void fail(struct flash *f, struct flash_prog *p)
{
    if (is_urgent(f, p))
        f->urgent_failed = true;
    else
        f->failed = true;
}

static struct flash_prog *choose(struct flash *f)
{
    if (f->fifo->urgent.n && !f->urgent_failed) return &f->fifo->urgent;
    if (f->fifo->count && !f->failed && !f->hold) return &f->fifo->prog[f->fifo->head];
    return NULL;
}

/* What is programmed is not just erased any more. */
static int start(struct flash *f, uint32_t at, const uint8_t *src, size_t n)
{
    if (f->erased / NOR_SECTOR == at / NOR_SECTOR) f->has_erased = false;
    return f->nor->prog_start(f->nor->ctx, at, src, n);
}

/* Begin the next program; false when there is none. */
static bool begin(struct flash *f)
{
    struct flash_prog *p = choose(f);
    if (!p) return false;
    f->running_n = chunk(p);
    if (start(f, p->at + p->done, p->src + p->done, f->running_n) < 0)
        fail(f, p);
    else
        f->running = p;
    return true;
}

/* The running program is over, well or not. */
static void end(struct flash *f, int result)
{
    struct flash_prog *p = f->running;
    f->running = NULL;
    if (result < 0 || !holds(f, p->at + p->done, p->src + p->done, f->running_n)) {
        fail(f, p);
        return;
    }
    p->done = (uint16_t)(p->done + f->running_n);
    if (p->done < p->n) return;
    if (is_urgent(f, p))
        p->n = 0;
    else
        pop(f);
}

void flash_pump(struct flash *f)
{
    for (unsigned i = 0; i < FLASH_FIFO * 32; i++) {
        if (!f->running && !begin(f)) return;
        if (!f->running) continue;
        int result = f->nor->poll(f->nor->ctx, NOR_PROG);
        if (result == E_BUSY) return;
        end(f, result);
    }
}

/* Let the program under way end, without beginning another. */
static void drain(struct flash *f)
{
    for (uint32_t i = 0; f->running && i < POLLS_MAX; i++) {
        int result = f->nor->poll(f->nor->ctx, NOR_PROG);
        if (result != E_BUSY) end(f, result);
    }
    if (f->running) end(f, E_IO);
}

static int program_page(struct flash *f, uint32_t at, const uint8_t *src, size_t n)
{
    if (start(f, at, src, n) < 0) return E_IO;
    int result = E_BUSY;
    for (uint32_t i = 0; result == E_BUSY && i < POLLS_MAX; i++)
        result = f->nor->poll(f->nor->ctx, NOR_PROG);
    return result == 0 && holds(f, at, src, n) ? 0 : E_IO;
}

int flash_now(struct flash *f, uint32_t at, const void *src, size_t n)
{
    const uint8_t *from = src;
    drain(f);
    for (size_t done = 0; done < n;) {
        size_t part = NOR_PAGE - (at + done) % NOR_PAGE;
        if (part > n - done) part = n - done;
        if (program_page(f, at + (uint32_t)done, from + done, part) < 0) return E_IO;
        done += part;
    }
    return 0;
}

/* Does the erase under way, whoever ordered it, still go on? If not its result is kept. */
static bool is_erasing(struct flash *f)
{
    if (!f->is_erasing) return false;
    int result = f->nor->poll(f->nor->ctx, NOR_ERASE);
    if (result == E_BUSY && ++f->polls < POLLS_MAX) return true;
    f->is_erasing = false;
    f->erased = f->erasing;
    f->has_erased = true;
    f->erase_result = result == E_BUSY ? E_IO : result;
    return false;
}

/* A result waits for its owner, who compares; until he came no other erase begins, unless he
 * stays away: then he erases again. */
static bool take_result(struct flash *f, uint32_t at, int *result)
{
    if (!f->has_erased || f->erased != at) return false;
    f->has_erased = false;
    *result = f->erase_result == 0 && flash_is_blank(f, at, NOR_SECTOR) ? 0 : E_IO;
    return true;
}

/* One thing a call: an erase is begun, or compared. */
int flash_erase(struct flash *f, uint32_t at)
{
    int result;
    if (take_result(f, at, &result)) return result;
    if (is_erasing(f) || (f->has_erased && f->refused++ < PATIENCE)) return E_BUSY;
    f->has_erased = false;
    f->refused = 0;
    if (f->nor->erase_start(f->nor->ctx, at) < 0) return E_IO;
    f->is_erasing = true;
    f->polls = 0;
    f->erasing = at;
    is_erasing(f);
    return E_BUSY;
}

void flash_end_erase(struct flash *f)
{
    while (is_erasing(f)) {
    }
    f->has_erased = false;
}

/* ---- failure ---- */

struct flash_prog *flash_failed(struct flash *f)
{
    return f->failed ? &f->fifo->prog[f->fifo->head] : NULL;
}

/* The arena is given back in order: what a dropped program held is given back with the one
 * before it, or with the one after it where it was the oldest. */
void flash_drop(struct flash *f, uint8_t owner)
{
    struct flash_fifo *q = f->fifo;
    struct flash_prog *last = NULL;
    uint16_t orphaned = 0;
    unsigned n = q->count;
    drain(f);
    q->count = 0;
    for (unsigned i = 0; i < n; i++) {
        struct flash_prog p = q->prog[(q->head + i) % FLASH_FIFO];
        if (p.owner == owner) {
            orphaned = (uint16_t)(orphaned + p.held);
        } else {
            last = &q->prog[(q->head + q->count++) % FLASH_FIFO];
            *last = p;
        }
        if (last) last->held = (uint16_t)(last->held + orphaned);
        if (last) orphaned = 0;
    }
    q->arena_used = (uint16_t)(q->arena_used - orphaned);
    if (q->arena_used == 0) q->arena_in = 0;
    f->failed = false;
}
