/* words.h - a JSON object from the words of a command line.
 *
 *   name=value       a field; dots reach inside: key.sgc=123456
 *   {"a": 1}         an object, or [ ... ] a list
 *   FILE, -          a file of JSON, standard input
 *   2371 6100 ...    digits: the field "token", put together from its groups
 *
 * Context  host programs. What cannot be read ends the program with a message.
 */
#ifndef TOOLS_VEND_WORDS_H
#define TOOLS_VEND_WORDS_H
#include <jansson.h>

/* Take one word into *input, which may become another object. arg is written into. */
void words_take(json_t **input, char *arg);

/* A whole file of JSON. */
json_t *words_file(const char *path);

#endif
