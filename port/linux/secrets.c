#include "port/linux/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/err.h"

enum { NAME_MAX_OCTETS = 4096 };

static int from_kernel(void *ctx, uint8_t *dst, size_t n)
{
    (void)ctx;
    return getrandom(dst, n, 0) == (ssize_t)n ? 0
                                              : E_IO; /* up to 256 octets never come short */
}

const struct entropy kernel_entropy = { .get = from_kernel };

static int make(const char *path)
{
    char part[NAME_MAX_OCTETS];
    uint8_t key[ROOT_KEY];
    int n = snprintf(part, sizeof part, "%s.%ld", path, (long)getpid());
    if (n < 0 || (size_t)n >= sizeof part) {
        errno = ENAMETOOLONG;
        return E_IO;
    }
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return E_IO;
    int e = from_kernel(NULL, key, sizeof key);
    if (e == 0 && (write(fd, key, sizeof key) != (ssize_t)sizeof key || fsync(fd))) e = E_IO;
    wipe(key, sizeof key);
    close(fd);
    if (e == 0 && link(part, path) && errno != EEXIST) e = E_IO;
    int why = errno;
    unlink(part);
    errno = why;
    return e;
}

int root_key_read(const char *path, uint8_t key[ROOT_KEY])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && make(path) == 0) fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return E_IO;
    struct stat st;
    int e = fstat(fd, &st) ? E_IO : st.st_mode & 077 ? E_DENIED : 0;
    if (e == 0 && st.st_size != ROOT_KEY) e = E_FORMAT;
    if (e == 0 && read(fd, key, ROOT_KEY) != ROOT_KEY) e = E_IO;
    close(fd);
    return e;
}
