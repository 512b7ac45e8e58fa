#include "tools/common/trouble.h"

#include <stdarg.h>
#include <stdio.h>

int trouble(struct trouble *t, int error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(t->text, sizeof t->text, format, args);
    va_end(args);
    return error;
}
