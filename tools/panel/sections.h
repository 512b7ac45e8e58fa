/* sections.h - the state as JSON, section by section; the schema is docs/panel.md.
 *
 * Adding what a meter learns later is adding a row to the table in sections.c and a field to
 * state.h; the page shows a section when it is there.
 *
 * Memory   struct panel_view is about 130 KiB: on the heap.
 * Context  host programs. Out of memory ends the program with a message (tools/common/json.h).
 */
#ifndef TOOLS_PANEL_SECTIONS_H
#define TOOLS_PANEL_SECTIONS_H
#include <jansson.h>
#include <stddef.h>

#include "tools/panel/state.h"

/* All that one look at the meter gives. */
struct panel_view {
    struct panel_state state;
    struct panel_wave wave;
    bool has_events;
    size_t rows, events;
    struct panel_row row[PANEL_ROWS];
    struct panel_event event[PANEL_EVENTS];
};

struct section {
    const char *name;
    json_t *(*json)(const struct panel_view *v); /* a new value, or NULL: not in this meter */
};

enum { SECTIONS = 15 };
extern const struct section sections[SECTIONS];

#endif
