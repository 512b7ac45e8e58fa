/* sys.c - sys.h for host tools that bring no port: a broken invariant prints its place and
 * aborts; there are no interrupts. */
#include <stdio.h>
#include <stdlib.h>

#include "base/sys.h"

_Noreturn void sys_panic(const char *file, int line)
{
    fprintf(stderr, "%s:%d: invariant broken; this is a defect, please report it\n", file,
            line);
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
