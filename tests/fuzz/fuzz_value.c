/* fuzz_value.c - what people write: values, objects, times, keys; and values shown and taken
 * back: the same octets. */
#include <stdlib.h>
#include <string.h>

#include "tools/client/keyfile.h"
#include "tools/client/names.h"
#include "tools/client/value.h"
#include "tools/common/hex.h"
#include "tools/common/when.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(const struct buf *b)
{
    struct buf back = { 0 }, line = { 0 };
    struct trouble t;
    json_t *j = json_object();
    int tag = b->p[0];
    value_to_object(j, buf_in(b), true);
    value_print(&line, buf_in(b), -3, "V");
    bool exact = tag != AXDR_F32 && tag != AXDR_F64 && tag != AXDR_UTF8 &&
                 tag != AXDR_VISIBLE && tag != AXDR_ARRAY && tag != AXDR_STRUCTURE &&
                 tag != AXDR_COMPACT && tag != AXDR_DONT_CARE && tag != AXDR_BOOL &&
                 tag != AXDR_BITS;
    if (value_parse_json(&back, j, &t) == 0 && exact &&
        (back.n != b->n || memcmp(back.p, b->p, b->n)))
        if (b->p[1] < 0x80) abort(); /* lengths may come in longer forms than they need */
    json_decref(j);
    buf_free(&back);
    buf_free(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    struct buf value = { 0 };
    struct target o;
    struct trouble t;
    utc_t when;
    memcpy(text, data, size);
    text[size] = 0;
    if (value_parse(&value, text, &t) == 0) {
        if (axdr_length(value.p, value.n) != (int)value.n) abort();
        round_trip(&value);
    }
    names_parse(&o, text, size & 1, &t);
    when_parse(&when, text, (utc_t){ 1000000 });
    buf_clear(&value);
    keyfile_pem(text, size, "CERTIFICATE", &value, &t);
    buf_clear(&value);
    if (size && axdr_length(data, size) == (int)size) {
        buf_put(&value, data, size);
        round_trip(&value);
    }
    buf_free(&value);
    free(text);
    return 0;
}
