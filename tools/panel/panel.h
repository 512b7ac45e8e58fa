/* panel.h - the front panel: serves the page and the live state of one meter over HTTP.
 *
 * GET /             the page, from the binary itself
 * GET /api/state    the whole state as one JSON object (docs/panel.md)
 * WS  /live         the same sections as they change: values and waveforms five times a second,
 *                   profile rows and events as they come; commands in the other direction
 * POST /api/command one command, for scripts
 *
 * The host of a meter gives a struct panel_source; the panel asks it only while somebody looks.
 * Pages of other sites can neither read nor command: requests with a foreign Origin, or with a
 * Host that is a name other than localhost, are refused. There is no password: whoever reaches
 * the port may look and may change the simulated world, hence loopback by default.
 *
 * Power cut  nothing is kept.
 * Cost       per page about 40 KB/s, 16 KB first; 0.4 % of a core with one page, since
 *            the host is asked once a tick for all pages together.
 * Memory     about 1 MiB; at most 32 live pages and 64 sockets, a request body of 1 KiB.
 * Context    the thread of the libuv loop, all of it.
 */
#ifndef TOOLS_PANEL_PANEL_H
#define TOOLS_PANEL_PANEL_H
#include <stdbool.h>
#include <stddef.h>

#include "tools/panel/state.h"

struct panel;
struct uv_loop_s;

enum panel_order {
    PANEL_DO_BUTTON,   /* the push button of the meter was pressed */
    PANEL_DO_SUPPLY,   /* number 0 or 1: mains off, on */
    PANEL_DO_VOLTAGE,  /* number: supply in mV, 0..500 000 */
    PANEL_DO_LOAD,     /* text: name of a load of panel_world.kinds */
    PANEL_DO_POWER,    /* number: active power of the load in W, -100 000..100 000 */
    PANEL_DO_REACTIVE, /* number: reactive power in var, -100 000..100 000 */
    PANEL_DO_REVERSE,  /* number 0 or 1: current terminals crossed */
    PANEL_DO_TOKEN,    /* text: what was typed on the keypad; panel_state.prepay answers */
    PANEL_DO_CODE,     /* text: a short code typed on the keypad; the display answers */
    PANEL_DO_HOLD, /* number: the push button is held for so many seconds of the meter, 1..20 */
    PANEL_DO_RELAY,  /* text: what the relay suffers from, of panel_world.trouble */
    PANEL_DO_HEAT,   /* number: temperature of the terminals, 0.1 degree, -400..2000 */
    PANEL_DO_COVER,  /* number 0 or 1: the terminal cover is open */
    PANEL_DO_MAGNET, /* number 0 or 1: a magnet lies at the case */
    PANEL_DO_SPEED,  /* number: 0 pause, 1..86 400, or PANEL_SPEED_MAX */
    PANEL_ORDERS
};

struct panel_command {
    enum panel_order order;
    int64_t number;
    char text[48];
};

/* What the panel asks of the meter's host. All calls come from the loop's thread and must not
 * block. */
struct panel_source {
    void *ctx;

    /* Fill *s, which arrives zeroed. */
    void (*fill)(void *ctx, struct panel_state *s);

    /* Closed profile rows that start at or after `from`, oldest first; returns how many, at
     * most max. NULL: no profile. */
    size_t (*rows)(void *ctx, struct panel_row *row, size_t max, utc_t from);

    /* Events with an id above `after`, oldest first; the newest max of them when there are
     * more. */
    size_t (*events)(void *ctx, struct panel_event *event, size_t max, uint64_t after);

    /* The newest three cycles; NULL: no waveforms. */
    void (*wave)(void *ctx, struct panel_wave *w);

    /* Carry out a command, its number and text already checked against the list above.
     * PANEL_DO_BUTTON comes only to a host that sets has_lcd, PANEL_DO_TOKEN to one that sets
     * has_prepay. >= 0 done;
     * E_NONE no such load; E_STATE not possible now; E_RANGE outside what this meter can take.
     */
    int (*command)(void *ctx, const struct panel_command *c);
};

/* Serve on address:port (port 0: any free one). Returns the port. *p is NULL or must be closed
 * and ended, after an error too.
 * E_BUSY   the port is taken.
 * E_RANGE  the address is none of this machine's.
 * E_SPACE  no memory or no sockets left. */
int panel_open(struct panel **p, struct uv_loop_s *loop, const char *address, uint16_t port,
               const struct panel_source *source);

/* Stop serving and close every socket; the loop must run on until it has nothing of the panel
 * left (uv_run to the end). Then panel_end() gives its memory back. NULL is allowed. */
void panel_close(struct panel *p);
void panel_end(struct panel *p);

/* False: the binary was built without the page; everything but GET / works. */
bool panel_has_page(void);

#endif
