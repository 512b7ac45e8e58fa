#include "app/scenario/act.h"

#include <string.h>

#include "app/scenario/world.h"
#include "base/err.h"

static const struct who engineer = { .sap = 1, .link = LINK_OPTICAL, .assoc = 4 };

static struct meter *meter_of(struct scenario *s)
{
    return &s->host.device->meter;
}

/* What the meter answered to an order. */
static const char *answered(struct scenario *s, int err)
{
    if (err < 0) return err_text(err);
    world_settle(s);
    return NULL;
}

int register_of(const char *word)
{
    char name[40] = "REG_";
    size_t n = strcspn(word, ".");
    int64_t member = 0;
    if (n >= sizeof name - 4 || (word[n] && !word_int(word + n + 1, &member))) return -1;
    memcpy(name + 4, word, n);
    for (uint16_t id = 0; id < (uint16_t)REG_COUNT; id++) {
        unsigned k;
        const char *row = reg_name_at(id, &k);
        if ((int64_t)k == member && word_is(name, row)) return id;
    }
    return -1;
}

/* -- how the story is set ------------------------------------------------------------------ */

static const char *act_start(struct scenario *s, const struct words *w)
{
    int64_t utc_s;
    if (s->started) return "the story has begun";
    if (!word_time(w->word[1], &utc_s)) return "a time like 2026-01-01T00:00:00Z";
    s->true_us = s->rtc_set_us = (uint64_t)utc_s * 1000000;
    return NULL;
}

static const char *act_serial(struct scenario *s, const struct words *w)
{
    int64_t v;
    if (s->started || !word_int(w->word[1], &v) || v < 1 || v > 99999999)
        return "1 to 99999999, before the supply";
    s->meter.serial = (uint32_t)v;
    return NULL;
}

static const char *act_checkpoint(struct scenario *s, const struct words *w)
{
    uint64_t us;
    if (s->started || !word_duration(w->word[1], &us) || us < 1000000 || us > 3600000000)
        return "a duration up to 1h, before the supply";
    s->meter.checkpoint_s = (uint16_t)(us / 1000000);
    return NULL;
}

/* seed N: of the household and of random durations; the command line's goes before it */
static const char *act_seed(struct scenario *s, const struct words *w)
{
    int64_t v;
    if (s->started || !word_int(w->word[1], &v) || v < 0) return "a number, before the supply";
    if (!s->host.has_seed) s->seed = s->random = (uint64_t)v;
    return NULL;
}

static const char *act_windows(struct scenario *s, const struct words *w)
{
    if (!word_duration(w->word[1], &s->window_us) || s->window_us < 1000)
        return "a duration of 1ms or more";
    return NULL;
}

/* -- time and supply ----------------------------------------------------------------------- */

/* after 1h30m, or a random one: after 10m to 2h, whole seconds */
static const char *act_after(struct scenario *s, const struct words *w)
{
    uint64_t us, to_us;
    if (!word_duration(w->word[1], &us)) return "a duration like 1h30m";
    if (w->n > 2) {
        if (w->n < 4 || !word_is(w->word[2], "to") || !word_duration(w->word[3], &to_us) ||
            to_us < us)
            return "a longer one behind \"to\"";
        s->random = s->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        us += (s->random >> 20) % ((to_us - us) / 1000000 + 1) * 1000000;
    }
    world_pass(s, us);
    return NULL;
}

static const char *act_until(struct scenario *s, const struct words *w)
{
    int64_t utc_s;
    if (!word_time(w->word[1], &utc_s)) return "a time like 2026-01-01T00:00:00Z";
    uint64_t to = (uint64_t)utc_s * 1000000;
    if (to < s->true_us) return "that is past";
    world_pass(s, to - s->true_us);
    return NULL;
}

static const char *act_supply(struct scenario *s, const struct words *w)
{
    bool on = word_is(w->word[1], "on");
    if (!on && !word_is(w->word[1], "off")) return "on or off";
    s->started = true;
    int err = world_power(s, on, !(w->n > 2 && word_is(w->word[2], "hard")));
    return err < 0 ? err_text(err) : NULL;
}

static const char *act_load(struct scenario *s, const struct words *w)
{
    s->household = word_is(w->word[1], "household");
    if (s->household) {
        s->i_given = false;
        return NULL;
    }
    for (unsigned i = 1; i < w->n; i++) {
        int64_t v;
        const char *x = w->word[i];
        if (word_with_unit(x, "W", 3, &v) && v > -100000000 && v < 100000000) {
            s->p_mw = v;
        } else if (word_with_unit(x, "var", 3, &v) && v > -100000000 && v < 100000000) {
            s->q_mvar = v;
        } else if (word_with_unit(x, "V", 3, &v) && v >= 0 && v < 1000000) {
            s->u_mv = (uint32_t)v;
        } else if (word_with_unit(x, "Hz", 3, &v) && v >= 0 && v < 100000) {
            s->f_mhz = (uint32_t)v;
        } else if (word_with_unit(x, "A", 3, &v) && v >= 0 && v < 1000000) {
            s->i_ma = (uint32_t)v;
            s->i_given = true;
        } else {
            return "words like 2300W 400var 230V 50Hz 10A";
        }
    }
    return NULL;
}

