#include "crypto/job.h"

#include "base/bytes.h"
#include "base/err.h"
#include "base/sys.h"

enum { FREE, WAITING, RUNNING, DONE };

void job_init(struct job *j)
{
    *j = (struct job){ .state = FREE };
}

static void release(struct job *j)
{
    wipe(&j->in, sizeof j->in);
    wipe(&j->out, sizeof j->out);
    j->is_dropped = false;
    j->state = FREE;
}

/* The masks below make each move one piece for the other side, and keep the compiler from
 * carrying input or output across it. */
int job_start(struct job *j, enum job_kind kind, const struct job_in *in)
{
    int err = E_BUSY;
    ensure(kind < JOB_KINDS);
    uint32_t was = sys_irq_lock();
    if (j->state == DONE && j->is_dropped) release(j);
    if (j->state == FREE) {
        j->kind = (uint8_t)kind;
        j->in = *in;
        j->state = WAITING;
        err = 0;
    }
    sys_irq_unlock(was);
    return err;
}

static bool begin(struct job *j)
{
    uint32_t was = sys_irq_lock();
    bool waits = j->state == WAITING;
    if (waits) j->state = RUNNING;
    sys_irq_unlock(was);
    return waits;
}

static int work(enum job_kind kind, const struct job_in *in, struct job_out *out)
{
    switch (kind) {
    case JOB_KEYGEN:
        return ec_keygen(out->key, out->point, in->seed);
    case JOB_PUBLIC:
        return ec_public(out->point, in->key, in->seed);
    case JOB_SIGN:
        return ec_sign(out->sig, in->key, in->hash, in->seed);
    case JOB_VERIFY:
        return ec_verify(in->point, in->hash, in->sig);
    default:
        return ec_agree(out->shared, in->key, in->point, in->seed);
    }
}

bool job_run(struct job *j)
{
    if (!begin(j)) return false;
    j->result = work((enum job_kind)j->kind, &j->in, &j->out);
    uint32_t was = sys_irq_lock();
    j->state = DONE;
    sys_irq_unlock(was);
    return true;
}

int job_done(struct job *j, struct job_out *out)
{
    int err = E_BUSY;
    uint32_t was = sys_irq_lock();
    if (j->state == FREE || j->is_dropped) {
        err = E_STATE;
    } else if (j->state == DONE) {
        *out = j->out;
        err = j->result;
        release(j);
    }
    sys_irq_unlock(was);
    return err;
}

void job_drop(struct job *j)
{
    uint32_t was = sys_irq_lock();
    if (j->state == RUNNING)
        j->is_dropped = true;
    else
        release(j);
    sys_irq_unlock(was);
}
