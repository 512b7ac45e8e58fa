/* time.h - the two times of the meter, kept apart by type.
 *
 * mono_t  microseconds since power-up = samples fed x the sample period. Never jumps, never on
 *         flash. Time-outs, debounce, windows.
 * utc_t   seconds since 1970-01-01T00:00:00Z, proleptic Gregorian, no leap seconds. May be
 *         set, drifts, has a quality. Grids, calendars, records. Only meter/clock converts.
 */
#ifndef BASE_TIME_H
#define BASE_TIME_H
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint64_t us;
} mono_t;

typedef struct {
    int64_t s;
} utc_t;

#define MONO_NEVER ((mono_t){ UINT64_MAX })

static inline bool mono_before(mono_t a, mono_t b)
{
    return a.us < b.us;
}

static inline mono_t mono_min(mono_t a, mono_t b)
{
    return a.us < b.us ? a : b;
}

static inline mono_t mono_after(mono_t a, uint64_t us)
{
    return (mono_t){ a.us + us };
}

#endif