/* neutral 4A [-900W], or neutral off */
static const char *act_neutral(struct scenario *s, const struct words *w)
{
    int64_t ma, mw = 0;
    s->n_given = !word_is(w->word[1], "off");
    if (!s->n_given) return NULL;
    if (!word_with_unit(w->word[1], "A", 3, &ma) || ma < 0 || ma >= 1000000 ||
        (w->n > 2 &&
         (!word_with_unit(w->word[2], "W", 3, &mw) || mw <= -100000000 || mw >= 100000000)))
        return "a current like 4A, and its power like -900W";
    s->n_ma = (uint32_t)ma;
    s->n_mw = mw;
    return NULL;
}

/* distortion 8% 30%: of voltage and of current */
static const char *act_distortion(struct scenario *s, const struct words *w)
{
    for (unsigned i = 0; i < 2; i++) {
        int64_t v;
        if (!word_with_unit(w->word[1 + i], "%", 2, &v) || v < 0 || v > 100000)
            return "two shares like 8% 30%";
        s->thd_bp[i] = (uint32_t)v;
    }
    return NULL;
}

static const char *act_front(struct scenario *s, const struct words *w)
{
    static const struct {
        const char *name;
        uint32_t flag;
    } named[] = { { "saturated", QTY_SATURATED },
                  { "stuck", QTY_STUCK },
                  { "missed", QTY_MISSED },
                  { "out-of-range", QTY_F_RANGE },
                  { "uncalibrated", QTY_NO_CALIBRATION } };
    if (word_is(w->word[1], "sound")) {
        s->front = 0;
        return NULL;
    }
    for (unsigned i = 0; i < sizeof named / sizeof *named; i++) {
        if (!word_is(w->word[1], named[i].name)) continue;
        s->front |= named[i].flag;
        return NULL;
    }
    return "sound, saturated, stuck, missed, out-of-range or uncalibrated";
}

/* -- terminals ----------------------------------------------------------------------------- */

static const struct {
    const char *name;
    uint16_t mask;
} terminal[] = { { "terminal-cover", INPUT_TERMINAL_COVER },
                 { "meter-cover", INPUT_METER_COVER },
                 { "module-cover", INPUT_MODULE_COVER },
                 { "magnet", INPUT_MAGNET },
                 { "enclosure", INPUT_ENCLOSURE },
                 { "second-source", INPUT_RESOURCE },
                 { "rate-0", INPUT_RATE_0 },
                 { "rate-1", INPUT_RATE_1 },
                 { "rate-2", INPUT_RATE_2 },
                 { "alert", INPUT_ALERT },
                 { "button", INPUT_BUTTON },
                 { "sealed-button", INPUT_SEAL_BUTTON },
                 { "module", INPUT_MODULE },
                 { "battery-low", INPUT_BATTERY_LOW },
                 { "ac-field", INPUT_AC_FIELD } };

static const char *act_input(struct scenario *s, const struct words *w)
{
    bool on = word_is(w->word[2], "on");
    if (!on && !word_is(w->word[2], "off")) return "on or off";
    for (unsigned i = 0; i < sizeof terminal / sizeof *terminal; i++) {
        if (!word_is(w->word[1], terminal[i].name)) continue;
        uint16_t levels =
            (uint16_t)(on ? s->inputs | terminal[i].mask : s->inputs & ~terminal[i].mask);
        world_inputs(s, levels);
        return NULL;
    }
    return "no such terminal";
}

static const char *act_relay(struct scenario *s, const struct words *w)
{
    static const struct {
        const char *name;
        uint8_t trouble;
    } named[] = { { "sound", RELAY_SOUND },
                  { "welds", RELAY_WELDS },
                  { "sticks", RELAY_STICKS },
                  { "rattles", RELAY_RATTLES },
                  { "bypassed", RELAY_BYPASSED } };
    bool open = word_is(w->word[1], "knocked-open");
    if (open || word_is(w->word[1], "knocked-closed")) {
        relay_sim_knock(&s->relay, s->now, !open);
        return NULL;
    }
    for (unsigned i = 0; i < sizeof named / sizeof *named; i++) {
        if (!word_is(w->word[1], named[i].name)) continue;
        relay_sim_trouble(&s->relay, s->now, named[i].trouble);
        return NULL;
    }
    return "sound, welds, sticks, rattles, bypassed, knocked-open or knocked-closed";
}

