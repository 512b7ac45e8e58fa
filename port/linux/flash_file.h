/* flash_file.h - a meter's flash as a file, mapped: what outlives the process.
 *
 * A missing file is made, all FF as a chip from the works; it is filled before it gets its
 * name, so that a killed process cannot leave half of one. While it is open it is locked: two
 * meters never share a memory.
 *
 * Power cut  a killed process (kill -9) leaves the file as nor.h says a cut leaves a chip. A
 *            host that loses its own power may lose what its kernel had not written yet;
 *            flash_file_sync() is for those who fear that more than they like speed.
 * Memory     struct flash_file and the mapping.
 * Context    one thread.
 */
#ifndef PORT_LINUX_FLASH_FILE_H
#define PORT_LINUX_FLASH_FILE_H
#include "port/common/nor_mem.h"

struct flash_file {
    struct nor_mem mem; /* mem.nor is what the store wants */
    int fd;
};

/* Open or make path, size octets. E_FORMAT: not a file of that size; E_BUSY: another process
 * has it; E_IO: errno says why. Nothing is open then. */
int flash_file_open(struct flash_file *f, const char *path, uint32_t size,
                    struct nor_times times);

/* Have the kernel write everything down. 0, or E_IO. */
int flash_file_sync(struct flash_file *f);

void flash_file_close(struct flash_file *f);

#endif
