/* fuzz_decode.c - any octets, with the development keys: an explanation, never a crash.
 * Captures are walked, anything else is described twice, as one message and as the next of the
 * same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/client/capture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void give_keys(struct keyring *k)
{
    *k = (struct keyring){ .has_global = true,
                           .has_master = true,
                           .has_broadcast = true,
                           .has_client_title = true,
                           .has_server_title = true };
    for (unsigned i = 0; i < 16; i++) {
        k->global.ek[i] = (uint8_t)i;
        k->global.ak[i] = k->broadcast.ak[i] = (uint8_t)(0xD0 + i);
        k->broadcast.ek[i] = (uint8_t)(15 - i);
        k->master[i] = (uint8_t)(i * 17);
    }
    k->global.len = k->broadcast.len = 16;
    memcpy(k->client_title, "MGC\0\0\0\0\1", 8);
    memcpy(k->server_title, "MAG\x22\0\xBC\x61\x4E", 8);
}

static void each(void *ctx, const struct capture_message *m)
{
    json_t *j = note_json(m->note);
    ++*(unsigned *)ctx;
    if (!j) abort();
    json_decref(j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *nowhere;
    struct describer d;
    struct keyring k;
    struct trouble t;
    unsigned messages = 0;
    if (!nowhere) nowhere = fopen("/dev/null", "w");
    give_keys(&k);
    if (capture_is(data, size)) {
        int n = capture_walk(data, size, &k, each, &messages, &t);
        if (n >= 0 && (unsigned)n != messages) abort();
        return 0;
    }
    describe_init(&d, &k);
    for (int i = 0; i < 2; i++) {
        struct note *x = describe(&d, data, size, DESCRIBE_AUTO);
        note_print(x, nowhere, 0);
        json_decref(note_json(x));
        note_free(x);
    }
    describe_end(&d);
    return 0;
}
