#include "port/mps2/flash.h"

#include "port/common/nor_mem.h"
#include "port/mps2/mps2.h"
#include "port/mps2/port.h"

static uint64_t sample_clock(void *ctx)
{
    (void)ctx;
    return port_mono().us;
}

const struct nor *flash_init(bool live)
{
    static struct nor_mem mem;
    nor_mem_init(&mem, FLASH_WINDOW, FLASH_DATA_SIZE, NOR_TIMES_TYPICAL);
    if (live) mem.clock_us = sample_clock;
    return &mem.nor;
}

const uint8_t *flash_factory(void)
{
    return FLASH_WINDOW + FLASH_FACTORY;
}
