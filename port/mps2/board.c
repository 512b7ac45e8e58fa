#include "port/mps2/board.h"

#include <string.h>

#include "port/mps2/mps2.h"

extern const uint8_t link_flash_start[], link_sum[];

enum { SUM = 4, PATIENCE_S = 8, UNLOCK = 0x1ACCE551, INTERRUPT = 1, RESET = 2 };

static void program(void *ctx, uint32_t at, uint8_t *dst, size_t n)
{
    (void)ctx;
    memcpy(dst, link_flash_start + at, n);
}

static bool ram_is_sound(void *ctx)
{
    (void)ctx;
    return start_found_sound_ram();
}

static bool was_watchdog(void *ctx)
{
    (void)ctx;
    return start_was_watchdog();
}

const struct board_io *board_io(void)
{
    static struct board_io io = { .program = program,
                                  .ram_is_sound = ram_is_sound,
                                  .was_watchdog = was_watchdog };
    io.program_octets = (uint32_t)(link_sum + SUM - link_flash_start);
    return &io;
}

void board_alive(void)
{
    REG(WATCHDOG + 0xC00) = UNLOCK;
    if (REG(WATCHDOG + 8)) {
        REG(WATCHDOG + 0xC) = 1; /* counts from the top again */
        return;
    }
    REG(WATCHDOG) = (uint32_t)CPU_HZ * PATIENCE_S;
    REG(WATCHDOG + 8) = INTERRUPT | RESET;
}
