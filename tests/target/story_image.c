/* story_image.c - the scenario engine on the Cortex-M: story=FILE on the host's command line.
 *
 * The flash is the board's; everything else around the meter is played. Prints what does not
 * hold, and the end as `magno scenario` does.
 */
#include <string.h>

#include "app/scenario/scenario.h"
#include "base/err.h"
#include "port/mps2/port.h"
#include "port/mps2/semihost.h"

enum { SESSIONS = 1, APDU = 512, SCRIPT_MAX = 32768 };

static struct {
    struct scenario scenario;
    struct device device;
    struct dlms_pool pool;
    struct dlms_session session[SESSIONS];
    uint8_t buffers[DLMS_POOL_BYTES(SESSIONS, APDU, APDU)];
    struct regs frozen[SESSIONS];
    struct store_scratch scratch;
    char script[SCRIPT_MAX];
    const char *at, *end;
} app;

static int next_line(void *ctx, char *dst, size_t cap)
{
    (void)ctx;
    if (app.at == app.end) return E_NONE;
    size_t left = (size_t)(app.end - app.at), n = 0;
    while (n < left && app.at[n] != '\n') n++;
    const char *line = app.at;
    app.at += n < left ? n + 1 : n;
    if (n >= cap) return E_SPACE;
    memcpy(dst, line, n);
    dst[n] = '\0';
    return 0;
}

static void said(void *ctx, const struct scenario_said *x)
{
    (void)ctx;
    if (x->kind < SAID_MISSED) return;
    port_print_number(x->line);
    port_print(": ");
    port_print(x->text);
    port_print("\n");
}

static void print(const char *name, uint32_t v)
{
    port_print(name);
    port_print("=");
    port_print_number(v);
    port_print("\n");
}

int main(void)
{
    port_init();
    const char *path = port_arg("story");
    int32_t n = path ? semihost_read(path, app.script, sizeof app.script) : E_NONE;
    if (n < 0) {
        port_print("no story\n");
        return 2;
    }
    app.at = app.script;
    app.end = app.script + n;
    dlms_pool_init(&app.pool, app.session, SESSIONS, app.buffers, APDU, APDU);
    struct scenario_host host = { .line = next_line,
                                  .say = said,
                                  .device = &app.device,
                                  .has_seed = port_arg("seed") != NULL,
                                  .seed = port_arg_number("seed", 1),
                                  .cfg = { .meter = &cfg_single_phase,
                                           .secrets = &device_development,
                                           .firmware = "magno22",
                                           .hardware = "scenario",
                                           .pool = &app.pool,
                                           .frozen = app.frozen },
                                  .io = *port_io() };
    host.io.scratch = &app.scratch;
    struct scenario_end e = scenario_run(&app.scenario, &host);
    print("hold", e.met);
    print("missed", e.missed);
    print("trace", e.trace);
    print("flash", e.flash);
    print("stack", port_stack_peak());
    return e.missed ? 1 : 0;
}
