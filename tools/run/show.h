/* show.h - the running meter as the front panel wants it, and the panel's orders to the world.
 *
 * Everything shown is asked of the device: registers, quantities, profile rows, log rows.
 * The display turns by the clock on the wall, however fast the meter's time goes, so that it can
 * be read. Events of all logs are numbered here in the order they were found, so that a page can ask for
 * what is new.
 *
 * Context  the thread of the libuv loop.
 */
#ifndef TOOLS_RUN_SHOW_H
#define TOOLS_RUN_SHOW_H
#include "tools/panel/panel.h"
#include "tools/run/ports.h"
#include "tools/run/world.h"

struct pace {
    uint32_t speed;   /* 0 pause, a factor, or PANEL_SPEED_MAX */
    uint32_t pace_e1; /* reached, tenths */
};

struct show {
    struct box *box;
    struct world *world;
    struct ports *ports;
    struct pace *pace;
    const char *load; /* what --load named */
    const char *address;
    struct panel_event event[PANEL_EVENTS];
    uint64_t events;     /* ever; the newest is event[(events - 1) % PANEL_EVENTS] */
    uint32_t seen[LOGS]; /* rows of each log up to here are numbered */
    mono_t acted;      /* when the display was last asked for something, by the meter's time */
    uint64_t acted_ms; /* and by the wall's */
};

void show_init(struct show *s, struct panel_source *source);

/* Number what happened; called a few times a second. */
void show_poll(struct show *s);

#endif
