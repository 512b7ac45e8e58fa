/* fuzz_meter_records.c - what a journal may hand to a meter at power-up: any records, any
 * octets.
 *
 * Input: {type 1, length 1, body}. After them everything that can be told as a number is asked
 * for, and the meter goes on with what it has.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "meter/hot.h"
#include "meter/meter.h"
#include "port/common/nor_mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct meter m;
static struct store_scratch scratch;
static struct nor_mem nor;
static uint8_t flash[8 << 20];

static void ask(void)
{
    for (uint16_t id = 0; id < REG_COUNT; id++) (void)reg_at(&m.now, id);
    for (unsigned k = 0; k < CELLS * DIRECTIONS; k++)
        (void)energy_nj(&m.energy, &m.now, k / 2, k % 2);
    demand_refresh(&m);
    energy_restored(&m.energy, &m.now);
    alarm_show(&m);
    struct interval i;
    average_begin(&m.average, &i);
    for (unsigned k = 0; k < CFG_SURVEYS; k++)
        average_read(&m.average, &m.survey[k].interval, &m.now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct meter_io io = { .nor = &nor.nor, .scratch = &scratch };
    nor_mem_init(&nor, flash, sizeof flash, (struct nor_times){ 0, 0 });
    meter_init(&m, &cfg_single_phase, &io);
    while (size >= 2 && size - 2 >= data[1]) {
        uint8_t body[256];
        memcpy(body, data + 2, data[1]);
        hot_replay(&m, data[0], body, data[1]);
        size -= 2u + data[1];
        data += 2 + data[1];
    }
    ask();
    /* what came in goes out again, and comes in the same */
    for (unsigned piece = 0;; piece++) {
        uint8_t type, out[JOURNAL_BODY_MAX];
        int n = hot_checkpoint(&m, piece, &type, out);
        if (n < 0) break;
        hot_replay(&m, type, out, (size_t)n);
    }
    ask();
    return 0;
}
