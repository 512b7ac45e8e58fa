#include "dlms/wrapper.h"

#include "base/bytes.h"
#include "base/err.h"

void wrapper_write(uint8_t dst[WRAPPER_HEAD], const struct wrapper *w)
{
    be_put16(dst, WRAPPER_VERSION);
    be_put16(dst + 2, w->source);
    be_put16(dst + 4, w->destination);
    be_put16(dst + 6, w->length);
}

int wrapper_read(const uint8_t src[WRAPPER_HEAD], struct wrapper *w)
{
    w->source = be_get16(src + 2);
    w->destination = be_get16(src + 4);
    w->length = be_get16(src + 6);
    return be_get16(src) == WRAPPER_VERSION && w->length ? 0 : E_FORMAT;
}
