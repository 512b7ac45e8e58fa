/* secrets.h - randomness from the kernel, and the root key of a meter, a file.
 *
 * The root key wraps every key on flash. It lies beside the flash image, made when missing,
 * readable by its owner alone; an image without it opens nothing.
 *
 * Power cut  a root key is on disk, whole, before it has its name.
 * Context    any thread.
 */
#ifndef PORT_LINUX_SECRETS_H
#define PORT_LINUX_SECRETS_H
#include <stdint.h>

#include "crypto/rng.h"

enum { ROOT_KEY = 16 };

/* The kernel's generator. */
extern const struct entropy kernel_entropy;

/* The key of file path. E_DENIED: others than its owner may read it; E_FORMAT: not 16 octets;
 * E_IO: errno says why. */
int root_key_read(const char *path, uint8_t key[ROOT_KEY]);

#endif
