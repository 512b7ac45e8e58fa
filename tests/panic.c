/* panic.c - sys.h for tests and host tools: a broken invariant prints its place and aborts. */
#include <stdio.h>
#include <stdlib.h>

#include "base/sys.h"

_Noreturn void sys_panic(const char *file, int line)
{
    fprintf(stderr, "%s:%d: invariant broken\n", file, line);
    abort();
}

uint32_t sys_irq_lock(void)
{
    return 0;
}

void sys_irq_unlock(uint32_t was)
{
    (void)was;
}
