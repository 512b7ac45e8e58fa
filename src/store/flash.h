/* flash.h - the queue between the store and a NOR flash: nobody waits, nothing overtakes.
 *
 * Programs form one FIFO of 16, each with its data: a copy, or memory its owner keeps until
 * the queue has passed it. One is as long as a row or a value; it is cut at pages here. What
 * was queued reads as if it were on flash already, so what a caller sees never depends on how
 * fast the chip is. Every program is read back and compared. One urgent place stands before the
 * FIFO, for pages that may overtake (the last gasp, checkpoints). Erases run one at a time
 * beside the FIFO and are compared with FF; whoever orders one programs nothing there until
 * told that it is done. A program that fails stays at the head of the queue and holds it up
 * until its owner has dealt with it.
 *
 * Power cut  programs happen in order: a cut leaves a prefix of the queue and one torn
 *            program, and at most one sector undefined by an erase.
 * Cost       one program a page touched, at once if the chip is free.
 * Memory     struct flash_fifo 1.3 KiB, scratch: shared by the meters of one thread when the
 *            port completes at once.
 * Context    meter loop only. For store/ alone, except flash_init() for a second chip.
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
    uint16_t held;    /* octets of the arena it holds */
    uint8_t owner;    /* who is told when it fails */
    uint8_t seal;     /* the last so many octets are a program of their own */
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
    struct flash_prog *running; /* in the FIFO or the urgent place; NULL: the chip is free */
    uint32_t erasing, erased;   /* addresses: of the sector under erase; of the one before */
    uint16_t running_n;
    uint32_t polls;              /* of the erase under way */
    bool is_erasing, has_erased; /* under way; over, and its owner was not told */
    int erase_result;            /* of that one, as the chip told it; not compared yet */
    uint8_t refused;             /* erases, because that result waits */
    bool failed, urgent_failed;  /* the head of the FIFO; the urgent page */
    bool hold;                   /* only the urgent place goes on */
};

/* The FIFO of a second meter may be the same memory when the port completes at once. */
void flash_init(struct flash *f, const struct nor *nor, struct flash_fifo *fifo);

/* n octets as they will be when all that is queued has happened. 0 or E_IO. */
int flash_read(struct flash *f, uint32_t at, void *dst, size_t n);

/* Is [at, at + n) erased? Reads of it that fail say no. */
bool flash_is_blank(struct flash *f, uint32_t at, size_t n);

/* May a program with a copy of n octets be queued now? n up to FLASH_ARENA. */
bool flash_has_room(const struct flash *f, size_t n);

/* Queue a program of n octets and return where they are to be written before flash_pump() is
 * called; there must be room. */
uint8_t *flash_put(struct flash *f, uint8_t owner, uint32_t at, size_t n, uint8_t seal);

/* The same of memory that stays as it is until the queue has passed it. */
void flash_put_in_place(struct flash *f, uint8_t owner, uint32_t at, const uint8_t *src,
                        size_t n, uint8_t seal);

/* The urgent place: NULL while it is in use, else its page; then go. */
uint8_t *flash_urgent_page(struct flash *f);
void flash_urgent_go(struct flash *f, uint32_t at, size_t n);

/* Start and end what can be started and ended now. */
void flash_pump(struct flash *f);

/* Program and compare at once, before all that is queued, waiting for the chip. 0 or E_IO. */
int flash_now(struct flash *f, uint32_t at, const void *src, size_t n);

/* Erase the sector at `at` and compare it with FF. E_BUSY until it is over: call again, for
 * meanwhile no other is erased. E_IO. */
int flash_erase(struct flash *f, uint32_t at);

/* Wait for the erase under way, whoever ordered it, and forget it: he begins it anew. */
void flash_end_erase(struct flash *f);

/* The program that failed, or NULL. Its owner gives it another place and sets done to 0, or
 * not; flash_drop() drops every program of an owner, and the failure is over. */
struct flash_prog *flash_failed(struct flash *f);
void flash_drop(struct flash *f, uint8_t owner);

/* The i-th program waiting, from the oldest; NULL behind the last. */
struct flash_prog *flash_waiting(struct flash *f, unsigned i);

/* Is a program into that sector waiting? */
bool flash_is_pending(struct flash *f, uint32_t sector_at);

/* Nothing queued and nothing urgent. */
static inline bool flash_is_down(const struct flash *f)
{
    return f->fifo->count == 0 && f->fifo->urgent.n == 0;
}

#endif
