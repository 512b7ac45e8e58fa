/* random.c - apart from the rest, so that a test can put known numbers in its place. */
#include <stdlib.h>
#include <sys/random.h>

#include "tools/client/protect.h"
#include "tools/common/say.h"
#include "tools/exit.h"

void protect_random(void *dst, size_t n)
{
    if (getrandom(dst, n, 0) != (ssize_t)n)
        exit(say_fail(EXIT_REFUSED, "the operating system gives no random numbers"));
}
