/* spi_nor.h - store/nor.h on an ordinary serial NOR chip (JEDEC commands: W25Q64 and its kin).
 *
 * Give it one function that clocks octets out and in with the chip selected; everything else is
 * the chip's. Reading or programming while a sector is being erased suspends the erase and
 * takes it up again; a chip wants some 100 us of erasing between two suspensions, which the
 * store's pace leaves it.
 *
 * Power cut  as nor.h: the chip's own promise.
 * Cost       read: 4 octets of command more than the data; a read during a program waits for
 *            the program's end, at most SPI_NOR_WAIT status reads (3 ms at 8 MHz).
 * Memory     struct spi_nor.
 * Context    meter loop.
 */
#ifndef PORT_TEMPLATE_SPI_NOR_H
#define PORT_TEMPLATE_SPI_NOR_H
#include <stdbool.h>

#include "store/nor.h"

enum { SPI_NOR_WAIT = 2000 };

struct spi_nor {
    struct nor nor; /* hand this to the store */

    /* Select, send n_out octets, receive n_in, deselect. 0, or E_IO. */
    int (*transfer)(void *bus, const uint8_t *out, size_t n_out, uint8_t *in, size_t n_in);
    void *bus;
    enum { PROG_NONE, PROG_RUNS, PROG_OVER } prog; /* over, but poll() has not said so yet */
    bool erasing, suspended;
};

void spi_nor_init(struct spi_nor *s, uint32_t size,
                  int (*transfer)(void *bus, const uint8_t *out, size_t n_out, uint8_t *in,
                                  size_t n_in),
                  void *bus);

#endif
