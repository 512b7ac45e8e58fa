#include "meter/supply/arbiter.h"

#include "base/sys.h"

#define OWN_OVERLOAD (SUPPLY_BIT(SUPPLY_OVERCURRENT) | SUPPLY_BIT(SUPPLY_LIMIT))

static const struct requester_row rows[REQUESTERS] = {
    [SUPPLY_FIRE] = { "fire, over-temperature", "FirE",
                      "order of supervisor or head-end, once cool", 0, true, false },
    [SUPPLY_MALFUNCTION] = { "malfunction", "FAULt", "end of the fault", 0, false, false },
    [SUPPLY_VOLTAGE] = { "abnormal voltage", "UoLtAGE", "voltage back within hysteresis, delay",
                         0, false, false },
    [SUPPLY_REMOTE] = { "remote order, engineering token", "UtiLity", "remote reconnection", 0,
                        true, false },
    [SUPPLY_OVERCURRENT] = { "over-current", "HiGH A", "delay, lock-out, button", 0, false,
                             false },
    [SUPPLY_LIMIT] = { "power limit", "oUErLoAd", "delay, lock-out, button", 0, false, false },
    [SUPPLY_TAMPER] = { "tamper", "tAnPEr", "clear-tamper token or head-end", 0, true, false },
    [SUPPLY_SCHEDULE] = { "schedule", "SCHEdULE", "schedule", 0, false, true },
    [SUPPLY_ARREARS] = { "arrears", "CrEdit 0", "credit", 0, false, false },
    [SUPPLY_BUTTON] = { "button", "button", "button", OWN_OVERLOAD, true, false },
};

static const struct mode_row modes[SUPPLY_MODES] = {
    { false, false, false, false }, { true, true, false, false }, { true, true, true, false },
    { true, false, false, false },  { true, false, true, false }, { true, true, false, true },
    { true, false, false, true },
};

#define MAY_ALL ((1u << ACTIONS) - 1)
#define OPENS(w)                                                                               \
    {                                                                                          \
        w, 0, 0                                                                                \
    }
const struct weights arbiter_product = {
    .of = { OPENS(100), OPENS(90), OPENS(80), OPENS(70), OPENS(60), OPENS(50), OPENS(40),
            OPENS(30), OPENS(20), OPENS(10) },
    .may = { MAY_ALL, MAY_ALL, MAY_ALL, MAY_ALL, MAY_ALL, MAY_ALL, MAY_ALL, MAY_ALL, MAY_ALL,
             MAY_ALL },
};

const struct requester_row *arbiter_row(unsigned r)
{
    ensure(r < REQUESTERS);
    return &rows[r];
}

const struct mode_row *arbiter_mode(unsigned mode)
{
    ensure(mode < SUPPLY_MODES);
    return &modes[mode];
}

static uint16_t weight(const struct weights *w, unsigned r, enum supply_action a)
{
    return w->of[r][a - 1];
}

bool arbiter_is_valid(const struct weights *w)
{
    uint16_t fire = weight(w, SUPPLY_FIRE, ACTION_DISCONNECT);
    for (unsigned r = 0; r < REQUESTERS; r++) {
        if (w->may[r] & ~MAY_ALL) return false;
        if (weight(w, r, ACTION_RECONNECT) > fire || weight(w, r, ACTION_READY) > fire)
            return false;
    }
    return (w->may[SUPPLY_FIRE] & 3) == 3;
}

unsigned arbiter_holder(const struct weights *w, uint16_t held)
{
    unsigned holder = SUPPLY_NOBODY;
    for (unsigned r = 0; r < REQUESTERS; r++) {
        if (!(held & SUPPLY_BIT(r))) continue;
        if (holder == SUPPLY_NOBODY ||
            weight(w, r, ACTION_DISCONNECT) > weight(w, holder, ACTION_DISCONNECT))
            holder = r;
    }
    return holder;
}

enum control_state arbiter_state(unsigned mode, uint16_t held)
{
    if (mode == 0 || !held) return CONTROL_CONNECTED;
    return held & SUPPLY_BIT(SUPPLY_REMOTE) ? CONTROL_DISCONNECTED : CONTROL_READY;
}

/* Holds of others that r's weight for the action exceeds. */
static uint16_t outweighed(const struct weights *w, uint16_t held, unsigned r,
                           enum supply_action a)
{
    uint16_t less = 0;
    for (unsigned x = 0; x < REQUESTERS; x++)
        if (weight(w, r, a) > weight(w, x, ACTION_DISCONNECT)) less |= SUPPLY_BIT(x);
    return held & less & (uint16_t)~SUPPLY_BIT(SUPPLY_FIRE);
}

static struct verdict open(const struct mode_row *mode, uint16_t held, unsigned r)
{
    struct verdict v = { held | SUPPLY_BIT(r), false, SUPPLY_NOBODY };
    bool by_hand = r == SUPPLY_BUTTON;
    v.refused = !mode->opens || (by_hand && (!mode->button_opens || held));
    if (v.refused) v.held = held;
    return v;
}

/* Does the supply return by itself when r lets go? */
static bool returns(const struct mode_row *mode, unsigned r, enum supply_action a)
{
    if (a == ACTION_READY) return false;
    if (r == SUPPLY_BUTTON) return true;
    if (r == SUPPLY_REMOTE) return mode->remote_closes;
    return mode->local_closes || (arbiter_row(r)->closes && mode->remote_closes);
}

/* Which holds r lets go of. The button acts when ready and not when disconnected; a remote
 * order acts when disconnected, and presses the button too where it may close at once. */
static uint16_t freed(const struct weights *w, const struct mode_row *mode, uint16_t held,
                      unsigned r, enum supply_action a)
{
    uint16_t remote = SUPPLY_BIT(SUPPLY_REMOTE), button = SUPPLY_BIT(SUPPLY_BUTTON);
    uint16_t own = SUPPLY_BIT(r) | arbiter_row(r)->lets_go;
    uint16_t over = outweighed(w, held, r, a);
    if (r == SUPPLY_BUTTON && held & remote & ~over) return 0;
    if (r == SUPPLY_REMOTE && a == ACTION_RECONNECT && mode->remote_closes) own |= button;
    return (held & own) | over;
}

static struct verdict close(const struct weights *w, const struct mode_row *mode, uint16_t held,
                            unsigned r, enum supply_action a)
{
    uint16_t gone = freed(w, mode, held, r, a);
    struct verdict v = { held & (uint16_t)~gone, !gone, SUPPLY_NOBODY };
    if (gone && !returns(mode, r, a)) v.held |= SUPPLY_BIT(SUPPLY_BUTTON);
    uint16_t others = v.held & (uint16_t)~SUPPLY_BIT(SUPPLY_BUTTON);
    v.blocked = (uint8_t)arbiter_holder(w, v.refused ? v.held : others);
    return v;
}

struct verdict arbiter_judge(const struct weights *w, unsigned mode, uint16_t held, unsigned r,
                             enum supply_action action)
{
    ensure(mode < SUPPLY_MODES && r < REQUESTERS && action >= 1 && action <= ACTIONS);
    if (!(w->may[r] >> (action - 1) & 1))
        return (struct verdict){ held, true, (uint8_t)arbiter_holder(w, held) };
    if (action == ACTION_DISCONNECT) return open(&modes[mode], held, r);
    return close(w, &modes[mode], held, r, action);
}
