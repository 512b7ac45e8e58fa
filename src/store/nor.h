/* nor.h - what the store needs of a NOR flash: the caller's interface, filled in by a port.
 *
 * Programming clears bits and lies within one 256-octet page; only erasing a whole 4-KiB
 * sector sets them. An operation is started and then polled, never waited for. At most one
 * program and one erase run at a time. While a sector is being erased, other sectors can be
 * read and programmed: the driver suspends the erase. A port that needs no time may have
 * finished when ..._start() returns.
 *
 * Power cut  a program under way leaves any subset of its bits cleared; an erase under way
 *            leaves its sector undefined, even from one reading to the next. Nothing else.
 * Cost       polls are progress: a port whose flash runs on simulated time counts them, so
 *            that asking again and again always ends.
 * Context    meter loop only. port/common/nor_rules.h checks every rule above.
 */
#ifndef STORE_NOR_H
#define STORE_NOR_H
#include <stddef.h>
#include <stdint.h>

enum { NOR_PAGE = 256, NOR_SECTOR = 4096 };
enum nor_op { NOR_PROG, NOR_ERASE };

struct nor {
    void *ctx;
    uint32_t size; /* octets, a multiple of NOR_SECTOR */

    /* n octets from address at. 0, or E_IO. */
    int (*read)(void *ctx, uint32_t at, void *dst, size_t n);

    /* Begin to clear the bits that are 0 in src; [at, at + n) lies within one page. src stays
     * as it is until poll() has answered. 0, or E_IO at once. */
    int (*prog_start)(void *ctx, uint32_t at, const void *src, size_t n);

    /* Begin to erase the sector at address at, a multiple of NOR_SECTOR. 0, or E_IO. */
    int (*erase_start)(void *ctx, uint32_t at);

    /* How the program or the erase begun last stands: E_BUSY; 0 done; E_IO failed. */
    int (*poll)(void *ctx, enum nor_op op);
};

#endif
