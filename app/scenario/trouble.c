/* trouble.c - what breaks in a scenario: the flash, the board's own parts. */
#include <string.h>

#include "app/scenario/act.h"
#include "app/scenario/world.h"
#include "base/bytes.h"
#include "base/crc.h"
#include "base/err.h"
#include "port/common/march.h"

/* -- the flash: the host's, and what is wrong with it -------------------------------------- */

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

/* -- the board ----------------------------------------------------------------------------- */

static int supercap_mv(void *ctx)
{
    return ((struct scenario *)ctx)->supercap_mv;
}

static struct scenario_board *board_of(void *ctx)
{
    return &((struct scenario *)ctx)->board;
}

static void program(void *ctx, uint32_t at, uint8_t *dst, size_t n)
{
    memcpy(dst, board_of(ctx)->program + at, n);
}

static uint32_t ram_get(void *ctx, size_t word)
{
    const struct scenario_board *b = board_of(ctx);
    return b->stuck == word + 1 ? b->ram[word] | 0x100 : b->ram[word];
}

static void ram_put(void *ctx, size_t word, uint32_t v)
{
    board_of(ctx)->ram[word] = v;
}

static bool ram_is_sound(void *ctx)
{
    return march(ctx, SCENARIO_RAM, ram_get, ram_put);
}

static bool was_watchdog(void *ctx)
{
    bool was = board_of(ctx)->barked;
    board_of(ctx)->barked = false;
    return was;
}

static bool display_keeps(void *ctx, uint8_t pattern)
{
    return (board_of(ctx)->display_mute ? 0 : pattern) == pattern;
}

static bool module_answers(void *ctx)
{
    return !board_of(ctx)->module_mute;
}

static bool jumper(void *ctx)
{
    return board_of(ctx)->jumper;
}

static const struct board_io board = { .program_octets = SCENARIO_PROGRAM,
                                       .program = program,
                                       .ram_is_sound = ram_is_sound,
                                       .was_watchdog = was_watchdog,
                                       .display_keeps = display_keeps,
                                       .module_answers = module_answers };

/* As it leaves the works. */
static void repair(struct scenario_board *b)
{
    enum { OCTETS = SCENARIO_PROGRAM - 4 };
    *b = (struct scenario_board){ .barked = b->barked };
    for (unsigned i = 0; i < OCTETS; i++) b->program[i] = (uint8_t)(i * 7 + i / 256);
    le_put32(b->program + OCTETS, crc32(b->program, OCTETS));
}

/* Its processor stands still until the watchdog starts it again, two seconds later. */
static const char *hang(struct scenario *s)
{
    if (!s->powered) return "the supply is off";
    world_power(s, false, false);
    s->true_us += 2000000;
    s->board.barked = true;
    return world_power(s, true, false) < 0 ? "the meter does not start" : NULL;
}

/* board program OCTET: a bit of that octet turns; board ram WORD: a bit of it sticks; board
 * hangs; board display|module mute; board jumper; board sound */
const char *act_board(struct scenario *s, const struct words *w)
{
    struct scenario_board *b = &s->board;
    int64_t n = 0;
    bool number = w->n > 2 && word_int(w->word[2], &n);
    bool mute = w->n > 2 && word_is(w->word[2], "mute");
    if (word_is(w->word[1], "hangs")) return hang(s);
    if (word_is(w->word[1], "sound"))
        repair(b);
    else if (word_is(w->word[1], "program") && number && n >= 0 && n < SCENARIO_PROGRAM)
        b->program[n] ^= 0x10;
    else if (word_is(w->word[1], "ram") && number && n >= 0 && n < SCENARIO_RAM)
        b->stuck = (uint16_t)(n + 1);
    else if (word_is(w->word[1], "display") && mute)
        b->display_mute = true;
    else if (word_is(w->word[1], "module") && mute)
        b->module_mute = true;
    else if (word_is(w->word[1], "jumper"))
        b->jumper = true;
    else
        return "program OCTET, ram WORD, hangs, display mute, module mute, jumper or sound";
    return NULL;
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
    s->io.board = &board;
    s->io.jumper = jumper;
    repair(&s->board);
    s->io.supercap_mv = supercap_mv;
    s->supercap_mv = 5000;
}
