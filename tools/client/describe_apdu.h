/* describe_apdu.h - the part of describe.h that explains unprotected xDLMS APDUs.
 *
 * Context  host programs.
 */
#ifndef TOOLS_CLIENT_DESCRIBE_APDU_H
#define TOOLS_CLIENT_DESCRIBE_APDU_H
#include "tools/client/describe.h"

/* Explain an APDU that is neither protected nor ACSE nor a general block, below x. */
void describe_service(struct describer *d, struct note *x, const uint8_t *p, size_t n);

#endif