static const char *act_temperature(struct scenario *s, const struct words *w)
{
    int64_t v;
    if (!word_with_unit(w->word[1], "C", 1, &v) || v < -1000 || v > 3000)
        return "a temperature like 45.5C";
    s->temperature_dc = (int)v;
    return NULL;
}

static const char *act_press(struct scenario *s, const struct words *w)
{
    uint64_t us;
    if (!word_duration(w->word[1], &us)) return "how long, like 200ms";
    world_inputs(s, s->inputs | INPUT_BUTTON);
    world_pass(s, us);
    world_inputs(s, s->inputs & (uint16_t)~INPUT_BUTTON);
    world_pass(s, 100000);
    return NULL;
}

/* -- clock --------------------------------------------------------------------------------- */

static const char *act_chip(struct scenario *s, const struct words *w)
{
    int64_t v;
    if (word_is(w->word[1], "lost")) {
        s->rtc_lost = true;
    } else if (word_is(w->word[1], "mute") || word_is(w->word[1], "answers")) {
        s->rtc_mute = word_is(w->word[1], "mute");
    } else if (word_with_unit(w->word[1], "ppm", 0, &v) && v > -1000 && v < 1000) {
        s->rtc_off_s +=
            (int64_t)((s->true_us - s->rtc_set_us) / 1000000) * s->rtc_ppm / 1000000;
        s->rtc_set_us = s->true_us;
        s->rtc_ppm = v;
    } else {
        return "lost, mute, answers, or a drift like 20ppm";
    }
    return NULL;
}

static const char *act_clock(struct scenario *s, const struct words *w)
{
    struct meter *m = meter_of(s);
    int64_t v;
    meter_at(m, s->now);
    if (word_is(w->word[1], "set") && word_time(w->word[2], &v))
        return answered(s, clock_order(m, &engineer, CLOCK_SET, v, false));
    if (word_is(w->word[1], "shift") && word_with_unit(w->word[2], "s", 0, &v))
        return answered(s, clock_order(m, &engineer, CLOCK_SHIFT, v, false));
    return "set TIME, or shift like -45s";
}

/* -- orders -------------------------------------------------------------------------------- */

static const char *act_set(struct scenario *s, const struct words *w)
{
    struct meter *m = meter_of(s);
    char name[40] = "PARAM_";
    int64_t v;
    if (strlen(w->word[1]) >= sizeof name - 6 || !word_int(w->word[2], &v) || v < INT32_MIN ||
        v > INT32_MAX)
        return "a parameter and a number";
    memcpy(name + 6, w->word[1], strlen(w->word[1]) + 1);
    for (uint16_t id = 0; id < (uint16_t)PARAMS; id++) {
        if (!word_is(name, param_name_at(id))) continue;
        meter_at(m, s->now);
        return answered(s, param_set(m, &engineer, id, (int32_t)v));
    }
    return "no such parameter";
}

/* European rules: last Sunday of March 02:00 to last Sunday of October 03:00. */
static const char *act_summer(struct scenario *s, const struct words *w)
{
    static const uint8_t begin[12] = { 0xFF, 0xFF, 3, 0xFE, 7, 2, 0, 0, 0, 0x80, 0, 0xFF };
    static const uint8_t end[12] = { 0xFF, 0xFF, 10, 0xFE, 7, 3, 0, 0, 0, 0x80, 0, 0xFF };
    struct meter *m = meter_of(s);
    if (!word_is(w->word[1], "eu")) return "eu";
    meter_at(m, s->now);
    const char *e = answered(s, param_write(m, &engineer, PARAM_DST_BEGIN, begin, 12));
    if (!e) e = answered(s, param_write(m, &engineer, PARAM_DST_END, end, 12));
    return e ? e : answered(s, param_set(m, &engineer, PARAM_DST_ENABLED, 1));
}

int command_of(const char *word)
{
    char name[40] = "CMD_";
    if (strlen(word) >= sizeof name - 4) return -1;
    memcpy(name + 4, word, strlen(word) + 1);
    for (uint16_t c = 0; c < (uint16_t)COMMANDS; c++)
        if (word_is(name, command_name_at(c))) return c;
    return -1;
}

static const char *act_do(struct scenario *s, const struct words *w)
{
    struct meter *m = meter_of(s);
    int64_t arg = 0;
    int command = command_of(w->word[1]);
    if (w->n > 2 && !word_int(w->word[2], &arg)) return "a command and a number";
    if (command < 0) return "no such command";
    meter_at(m, s->now);
    return answered(s, command_do(m, &engineer, (uint16_t)command, (int32_t)arg));
}

