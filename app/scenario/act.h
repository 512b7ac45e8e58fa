/* act.h - what a line of a script does. */
#ifndef APP_SCENARIO_ACT_H
#define APP_SCENARIO_ACT_H
#include "app/scenario/scenario.h"
#include "app/scenario/words.h"

/* A statement: its first word, how many follow at least, what it does. NULL: well; else what is
 * wrong with it. */
typedef const char *scenario_act(struct scenario *s, const struct words *w);
struct scenario_verb {
    const char *word;
    uint8_t least;
    bool dark; /* needs no supply */
    scenario_act *act;
};

/* The tables end with a NULL word. */
extern const struct scenario_verb scenario_verbs[], scenario_expectations[];

/* A register by name: "wh_import", "wh_import.2" for a member; -1: none. */
int register_of(const char *word);

/* A command by name: "tariff"; -1: none. */
int command_of(const char *word);

scenario_act act_day, act_week, act_season, act_special, act_order, act_single, act_activate,
    act_expect, act_open, act_close, act_ask, act_broadcast, act_password, act_key,
    act_security, act_certificate, act_token, act_message, act_unit, act_prices, act_subsidy,
    act_flash, act_board, act_supercap, act_headend, act_push, act_network;

#endif
