#include "port/mps2/chip.h"

#include "port/common/nor_mem.h"
#include "port/mps2/mps2.h"
#include "port/mps2/port.h"

static uint64_t sample_clock(void *ctx)
{
    (void)ctx;
    return port_mono().us;
}

static struct nor_mem mem;

const struct nor *chip_init(void)
{
    nor_mem_init(&mem, FLASH_WINDOW, FLASH_DATA_SIZE, NOR_TIMES_TYPICAL);
    return &mem.nor;
}

void chip_live(void)
{
    mem.clock_us = sample_clock;
}

const uint8_t *chip_factory(void)
{
    return FLASH_WINDOW + FLASH_FACTORY;
}
