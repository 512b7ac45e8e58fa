/* job.h - the one slot for what is too long for a step of the meter: elliptic curves.
 *
 * The meter starts a job and looks, step by step, whether it is done; somebody below the meter
 * runs it: thread mode on a Cortex-M, the same thread inline on Linux. A job reads its input,
 * writes its output, and knows neither meter nor flash.
 *
 *     meter                       below
 *     job_start(&j, kind, &in)
 *     job_done(&j, &out) E_BUSY   job_run(&j)
 *     job_done(&j, &out) 0 or the error of ec.h
 *
 * The slot goes free -> waiting -> running -> done -> free. The meter makes the first and last
 * move, job_run() the others, each with interrupts masked for the few instructions it takes.
 * Input and output are wiped when the slot becomes free.
 *
 * Power cut  a job is forgotten; what it was for did not happen.
 * Cost       ec.h.
 * Memory     struct job, 430 octets, and the stack of ec.h.
 * Context    job_run(): thread mode. The rest: meter loop.
 */
#ifndef CRYPTO_JOB_H
#define CRYPTO_JOB_H
#include <stdbool.h>
#include <stdint.h>

#include "crypto/ec.h"

enum job_kind {
    JOB_KEYGEN, /* in seed;              out key, point  */
    JOB_PUBLIC, /* in seed, key;         out point       */
    JOB_SIGN,   /* in seed, key, hash;   out sig         */
    JOB_VERIFY, /* in point, hash, sig;  out nothing: 0 or E_AUTH */
    JOB_AGREE,  /* in seed, key, point;  out shared      */
    JOB_KINDS
};

struct job_in {
    uint8_t seed[EC_SEED];
    uint8_t key[EC_KEY];
    uint8_t point[EC_POINT];
    uint8_t hash[EC_HASH];
    uint8_t sig[EC_SIG];
};

struct job_out {
    uint8_t key[EC_KEY];
    uint8_t point[EC_POINT];
    uint8_t sig[EC_SIG];
    uint8_t shared[EC_SHARED];
};

struct job {
    volatile uint8_t state;
    uint8_t kind;
    bool is_dropped; /* while running: nobody wants it any more */
    int result;
    struct job_in in;
    struct job_out out;
};

/* An empty slot. */
void job_init(struct job *j);

/* E_BUSY: the slot is taken. The input is copied. */
int job_start(struct job *j, enum job_kind kind, const struct job_in *in);

/* Run what waits, to its end. False: there was nothing. */
bool job_run(struct job *j);

/* E_BUSY while it waits or runs, E_STATE when nothing was started; else its result, once, with
 * the output copied to *out, and the slot is free. */
int job_done(struct job *j, struct job_out *out);

/* Forget what was started (its association is gone): a waiting or finished job is dropped at
 * once, a running one when it ends. */
void job_drop(struct job *j);

#endif
