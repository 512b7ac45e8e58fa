/* security.h - class 64 in two files: the setup itself, and what certificates are for.
 *
 * Context  meter loop only; for classes/security.c and classes/certificate.c alone.
 */
#ifndef MODEL_SECURITY_H
#define MODEL_SECURITY_H
#include "dlms/cosem.h"
#include "model/device.h"

extern const struct cosem_seq seq_certificates;

/* Is there all that suite 1 needs? DAR_OK, DAR_DENIED; DAR_PENDING: ask again. */
enum dar suite1_is_complete(struct device *d, const struct cosem_at *at);

enum dar call_agree(void *app, const struct cosem_at *at, struct axdr_in *arg,
                    struct cosem_ret *ret);
enum dar call_generate(void *app, const struct cosem_at *at, struct axdr_in *arg,
                       struct cosem_ret *ret);
enum dar call_request(void *app, const struct cosem_at *at, struct axdr_in *arg,
                      struct cosem_ret *ret);
enum dar call_import(void *app, const struct cosem_at *at, struct axdr_in *arg,
                     struct cosem_ret *ret);
enum dar call_export(void *app, const struct cosem_at *at, struct axdr_in *arg,
                     struct cosem_ret *ret);
enum dar call_remove(void *app, const struct cosem_at *at, struct axdr_in *arg,
                     struct cosem_ret *ret);

#endif
