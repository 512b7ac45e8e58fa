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
#include <stdbool.h>

/* Take one word into *input, which may become another object. arg is written into. True: what
 * it says was read from a file, so that a fault of it is not one of the command line. */
bool words_take(json_t **input, char *arg);

/* A whole file of JSON; NULL is standard input, which must not be empty. */
json_t *words_file(const char *path);

#endif
