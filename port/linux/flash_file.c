#include "port/linux/flash_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

enum { NAME_MAX_OCTETS = 4096 };

static int fill(int fd, uint32_t size)
{
    uint8_t sector[NOR_SECTOR];
    memset(sector, 0xFF, sizeof sector);
    for (uint32_t at = 0; at < size; at += NOR_SECTOR) {
        if (write(fd, sector, sizeof sector) != (ssize_t)sizeof sector) return E_IO;
    }
    return 0;
}

static int make(const char *path, uint32_t size)
{
    char part[NAME_MAX_OCTETS];
    int n = snprintf(part, sizeof part, "%s.%ld", path, (long)getpid());
    if (n < 0 || (size_t)n >= sizeof part) {
        errno = ENAMETOOLONG;
        return E_IO;
    }
    int fd = open(part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return E_IO;
    int e = fill(fd, size);
    close(fd);
    /* link, not rename: a file that somebody made meanwhile is not replaced */
    if (e == 0 && link(part, path) && errno != EEXIST) e = E_IO;
    int why = errno;
    unlink(part);
    errno = why;
    return e;
}

static int lock_and_check(int fd, uint32_t size)
{
    struct stat st;
    if (fstat(fd, &st)) return E_IO;
    if (!S_ISREG(st.st_mode) || st.st_size != (off_t)size) return E_FORMAT;
    if (flock(fd, LOCK_EX | LOCK_NB)) return errno == EWOULDBLOCK ? E_BUSY : E_IO;
    return 0;
}

int flash_file_open(struct flash_file *f, const char *path, uint32_t size,
                    struct nor_times times)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && make(path, size) == 0) fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return E_IO;
    int e = lock_and_check(fd, size);
    void *image = MAP_FAILED;
    if (e == 0) image = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (image == MAP_FAILED) {
        int why = errno;
        close(fd);
        errno = why;
        return e ? e : E_IO;
    }
    nor_mem_init(&f->mem, image, size, times);
    f->fd = fd; /* stays open: it holds the lock */
    return 0;
}

int flash_file_sync(struct flash_file *f)
{
    return msync(f->mem.image, f->mem.nor.size, MS_SYNC) ? E_IO : 0;
}

void flash_file_close(struct flash_file *f)
{
    munmap(f->mem.image, f->mem.nor.size);
    close(f->fd);
}
