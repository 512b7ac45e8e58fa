<<<<<<<< HEAD:port/mps2/chip.c
#include "port/mps2/chip.h"
========
#include "port/mps2/nor_window.h"
>>>>>>>> b6e1de8 (Porting: a template port, and what a port supplies):port/mps2/nor_window.c

#include "port/common/nor_mem.h"
#include "port/mps2/mps2.h"
#include "port/mps2/port.h"

static uint64_t sample_clock(void *ctx)
{
    (void)ctx;
    return port_mono().us;
}

static struct nor_mem mem;

<<<<<<<< HEAD:port/mps2/chip.c
const struct nor *chip_init(void)
========
const struct nor *nor_window_init(void)
>>>>>>>> b6e1de8 (Porting: a template port, and what a port supplies):port/mps2/nor_window.c
{
    nor_mem_init(&mem, FLASH_WINDOW, NOR_WINDOW_DATA, NOR_TIMES_TYPICAL);
    return &mem.nor;
}

<<<<<<<< HEAD:port/mps2/chip.c
void chip_live(void)
========
void nor_window_live(void)
>>>>>>>> b6e1de8 (Porting: a template port, and what a port supplies):port/mps2/nor_window.c
{
    mem.clock_us = sample_clock;
}

<<<<<<<< HEAD:port/mps2/chip.c
const uint8_t *chip_factory(void)
========
const uint8_t *nor_window_factory(void)
>>>>>>>> b6e1de8 (Porting: a template port, and what a port supplies):port/mps2/nor_window.c
{
    return FLASH_WINDOW + NOR_WINDOW_FACTORY;
}
