/* readout.h - the lines of IEC 62056-21 mode C, for dlms/host.h.
 *
 * Cost     a line formats the items before it as well: at most 32.
 * Context  meter loop only.
 */
#ifndef MODEL_READOUT_H
#define MODEL_READOUT_H
#include <stddef.h>
#include <stdint.h>

struct device;

/* Line `line` from 0, without its end, cut off at cap; its length. E_NONE behind the last. */
int model_readout(struct device *d, unsigned line, uint8_t *dst, size_t cap);

#endif
