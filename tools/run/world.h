/* world.h - what hangs on the meter's terminals: a supply, a load, and time.
 *
 * The world makes samples at 8 kHz from what the load draws and feeds them to the box. Loads
 * change at whole seconds of the world (or at their own rows). Without supply no samples are
 * made and only time passes. The meter cannot tell the speed: its time is the number of its
 * samples.
 *
 * Cost     25 to 40 ns a sample: a day in 20 s on one core.
 * Context  one thread.
 */
#ifndef TOOLS_RUN_WORLD_H
#define TOOLS_RUN_WORLD_H
#include "port/common/loadgen.h"
#include "tools/load/spec.h"
#include "tools/run/box.h"

/* What is connected. SPEC is what --load named. */
enum world_load {
    WORLD_SPEC,
    WORLD_HEATER,
    WORLD_MOTOR,
    WORLD_ELECTRONICS,
    WORLD_FIXED,
    WORLD_NONE,
    WORLD_LOADS
};

enum { WORLD_WAVE = 512 }; /* samples kept for looking at */

struct world {
    struct box *box;
    struct loadspec *spec;
    struct loadgen gen;
    bool supply, reverse;
    enum world_load load;
    uint32_t u_mv; /* of the supply where the load names none; 0: as the load says */
    int32_t p_w,
        q_var; /* of the fixed load, and the power asked of heater, motor, electronics */
    uint64_t start_us;        /* world time at which rows of a file begin */
    uint64_t change_us;       /* the load holds until here */
    int64_t skip_ms;          /* rows before this were yesterday's */
    int v_channel, i_channel; /* of a recording */
    double wave_at_s;         /* where the recording is read */
    int32_t wave[WORLD_WAVE][3];
    uint32_t waved; /* samples put into wave[], ever */
};

/* Begin with what spec says, rows of a file at their first; of a repeated one (the household)
 * at the time of day. E_FORMAT: a recording without a voltage and a current. */
int world_init(struct world *w, struct box *box, struct loadspec *spec, uint64_t seed,
               struct trouble *t);

/* Something was changed by hand: look at it before the next sample. */
void world_changed(struct world *w);

/* Let `samples` sample periods pass. */
void world_advance(struct world *w, uint64_t samples);

/* Names as --load and the panel have them. */
extern const char *const world_load_name[WORLD_LOADS];

#endif
