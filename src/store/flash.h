/* flash.h - the queue between the store and a NOR flash: nobody waits, nothing overtakes.
 *
 * Programs form one FIFO of 16, each with its data: a copy, or memory its owner keeps until
 * the queue has passed it. One is longer than a page when a row is; it is cut at pages here.
 * What was queued reads as if it were on flash already, so what a caller sees never depends on
 * how fast the chip is. Every program is read back and compared. One urgent place stands before
 * the FIFO, for pages that may overtake (the last gasp, checkpoints). Erases run one at a time
 * beside the FIFO and are compared with FF; whoever orders one programs nothing there until
 * told that it is done.
 *
 * Power cut  programs happen in order: a cut leaves a prefix of the queue and one torn
 *            program, and at most one sector undefined by an erase.
 * Cost       one program a page touched, at once if the chip is free.
 * Memory     struct flash_fifo 1 KiB, scratch: shared by the meters of one thread when the
 *            port completes at once.
 * Context    meter loop only. Used by store/ alone, except flash_init() for a second chip.
 */
#ifndef STORE_FLASH_H
#define STORE_FLASH_H
#include <stdbool.h>
#include "store/nor.h"

enum { FLASH_FIFO = 16, FLASH_ARENA = 640 };

struct flash_prog {
    const uint8_t *src;
    uint32_t at;
    uint16_t n, done; /* octets; done of them are on flash and compared */
    uint8_t owner;    /* who is told when it fails */
    uint8_t seal;     /* the last so many octets are a program of their own */
    uint16_t held;    /* octets of the arena it holds */
};

struct flash_fifo {
    struct flash_prog prog[FLASH_FIFO], urgent;
    uint16_t arena_in, arena_used;
    uint8_t head, count;
    uint8_t arena[FLASH_ARENA], urgent_page[NOR_PAGE];
};

struct flash {
    const struct nor *nor;
    struct flash_fifo *fifo;
    uint32_t erasing; /* address of the sector under erase */
    uint8_t prog_state, erase_state;
    uint16_t prog_n;
};

#endif
