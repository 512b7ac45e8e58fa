/* curve.h - what needs an elliptic curve: the jobs of sessions and of the security setup.
 *
 * There is one slot (crypto/job.h). It belongs to one session at a time, from the first job of
 * an operation to the result of its last; others are told E_BUSY and ask again. What the jobs
 * of one operation leave to each other is wiped with the slot.
 *
 * Power cut  a job is forgotten: what it was for did not happen.
 * Cost       crypto/ec.h, below the meter.
 * Context    meter loop only.
 */
#ifndef MODEL_CURVE_H
#define MODEL_CURVE_H
#include "crypto/x509.h"
#include "meter/secure/certs.h"
#include "model/device.h"

/* The slot, for what is done in pieces without a job. 0; E_BUSY: another session has it. */
int curve_hold(struct device *d, uint16_t session);

/* The slot for the next job of this session. Drawing its seed takes a step of its own, before
 * what else the job wants is worked out. 0; E_BUSY: ask again, also while another session has
 * the slot; E_STATE: a build without curves. */
int curve_claim(struct device *d, uint16_t session);

/* The job, in the slot that was claimed; `in` is wiped. 0; E_BUSY: ask again. */
int curve_start(struct device *d, enum job_kind kind, struct job_in *in);

/* Its result: E_BUSY; else what ec.h says, with d->curve.made holding what it made, what
 * earlier jobs made beside it. An error ends the operation; so does curve_end(). */
int curve_take(struct device *d, uint16_t session);
void curve_end(struct device *d, uint16_t session);

/* A private key of the meter: 0, or E_NONE. */
int curve_own_key(struct device *d, unsigned slot, uint8_t key[EC_KEY]);

/* The public point of the certificate of this owner and use, valid now. E_NONE. */
int curve_point_of(struct device *d, enum cert_entity entity, enum cert_use use,
                   const uint8_t title[CERT_TITLE], uint8_t point[EC_POINT]);

/* Can suite 1 be used: keys and certificates of the meter, an authority, a client that can sign
 * and agree now? Without the certificate of slot `without`; CERTS: with all of them. Looks at one
 * certificate a call, in the slot of this session, which stays held: E_BUSY: ask again. 0;
 * E_NONE: something is missing. */
int curve_look(struct device *d, uint16_t session, unsigned without);

/* Is x valid now? While the clock is invalid nothing is judged. */
bool curve_is_valid_now(struct device *d, const struct x509 *x);

/* enum dlms_ec of dlms/host.h */
int curve_host_start(void *app, uint16_t session, const struct who *who, enum dlms_ec kind,
                     const uint8_t *in, size_t n);
int curve_host_take(void *app, uint16_t session, uint8_t out[DLMS_EC_OUT]);
void curve_host_drop(void *app, uint16_t session);

#endif
