/* syscalls.c - what newlib's formatted output and assert-like paths ask for; for test images
 * only. */
#include <stddef.h>
#include <stdint.h>

#include "port/mps2/semihost.h"

void *_sbrk(ptrdiff_t more);
_Noreturn void _exit(int status);
int _kill(int process, int signal);
int _getpid(void);
int _write(int file, const char *p, int n);
int _read(int file, char *p, int n);
int _close(int file);
int _lseek(int file, int to, int from);
int _fstat(int file, void *status);
int _isatty(int file);

void *_sbrk(ptrdiff_t more)
{
    static uint64_t heap[8192];
    static ptrdiff_t used;
    if (used + more > (ptrdiff_t)sizeof heap) return (void *)-1;
    void *p = (uint8_t *)heap + used;
    used += more;
    return p;
}

void _exit(int status)
{
    semihost_exit(status);
}

int _kill(int process, int signal)
{
    (void)process;
    semihost_exit(128 + signal);
}

int _getpid(void)
{
    return 1;
}

int _write(int file, const char *p, int n)
{
    (void)file;
    for (int k = 0; k < n; k++) semihost_print((const char[]){ p[k], 0 });
    return n;
}

int _read(int file, char *p, int n)
{
    (void)file;
    (void)p;
    (void)n;
    return 0;
}

int _close(int file)
{
    (void)file;
    return -1;
}

int _lseek(int file, int to, int from)
{
    (void)file;
    (void)to;
    (void)from;
    return 0;
}

int _fstat(int file, void *status)
{
    (void)file;
    (void)status;
    return -1;
}

int _isatty(int file)
{
    (void)file;
    return 1;
}
