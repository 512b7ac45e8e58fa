#include "app/scenario/scenario.h"

#include <string.h>

#include "app/scenario/act.h"
#include "app/scenario/world.h"
#include "base/crc.h"
#include "base/err.h"

enum { FIRST_WINDOW_US = 1000000 };

static void reset(struct scenario *s, const struct scenario_host *host)
{
    memset(s, 0, sizeof *s);
    s->host = *host;
    s->meter = *host->cfg.meter;
    s->meter.decoder = &client_decoder;
    s->true_us = UINT64_C(1767225600000000); /* 2026-01-01 */
    s->rtc_set_us = s->true_us;
    s->window_us = FIRST_WINDOW_US;
    s->u_mv = s->meter.rating.un_mv;
    s->f_mhz = s->meter.rating.fn_hz * 1000;
    s->temperature_dc = 250;
    s->seed = s->random = host->has_seed ? host->seed : 1;
    relay_sim_init(&s->relay);
    s->trace = CRC32_SEED;
    world_wire(s);
}

static const char *act(struct scenario *s, const struct words *w)
{
    for (const struct scenario_verb *v = scenario_verbs; v->word; v++) {
        if (!word_is(w->word[0], v->word)) continue;
        if (w->n <= v->least) return "more words are needed";
        if (!s->powered && !v->dark) return "the supply is off";
        return v->act(s, w);
    }
    return "no such statement";
}

static void one_line(struct scenario *s, struct words *w)
{
    const char *e = words_cut(w) ? NULL : "too many words";
    if (!e && w->n) e = act(s, w);
    if (!e) return;
    struct text t = { .n = 0 };
    text_put(&t, w->n ? w->word[0] : "line");
    text_put(&t, ": ");
    text_put(&t, e);
    s->missed++;
    world_say(s, SAID_WRONG, t.s);
}

static uint32_t flash_sum(const struct nor *nor)
{
    uint8_t page[NOR_PAGE];
    uint32_t crc = CRC32_SEED;
    for (uint32_t at = 0; at < nor->size; at += sizeof page) {
        if (nor->read(nor->ctx, at, page, sizeof page) < 0) return 0;
        crc = crc32_more(crc, page, sizeof page);
    }
    return crc32_end(crc);
}

struct scenario_end scenario_run(struct scenario *s, const struct scenario_host *host)
{
    struct words w;
    int rc;
    reset(s, host);
    while ((rc = host->line(host->ctx, w.text, sizeof w.text)) != E_NONE) {
        s->line++;
        if (rc >= 0) {
            one_line(s, &w);
        } else {
            s->missed++;
            world_say(s, SAID_WRONG, err_text(rc));
        }
    }
    world_power(s, false, true);
    return (struct scenario_end){ s->met, s->missed, crc32_end(s->trace),
                                  flash_sum(s->io.nor) };
}
