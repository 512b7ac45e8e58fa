#include "meter/supply/board.h"

#include "base/bytes.h"
#include "base/crc.h"
#include "meter/meter.h"

enum { PIECE = 1024, SUM = 4, PATTERN = 0xA5, SECOND_US = 1000000 };
enum { SUPERCAP_MV = 4000 }; /* of 5 V, after an hour of supply */
enum {
    FAULT_PROGRAM = 1 << 0,
    FAULT_INTEGRITY = 1 << 1,
    FAULT_RAM = 1 << 2,
    FAULT_WATCHDOG = 1 << 3,
    FAULT_DISPLAY = 1 << 4,
    FAULT_MODULE = 1 << 5,
    FAULT_SUPERCAP = 1 << 6,
};

/* The fault is there, or it is not: told when it comes. */
static void judge(struct meter *m, uint8_t fault, bool is)
{
    static const uint16_t code[] = { EV_PROGRAM_MEMORY,  EV_INTEGRITY_FAILED, EV_RAM_ERROR,
                                     EV_WATCHDOG,        EV_DISPLAY_FAILURE,  EV_MODULE_FAILURE,
                                     EV_SUPERCAP_FAILURE };
    uint8_t *faults = &m->board.faults;
    if (is && !(*faults & fault))
        event_post(m, (enum event)code[__builtin_ctz(fault)], NULL, NULL);
    *faults = (uint8_t)(is ? *faults | fault : *faults & ~fault);
}

/* -- the program --------------------------------------------------------------------------- */

static void begin_pass(struct meter *m)
{
    const struct board_io *b = m->io->board;
    if (!b || b->program_octets <= SUM || m->board.at) return;
    m->board.sum = CRC32_SEED;
    timer_set(m, TIMER_BOARD, mono_after(m->t, SECOND_US));
}

static void end_pass(struct meter *m)
{
    const struct board_io *b = m->io->board;
    uint8_t kept[SUM];
    b->program(m->io->ctx, m->board.at, kept, SUM);
    bool is_spoiled = le_get32(kept) != crc32_end(m->board.sum);
    bool from_start = m->board.faults & FAULT_PROGRAM;
    judge(m, FAULT_INTEGRITY, is_spoiled && m->board.again && !from_start);
    judge(m, FAULT_PROGRAM, is_spoiled && (!m->board.again || from_start));
    m->board.again = true;
    m->board.at = 0;
}

void board_due(struct meter *m, utc_t due)
{
    const struct board_io *b = m->io->board;
    uint8_t octets[64];
    uint32_t end = b->program_octets - SUM, at = m->board.at;
    uint32_t to = end - at < PIECE ? end : at + PIECE;
    (void)due;
    for (uint32_t n; at < to; at += n) {
        n = to - at < sizeof octets ? to - at : sizeof octets;
        b->program(m->io->ctx, at, octets, n);
        m->board.sum = crc32_more(m->board.sum, octets, n);
    }
    m->board.at = at;
    if (at == end)
        end_pass(m);
    else
        timer_set(m, TIMER_BOARD, mono_after(m->t, SECOND_US));
}

/* -- all of it ----------------------------------------------------------------------------- */

void board_power_up(struct meter *m)
{
    const struct board_io *b = m->io->board;
    if (!b) return;
    judge(m, FAULT_RAM, b->ram_is_sound && !b->ram_is_sound(m->io->ctx));
    judge(m, FAULT_WATCHDOG, b->was_watchdog && b->was_watchdog(m->io->ctx));
    begin_pass(m);
}

void board_hour(struct meter *m)
{
    static const struct board_io none;
    const struct meter_io *io = m->io;
    const struct board_io *b = io->board ? io->board : &none;
    bool module = m->inputs.settled & INPUT_MODULE;
    judge(m, FAULT_DISPLAY, b->display_keeps && !b->display_keeps(io->ctx, PATTERN));
    judge(m, FAULT_MODULE, module && b->module_answers && !b->module_answers(io->ctx));
    judge(m, FAULT_SUPERCAP, io->supercap_mv && io->supercap_mv(io->ctx) < SUPERCAP_MV);
    begin_pass(m);
}
