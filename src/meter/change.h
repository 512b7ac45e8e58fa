/* change.h - one change of the meter: new values, rows and events that stand or fall together.
 *
 * change_begin() journals the energy so far and opens a transaction; what is put follows;
 * change_commit() queues it. RAM changes when the store hands the values back (hot.h), before
 * anything else is handled. Events of a change ride in it as rows of their logs; their alarms
 * follow when the queue is drained.
 *
 * Power cut  all or nothing.
 * Context    meter loop only; for the parts of meter/ alone.
 */
#ifndef METER_CHANGE_H
#define METER_CHANGE_H
#include <stddef.h>
#include <stdint.h>

#include "meter/event/event.h"
#include "meter/hot.h"

struct meter;

/* E_BUSY: a commit is in flight; nothing was begun. */
int change_begin(struct meter *m);

/* The same for what no request caused: counters that requests raised are left to theirs, and
 * the room to the change. */
int change_begin_alone(struct meter *m);

/* New values, as the taker of the type wants them. */
void change_put(struct meter *m, enum hot type, const void *body, size_t n);

/* A counter grows by one, a stamp becomes now: at commit, as one record each. */
void change_count(struct meter *m, unsigned counter);
void change_stamp(struct meter *m, unsigned stamp);

/* An event that belongs to it. */
void change_event(struct meter *m, enum event code, const struct who *who,
                  const struct event_detail *detail);
/* The same with a date of its own: what is found out late. */
void change_event_at(struct meter *m, utc_t when, enum event code, const struct who *who,
                     const struct event_detail *detail);

/* Nothing of it happens. */
void change_cancel(struct meter *m);

/* Queue it. A transaction that did not fit is a defect: ensured. E_IO: the journal is lost,
 * nothing happened. */
int change_commit(struct meter *m);

#endif
