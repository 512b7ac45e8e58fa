/* tokens.h - keys and tokens from JSON to JSON, with the names of docs/tokens.md.
 *
 * Each function takes an object and returns a new one: the result, or {"error": "..."} that
 * names the field. They share nothing and keep nothing. Keys are in what they print: that is
 * their purpose; the vending station has its own door to keys.
 *
 * Context  host programs.
 */
#ifndef TOOLS_VEND_TOKENS_H
#define TOOLS_VEND_TOKENS_H
#include <jansson.h>

#include "sts/judge.h"
#include "tools/vend/ask.h"

/* The decoder key of a plan. */
json_t *tokens_key(const json_t *in);

/* A token, or the tokens of a key change where the object has a new_key. */
json_t *tokens_make(const json_t *in);

/* What a token says under a key. */
json_t *tokens_decode(const json_t *in);

/* A meter's life: one object a step, given to show in order. 0, or -1 after an error was shown.
 */
int tokens_play(const json_t *scenario, void (*show)(void *ctx, json_t *step), void *ctx);

/* A decoder key from "decoder_key", or derived from the fields of a plan. EA from ea. */
void tokens_ask_key(struct ask *a, struct sts_key *key, uint8_t ea);

/* What the fields of a form mean, in words: "0.1 kWh". */
void tokens_meaning(char *text, size_t size, const struct sts_form *form,
                    const struct sts_fields *f);

#endif
