#include "port/template/spi_nor.h"

#include <string.h>

#include "base/err.h"

enum command {
    PAGE_PROGRAM = 0x02,
    READ = 0x03,
    READ_STATUS = 0x05,
    WRITE_ENABLE = 0x06,
    SECTOR_ERASE = 0x20,
    SUSPEND = 0x75,
    RESUME = 0x7A
};
enum { STATUS_BUSY = 1 };

static int order(struct spi_nor *s, enum command command)
{
    uint8_t octet = (uint8_t)command;
    return s->transfer(s->bus, &octet, 1, NULL, 0);
}

static void address(uint8_t head[4], enum command command, uint32_t at)
{
    head[0] = (uint8_t)command;
    head[1] = (uint8_t)(at >> 16);
    head[2] = (uint8_t)(at >> 8);
    head[3] = (uint8_t)at;
}

/* 0, E_BUSY, E_IO. */
static int status(struct spi_nor *s)
{
    uint8_t octet = READ_STATUS, answer = 0;
    int e = s->transfer(s->bus, &octet, 1, &answer, 1);
    if (e < 0) return e;
    return answer & STATUS_BUSY ? E_BUSY : 0;
}

/* 0: the chip listens, so a program that ran is over. */
static int wait_idle(struct spi_nor *s)
{
    int e = E_BUSY;
    for (int k = 0; k < SPI_NOR_WAIT && e == E_BUSY; k++) e = status(s);
    if (e == 0 && s->prog == PROG_RUNS) s->prog = PROG_OVER;
    return e == E_BUSY ? E_IO : e;
}

/* Make the chip listen: a program ends by itself, an erase is suspended. */
static int quieten(struct spi_nor *s)
{
    if (s->erasing && !s->suspended) {
        int e = order(s, SUSPEND);
        if (e < 0) return e;
        s->suspended = true;
    }
    return wait_idle(s);
}

static int resume(struct spi_nor *s)
{
    if (!s->suspended || s->prog == PROG_RUNS) return 0;
    s->suspended = false;
    return order(s, RESUME);
}

static int chip_read(void *ctx, uint32_t at, void *dst, size_t n)
{
    struct spi_nor *s = ctx;
    uint8_t head[4];
    address(head, READ, at);
    int e = quieten(s);
    if (e == 0) e = s->transfer(s->bus, head, sizeof head, dst, n);
    int again = resume(s);
    return e < 0 ? e : again;
}

static int begin(struct spi_nor *s, const uint8_t *frame, size_t n)
{
    int e = order(s, WRITE_ENABLE);
    return e < 0 ? e : s->transfer(s->bus, frame, n, NULL, 0);
}

static int chip_prog_start(void *ctx, uint32_t at, const void *src, size_t n)
{
    struct spi_nor *s = ctx;
    uint8_t frame[4 + NOR_PAGE];
    address(frame, PAGE_PROGRAM, at);
    memcpy(frame + 4, src, n);
    int e = quieten(s);
    if (e == 0) e = begin(s, frame, 4 + n);
    if (e == 0) s->prog = PROG_RUNS;
    if (e < 0) (void)resume(s);
    return e;
}

static int chip_erase_start(void *ctx, uint32_t at)
{
    struct spi_nor *s = ctx;
    uint8_t head[4];
    address(head, SECTOR_ERASE, at);
    int e = wait_idle(s);
    if (e == 0) e = begin(s, head, sizeof head);
    s->erasing = e == 0;
    return e;
}

static int poll_prog(struct spi_nor *s)
{
    int e = s->prog == PROG_OVER ? 0 : status(s);
    if (e == E_BUSY) return e;
    s->prog = PROG_NONE;
    int again = resume(s);
    return e < 0 ? e : again;
}

static int chip_poll(void *ctx, enum nor_op op)
{
    struct spi_nor *s = ctx;
    if (op == NOR_PROG) return poll_prog(s);
    int e = s->suspended ? E_BUSY : status(s);
    if (e == 0) s->erasing = false;
    return e;
}

void spi_nor_init(struct spi_nor *s, uint32_t size,
                  int (*transfer)(void *bus, const uint8_t *out, size_t n_out, uint8_t *in,
                                  size_t n_in),
                  void *bus)
{
    *s = (struct spi_nor){ .transfer = transfer, .bus = bus };
    s->nor = (struct nor){ .ctx = s,
                           .size = size,
                           .read = chip_read,
                           .prog_start = chip_prog_start,
                           .erase_start = chip_erase_start,
                           .poll = chip_poll };
}
