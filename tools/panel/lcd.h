/* lcd.h - pages for a meter whose core does not compose its display itself.
 *
 * One display, seen by all who look: it turns every LCD_TURN_MS, until the button is pressed;
 * then it stays where the button puts it, until lcd_auto(). Without mains it is dark; the
 * button wakes it for LCD_WAKE_MS. Registers are cut, not rounded, as a counter would show
 * them.
 *
 * Memory   struct lcd, owned by the caller; zeroed is a good start.
 * Context  any; time is the host's, in ms, and only grows.
 */
#ifndef TOOLS_PANEL_LCD_H
#define TOOLS_PANEL_LCD_H
#include <stdbool.h>
#include <stdint.h>

#include "tools/panel/state.h"

enum { LCD_TURN_MS = 6000, LCD_WAKE_MS = 20000 };

struct lcd {
    uint8_t page;
    bool manual, started;
    uint64_t turned_ms; /* when the page last changed */
    uint64_t wake_ms;   /* awake until then */
};

/* Turn the page when its time has come and write it to s->lcd. */
void lcd_compose(struct lcd *l, struct panel_state *s, uint64_t now_ms);

/* The button: wakes a dark display, otherwise turns to the next page and stops turning. */
void lcd_press(struct lcd *l, bool powered, uint64_t now_ms);

/* Turn by itself again. */
void lcd_auto(struct lcd *l, uint64_t now_ms);

#endif
