/* trouble.c - what breaks in a scenario: the flash, the board's own parts. */
#include <string.h>

#include "app/scenario/act.h"
#include "app/scenario/world.h"
#include "base/err.h"

/* -- the flash: the host's, and what is wrong with it
 * ---------------------------------------------------- */

static const struct nor *chip(const struct scenario *s)
{
    return s->host.io.nor;
}

static bool is_dead(const struct scenario *s, uint32_t at)
{
    for (unsigned i = 0; i < s->flaws; i++)
        if (s->flaw[i].dead && at >= s->flaw[i].from && at < s->flaw[i].to) return true;
    return false;
}

static int nor_read(void *ctx, uint32_t at, void *dst, size_t n)
{
    struct scenario *s = ctx;
    uint8_t *o = dst;
    int err = chip(s)->read(chip(s)->ctx, at, dst, n);
    for (unsigned i = 0; i < s->flaws && err >= 0; i++)
        if (!s->flaw[i].dead && s->flaw[i].from >= at && s->flaw[i].from < at + n)
            o[s->flaw[i].from - at] ^= 1;
    return err;
}

static int nor_prog(void *ctx, uint32_t at, const void *src, size_t n)
{
    struct scenario *s = ctx;
    return is_dead(s, at) ? E_IO : chip(s)->prog_start(chip(s)->ctx, at, src, n);
}

static int nor_erase(void *ctx, uint32_t at)
{
    struct scenario *s = ctx;
    return is_dead(s, at) ? E_IO : chip(s)->erase_start(chip(s)->ctx, at);
}

static int nor_poll(void *ctx, enum nor_op op)
{
    return chip(ctx)->poll(chip(ctx)->ctx, op);
}

static bool part_of(const struct scenario *s, const char *word, struct part *p)
{
    static const char *const ring[SERIES_IDS] = {
        "survey-1",      "survey-2",   "survey-3", "standard", "fraud",    "relay", "quality",
        "communication", "prepayment", "security", "failure",  "firmware", "power", "tokens",
        "changes",       "monthly",    "daily",    "credits",  "charges"
    };
    const struct store_map *map = s->meter.map;
    for (unsigned i = 0; i < SERIES_IDS; i++)
        if (word_is(word, ring[i])) {
            *p = map->series[i].ring;
            return true;
        }
    *p = word_is(word, "journal") ? map->journal
         : word_is(word, "keys")  ? map->keys
                                  : map->params;
    return word_is(word, "journal") || word_is(word, "keys") || word_is(word, "params");
}

static void wipe_part(struct scenario *s, const struct part *p)
{
    for (unsigned k = 0; k < p->sectors; k++) {
        if (chip(s)->erase_start(chip(s)->ctx, (uint32_t)(p->first + k) * NOR_SECTOR) < 0)
            return;
        while (chip(s)->poll(chip(s)->ctx, NOR_ERASE) == E_BUSY) {
        }
    }
}

static void add_flaw(struct scenario *s, bool dead, uint32_t from, uint32_t to)
{
    if (s->flaws < SCENARIO_FLAWS)
        s->flaw[s->flaws++] = (struct scenario_flaw){ from, to, dead };
}

/* flash dead PART [SECTORS]: its first sectors take nothing any more; flash flips PART OCTET:
 * that octet has a wrong bit; flash wiped PART: all of it is gone (without supply); flash sound */
const char *act_flash(struct scenario *s, const struct words *w)
{
    struct part p;
    int64_t n = 0;
    if (word_is(w->word[1], "sound")) {
        s->flaws = 0;
        return NULL;
    }
    if (w->n < 3 || !part_of(s, w->word[2], &p)) return "which part";
    uint32_t from = (uint32_t)p.first * NOR_SECTOR;
    if (w->n > 3 && (!word_int(w->word[3], &n) || n < 0 || n > (int64_t)p.sectors * NOR_SECTOR))
        return "a number inside the part";
    if (word_is(w->word[1], "dead")) {
        add_flaw(s, true, from, from + (uint32_t)(n ? n : p.sectors) * NOR_SECTOR);
    } else if (word_is(w->word[1], "flips")) {
        add_flaw(s, false, from + (uint32_t)n, 0);
    } else if (word_is(w->word[1], "wiped") && !s->powered) {
        wipe_part(s, &p);
    } else {
        return "dead, flips, or (without supply) wiped";
    }
    return NULL;
}

/* -- the board
 * ----------------------------------------------------------------------------------------- */

static uint16_t faults(void *ctx)
{
    struct scenario *s = ctx;
    uint16_t had = s->faults;
    s->faults &= (uint16_t)~FAULT_WATCHDOG; /* of one start */
    return had;
}

static int supercap_mv(void *ctx)
{
    return ((struct scenario *)ctx)->supercap_mv;
}

/* board program|ram|watchdog|integrity|display|module|sound */
const char *act_board(struct scenario *s, const struct words *w)
{
    static const char *const name[] = { "program",   "ram",     "watchdog",
                                        "integrity", "display", "module" };
    if (word_is(w->word[1], "sound")) {
        s->faults = 0;
        return NULL;
    }
    for (unsigned i = 0; i < sizeof name / sizeof *name; i++) {
        if (!word_is(w->word[1], name[i])) continue;
        s->faults |= (uint16_t)(1u << i);
        return NULL;
    }
    return "program, ram, watchdog, integrity, display, module or sound";
}

/* supercap 4.8V */
const char *act_supercap(struct scenario *s, const struct words *w)
{
    int64_t mv;
    if (!word_with_unit(w->word[1], "V", 3, &mv) || mv < 0 || mv > 10000) return "like 4.8V";
    s->supercap_mv = (int)mv;
    return NULL;
}

void trouble_wire(struct scenario *s)
{
    s->nor = (struct nor){ s, chip(s)->size, nor_read, nor_prog, nor_erase, nor_poll };
    s->io.nor = &s->nor;
    s->io.faults = faults;
    s->io.supercap_mv = supercap_mv;
    s->supercap_mv = 5000;
}
