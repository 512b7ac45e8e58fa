/* suggest.h - "did you mean": how far apart two words are.
 *
 * Cost     O(n m) for words of up to 63 characters; longer ones count as far.
 * Context  host programs.
 */
#ifndef TOOLS_COMMON_SUGGEST_H
#define TOOLS_COMMON_SUGGEST_H
#include <stdbool.h>
#include <stddef.h>

/* Insertions, deletions, changes and swaps of neighbours that make b of a. */
size_t suggest_distance(const char *a, const char *b);

/* Is a word at this distance worth proposing to somebody who typed a? */
bool suggest_is_near(const char *a, size_t distance);

#endif
