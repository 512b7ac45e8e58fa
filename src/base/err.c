#include "base/err.h"

const char *err_text(int err)
{
    switch (err) {
#define ERR(name, value, text)                                                                 \
    case value:                                                                                \
        return text;
#include "base/err.def"
#undef ERR
    }
    return "unknown error";
}