/* credit WALLET AMOUNT: as published, into an account that opens if it must; credit WALLET
 * closed: the account */
static const char *act_credit(struct scenario *s, const struct words *w)
{
    struct meter *m = meter_of(s);
    int64_t wallet, amount = 0;
    bool close = word_is(w->word[2], "closed");
    if (!word_int(w->word[1], &wallet) || wallet < 1 || wallet > WALLETS ||
        (!close && !word_int(w->word[2], &amount)) || amount < INT32_MIN || amount > INT32_MAX)
        return "a wallet, 1 or 2, and an amount";
    unsigned k = (unsigned)wallet - 1;
    meter_at(m, s->now);
    if (close) return answered(s, wallet_close(m, &engineer, k));
    const char *e = answered(s, wallet_add(m, &engineer, k, wallet_grains(m, k, amount)));
    if (e || wallet_is_open(m, k)) return e;
    return answered(s, wallet_open(m, &engineer, k));
}

/* The order must be refused, with that error's words somewhere in the reason. */
static const char *act_refused(struct scenario *s, const struct words *w)
{
    struct words rest = *w;
    for (unsigned i = 1; i < w->n; i++) rest.word[i - 1] = w->word[i];
    rest.n--;
    for (const struct scenario_verb *v = scenario_verbs; v->word; v++) {
        if (!word_is(rest.word[0], v->word) || rest.n <= v->least) continue;
        const char *e = v->act(s, &rest);
        if (!e) return "it was not refused";
        s->met++;
        world_say(s, SAID_MET, e);
        return NULL;
    }
    return "no such statement";
}

/* -- speaking ------------------------------------------------------------------------------ */

static const char *act_note(struct scenario *s, const struct words *w)
{
    struct text t = { .n = 0 };
    for (unsigned i = 1; i < w->n; i++) {
        if (i > 1) text_put(&t, " ");
        text_put(&t, w->word[i]);
    }
    world_say(s, SAID_NOTE, t.s);
    return NULL;
}

static const char *act_show(struct scenario *s, const struct words *w)
{
    int id = register_of(w->word[1]);
    struct text t = { .n = 0 };
    if (id < 0) return "no such register";
    meter_at(meter_of(s), s->now);
    text_put(&t, w->word[1]);
    text_put(&t, " ");
    text_int(&t, reg_at(&meter_of(s)->now, (uint16_t)id));
    world_say(s, SAID_SHOWN, t.s);
    return NULL;
}

const struct scenario_verb scenario_verbs[] = {
    { "start", 1, true, act_start },
    { "serial", 1, true, act_serial },
    { "checkpoint", 1, true, act_checkpoint },
    { "seed", 1, true, act_seed },
    { "windows", 1, true, act_windows },
    { "after", 1, true, act_after },
    { "until", 1, true, act_until },
    { "supply", 1, true, act_supply },
    { "load", 1, true, act_load },
    { "neutral", 1, true, act_neutral },
    { "distortion", 2, true, act_distortion },
    { "front", 1, true, act_front },
    { "input", 2, true, act_input },
    { "relay", 1, true, act_relay },
    { "temperature", 1, true, act_temperature },
    { "press", 1, false, act_press },
    { "chip", 1, true, act_chip },
    { "clock", 2, false, act_clock },
    { "set", 2, false, act_set },
    { "summer-time", 1, false, act_summer },
    { "do", 1, false, act_do },
    { "credit", 2, true, act_credit },
    { "refused", 1, false, act_refused },
    { "day", 2, true, act_day },
    { "week", 8, true, act_week },
    { "season", 3, true, act_season },
    { "special", 3, true, act_special },
    { "order", 2, true, act_order },
    { "single", 2, false, act_single },
    { "activate", 1, false, act_activate },
    { "open", 2, false, act_open },
    { "close", 0, false, act_close },
    { "ask", 3, false, act_ask },
    { "broadcast", 1, false, act_broadcast },
    { "password", 2, false, act_password },
    { "key", 2, false, act_key },
    { "security", 2, false, act_security },
    { "certificate", 1, false, act_certificate },
    { "token", 1, false, act_token },
    { "message", 2, false, act_message },
    { "unit", 2, false, act_unit },
    { "prices", 2, false, act_prices },
    { "subsidy", 2, false, act_subsidy },
    { "push", 2, false, act_push },
    { "head-end", 1, true, act_headend },
    { "network", 1, true, act_network },
    { "flash", 1, true, act_flash },
    { "board", 1, true, act_board },
    { "supercap", 1, true, act_supercap },
    { "expect", 2, false, act_expect },
    { "note", 1, true, act_note },
    { "show", 1, false, act_show },
    { NULL, 0, false, NULL },
};
