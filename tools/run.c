/* run.c - `magno run`: one virtual meter with its ports and front panel. */
#include <argp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/err.h"
#include "tools/commands.h"
#include "tools/common/json.h"
#include "tools/common/pcap.h"
#include "tools/common/say.h"
#include "tools/common/when.h"
#include "tools/exit.h"
#include "tools/run/show.h"

enum {
    TICK_MS = 10,
    SLICE_MS = 20,
    STEP_SAMPLES = 1600,
    SAMPLE_US = 125,
    SERIAL_MAX = 99999999,
    PORT_DEFAULT = 4059,
    UNSAID = -2
};

struct options {
    struct box_options box;
    int port[PORT_IDS], panel;
    const char *listen, *load, *start, *until, *zone, *pcap, *pty[PORT_IDS];
    uint32_t speed;
    bool json, echo;
    unsigned bus;
    char flash[4096];
};

struct run {
    uv_loop_t loop;
    struct box box, *neighbour; /* on the same RS485 line */
    unsigned neighbours;
    struct world world;
    struct loadspec spec;
    struct ports *ports;
    struct pcap *pcap;
    struct panel *panel;
    struct panel_source source;
    struct show show;
    struct pace pace;
    uv_timer_t tick;
    uv_idle_t flat_out;
    uv_signal_t signals[2];
    uint64_t told_ms;  /* wall time up to which the world has been advanced */
    uint64_t owed_us;  /* of the world, less than a sample */
    uint64_t until_us; /* world time to stop at */
    uint64_t measured_ms, measured_us;
    bool is_flat_out, done;
    int code;
};

/* -- the command line ---------------------------------------------------------------------- */
enum {
    O_DLMS = 256,
    O_OPTICAL,
    O_RS485,
    O_CIU,
    O_VTC,
    O_SMS,
    O_OPTICAL_PTY,
    O_RS485_PTY,
    O_RS485_BUS,
    O_ECHO,
    O_HLS,
    O_PANEL,
    O_LISTEN,
    O_FLASH,
    O_ZONE,
    O_KEYS,
    O_LOAD,
    O_START,
    O_SPEED,
    O_UNTIL,
    O_SEED,
    O_FACTORY,
    O_SERIAL,
    O_PCAP,
    O_JSON
};

static const struct argp_option rows[] = {
    { "load", O_LOAD, "SPEC", 0,
      "what the meter measures: household, csv:FILE, comtrade:FILE.cfg, "
      "const:P=1000,Q=200,V=230,F=50 or off (default household)",
      1 },
    { "speed", O_SPEED, "N|max", 0, "how many times faster than the wall clock (default 1)",
      1 },
    { "start", O_START, "TIME", 0, "UTC at power-up, as its clock chip says it (default now)",
      1 },
    { "until", O_UNTIL, "TIME", 0, "take the supply away at this time and end", 1 },
    { "tz", O_ZONE, "ZONE", 0,
      "local time, written at first start: +01:00, -03:30 (default UTC)", 1 },
    { "flash", O_FLASH, "FILE", 0,
      "the meter's memory; made when missing (default in the state folder)", 2 },
    { "serial", O_SERIAL, "N", 0, "serial number, 1 to 99999999 (default 1)", 2 },
    { "keys", O_KEYS, "FILE", 0, "keys and passwords; without them the public development keys",
      2 },
    { "hls", O_HLS, "LIST", 0,
      "let clients 32 to 34 use these besides their password in the open: sha256, sha1, md5, "
      "with "
      "commas (default none)",
      2 },
    { "seed", O_SEED, "N", 0, "make all chance a function of N", 2 },
    { "factory", O_FACTORY, 0, 0,
      "on the bench of the factory: its jumper is in, the meter cover open (client 112)", 2 },
    { "dlms", O_DLMS, "PORT", 0, "wrapper on TCP and UDP (default 4059)", 3 },
    { "optical", O_OPTICAL, "PORT", 0, "IEC 62056-21 mode E or HDLC on TCP (default 4060)", 3 },
    { "rs485", O_RS485, "PORT", 0, "HDLC on TCP (default 4061)", 3 },
    { "ciu", O_CIU, "PORT", 0, "frames of the customer's unit on TCP (default 4062)", 3 },
    { "vtc", O_VTC, "PORT", 0, "virtual token carrier: lines on TCP (default 4063)", 3 },
    { "sms", O_SMS, "PORT", 0,
      "a modem's messages: lines on TCP (default 4065; these three take any free port when "
      "--dlms is not 4059)",
      3 },
    { "optical-pty", O_OPTICAL_PTY, "PATH", 0,
      "the optical head also as a serial device: a pseudo terminal, PATH a link to it", 3 },
    { "rs485-pty", O_RS485_PTY, "PATH", 0, "the same for RS485", 3 },
    { "rs485-bus", O_RS485_BUS, "N", 0,
      "N meters on the RS485 line (1 to 64), with serial numbers that follow each other", 3 },
    { "echo", O_ECHO, NULL, 0,
      "optical head and RS485 send back what they hear, to try a client against it", 3 },
    { "panel", O_PANEL, "PORT", 0, "front panel on HTTP (default 8022)", 3 },
    { "listen", O_LISTEN, "ADDR", 0,
      "address of all ports (default 127.0.0.1); port 0 takes any free one, "
      "\"none\" leaves a port out",
      3 },
    { "pcap", O_PCAP, "FILE", 0, "write the traffic of all ports as pcapng, for Wireshark", 4 },
    { "json", O_JSON, NULL, 0, "print one JSON line when it serves", 4 },
    { 0 },
};

static int port_of(const char *text, struct argp_state *state)
{
    char *end;
    if (!strcmp(text, "none")) return -1;
    long n = strtol(text, &end, 10);
    if (*end || end == text || n < 0 || n > 65535)
        argp_error(state, "'%s' is not a port: 0 to 65535, or none", text);
    return (int)n;
}

static uint64_t number_of(const char *text, uint64_t most, struct argp_state *state)
{
    char *end;
    unsigned long long n = strtoull(text, &end, 10);
    if (*end || end == text || *text == '-' || n > most)
        argp_error(state, "'%s' is not a number from 0 to %llu", text,
                   (unsigned long long)most);
    return n;
}

static uint8_t hls_of(char *list, struct argp_state *state)
{
    static char *const names[] = { "md5", "sha1", "sha256", NULL };
    static const uint8_t bit[] = { 1 << 3, 1 << 4, 1 << 6 };
    uint8_t hls = 0;
    for (char *value = NULL; *list;) {
        int i = getsubopt(&list, names, &value);
        if (i < 0 || value) argp_error(state, "--hls takes sha256, sha1 and md5");
        hls |= bit[i];
    }
    return hls;
}

static error_t take(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;
    switch (key) {
    case O_LOAD:
        o->load = arg;
        break;
    case O_SPEED:
        o->speed =
            !strcmp(arg, "max") ? PANEL_SPEED_MAX : (uint32_t)number_of(arg, 86400, state);
        break;
    case O_START:
        o->start = arg;
        break;
    case O_UNTIL:
        o->until = arg;
        break;
    case O_ZONE:
        o->zone = arg;
        break;
    case O_FLASH:
        snprintf(o->flash, sizeof o->flash, "%s", arg);
        break;
    case O_SERIAL:
        o->box.serial = (uint32_t)number_of(arg, SERIAL_MAX, state);
        if (o->box.serial == 0) argp_error(state, "a serial number is 1 to 99999999");
        break;
    case O_KEYS:
        o->box.keys = arg;
        break;
    case O_FACTORY:
        o->box.factory = true;
        break;
    case O_SEED:
        o->box.seed = number_of(arg, UINT64_MAX, state);
        o->box.seeded = true;
        break;
    case O_DLMS:
        o->port[PORT_DLMS] = port_of(arg, state);
        break;
    case O_OPTICAL:
        o->port[PORT_OPTICAL] = port_of(arg, state);
        break;
    case O_RS485:
        o->port[PORT_RS485] = port_of(arg, state);
        break;
    case O_CIU:
        o->port[PORT_CIU] = port_of(arg, state);
        break;
    case O_VTC:
        o->port[PORT_VTC] = port_of(arg, state);
        break;
    case O_SMS:
        o->port[PORT_SMS] = port_of(arg, state);
        break;
    case O_OPTICAL_PTY:
        o->pty[PORT_OPTICAL] = arg;
        break;
    case O_RS485_PTY:
        o->pty[PORT_RS485] = arg;
        break;
    case O_RS485_BUS:
        o->bus = (unsigned)number_of(arg, 64, state);
        if (o->bus == 0) argp_error(state, "a bus has 1 to 64 meters");
        break;
    case O_HLS:
        o->box.hls = hls_of(arg, state);
        break;
    case O_ECHO:
        o->echo = true;
        break;
    case O_PANEL:
        o->panel = port_of(arg, state);
        break;
    case O_LISTEN:
        o->listen = arg;
        break;
    case O_PCAP:
        o->pcap = arg;
        break;
    case O_JSON:
        o->json = true;
        break;
    case ARGP_KEY_ARG:
        argp_error(state, "'%s': magno run takes options only", arg);
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

/* Two meters beside each other must not ask for the same ports. */
static void default_couriers(struct options *o)
{
    static const int usual[] = { 4062, 4063,
                                 4065 }; /* on 4064 `magno listen` waits for pushes */
    for (int id = PORT_CIU; id < PORT_IDS; id++)
        if (o->port[id] == UNSAID)
            o->port[id] = o->port[PORT_DLMS] == PORT_DEFAULT ? usual[id - PORT_CIU] : 0;
}

/* The user's state folder, made on the way. */
static int default_flash(struct options *o, struct trouble *t)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    char folder[3000];
    if (state && *state == '/')
        snprintf(folder, sizeof folder, "%s/magno", state);
    else if (home)
        snprintf(folder, sizeof folder, "%s/.local/state/magno", home);
    else
        return trouble(
            t, E_NONE,
            "there is no HOME to keep the meter's memory in; name a file with --flash");
    for (char *p = folder + 1;; p++)
        if (*p == '/' || !*p) {
            char was = *p;
            *p = 0;
            (void)mkdir(folder, 0700);
            *p = was;
            if (!was) break;
        }
    snprintf(o->flash, sizeof o->flash, "%s/meter-%08u.flash", folder, o->box.serial);
    return 0;
}

/* -- time goes by -------------------------------------------------------------------------- */
static void finish(struct run *r)
{
    r->done = true;
    uv_stop(&r->loop);
}

/* Let the world go on by us, in steps that leave the sockets a word. */
static void advance(struct run *r, uint64_t us)
{
    uint64_t left = r->until_us - r->box.world_us;
    r->owed_us += us < left ? us : left;
    uint64_t n = r->owed_us / SAMPLE_US;
    if (us >= left) n = (r->owed_us + SAMPLE_US - 1) / SAMPLE_US;
    r->owed_us -= n * SAMPLE_US < r->owed_us ? n * SAMPLE_US : r->owed_us;
    world_advance(&r->world, n);
    ports_poll(r->ports);
    if (r->box.world_us >= r->until_us) finish(r);
}

static void measure_pace(struct run *r, uint64_t now_ms)
{
    if (now_ms - r->measured_ms < 1000) return;
    r->pace.pace_e1 =
        (uint32_t)((r->box.world_us - r->measured_us) / 100 / (now_ms - r->measured_ms));
    r->measured_ms = now_ms;
    r->measured_us = r->box.world_us;
}

static void watch_speed(struct run *r);

static void flat_out(uv_idle_t *h)
{
    struct run *r = h->data;
    uint64_t end = say_now_ms() + SLICE_MS;
    do advance(r, STEP_SAMPLES * SAMPLE_US);
    while (!r->done && say_now_ms() < end);
    measure_pace(r, say_now_ms());
    watch_speed(r);
}

static void watch_speed(struct run *r)
{
    bool want = r->pace.speed == PANEL_SPEED_MAX && !ports_is_talking(r->ports);
    if (want == r->is_flat_out) return;
    r->is_flat_out = want;
    r->told_ms = say_now_ms();
    if (want)
        uv_idle_start(&r->flat_out, flat_out);
    else
        uv_idle_stop(&r->flat_out);
}

/* A host that cannot keep up loses pace, never samples: what is owed is capped at a slice. */
static void tick(uv_timer_t *h)
{
    struct run *r = h->data;
    uint64_t now = say_now_ms(), passed = now - r->told_ms;
    watch_speed(r);
    if (r->is_flat_out) return;
    r->told_ms = now;
    uint32_t speed = r->pace.speed > 1 && ports_is_talking(r->ports) ? 1 : r->pace.speed;
    uint64_t end = now + SLICE_MS, us = passed * 1000 * speed;
    while (us && !r->done && say_now_ms() < end) {
        uint64_t part = us < STEP_SAMPLES * SAMPLE_US ? us : STEP_SAMPLES * SAMPLE_US;
        advance(r, part);
        us -= part;
    }
    if (r->box.is_on) box_step(&r->box);
    measure_pace(r, now);
}

static void asked_to_stop(uv_signal_t *h, int number)
{
    (void)number;
    finish(h->data);
}

/* -- start --------------------------------------------------------------------------------- */
static int start_times(struct run *r, const struct options *o)
{
    utc_t start = when_now(), until;
    if (o->start && when_parse(&start, o->start, start))
        return say_fail(EXIT_USAGE, "'%s' is not a time: %s", o->start, when_forms);
    utc_t newest = o->start ? start : r->box.newest;
    if (newest.s >= start.s && !o->start) start.s = newest.s + 1;
    box_set_rtc(&r->box, start);
    r->until_us = UINT64_MAX;
    if (!o->until) return 0;
    if (when_parse(&until, o->until, start))
        return say_fail(EXIT_USAGE, "'%s' is not a time: %s", o->until, when_forms);
    if (until.s <= start.s) return say_fail(EXIT_USAGE, "--until lies before the start");
    r->until_us = r->box.world_us + (uint64_t)(until.s - start.s) * 1000000;
    return 0;
}

/* "+01:00", "-03:30", "Z": minutes, written once; a meter that has another zone keeps it. */
static int set_zone(struct run *r, const char *zone)
{
    static const struct who factory = { .link = LINK_SELF };
    int h = 0, m = 0;
    char sign = '+', tail = 0;
    if (!zone) return 0;
    bool good = !strcmp(zone, "Z") || !strcmp(zone, "UTC") ||
                (sscanf(zone, "%c%2d:%2d%c", &sign, &h, &m, &tail) == 3 &&
                 (sign == '+' || sign == '-') && h <= 14 && m < 60);
    if (!good) return say_fail(EXIT_USAGE, "'%s' is not a zone: +01:00, -03:30 or Z", zone);
    int minutes = (sign == '-' ? -1 : 1) * (h * 60 + m);
    int err = 0;
    for (struct box *b = &r->box; b && !err; b = b->next)
        err = param_set(&b->device.meter, &factory, PARAM_ZONE_MIN, minutes);
    box_step(&r->box);
    return err ? say_fail(EXIT_REFUSED, "the meter refuses the zone: %s", err_text(err)) : 0;
}

static bool is_loopback(const char *address)
{
    return !strncmp(address, "127.", 4) || !strcmp(address, "::1") ||
           !strcmp(address, "localhost");
}

/* The others of the line have their memories beside the first one's. */
static int open_neighbours(struct run *r, const struct options *o, struct trouble *t)
{
    char flash[sizeof o->flash + 16];
    struct box *last = &r->box;
    if (o->bus > 1 && o->box.serial + o->bus - 1 > SERIAL_MAX)
        return trouble(t, E_RANGE, "there are no %u serial numbers from %u on", o->bus,
                       o->box.serial);
    r->neighbour = o->bus > 1 ? calloc(o->bus - 1, sizeof *r->neighbour) : NULL;
    if (o->bus > 1 && !r->neighbour) return trouble(t, E_SPACE, "out of memory");
    for (; r->neighbours + 1 < o->bus; r->neighbours++) {
        struct box_options each = o->box;
        snprintf(flash, sizeof flash, "%s.%u", o->flash, r->neighbours + 2);
        each.flash = flash;
        each.serial += r->neighbours + 1;
        each.seed += r->neighbours + 1;
        each.sessions = 8;
        int err = box_open(&r->neighbour[r->neighbours], &each, t);
        if (err) return err;
        last = last->next = &r->neighbour[r->neighbours];
    }
    return 0;
}

static int open_meter(struct run *r, struct options *o)
{
    struct trouble t;
    if (!o->box.keys && !is_loopback(o->listen))
        return say_fail(
            EXIT_USAGE,
            "the public development keys are for loopback only: give --keys FILE to "
            "listen on %s",
            o->listen);
    if (o->pcap && pcap_open(&r->pcap, o->pcap, &t))
        return say_fail(EXIT_REFUSED, "%s", t.text);
    if (loadspec_parse(&r->spec, o->load, &t)) /* its text, or the file that it names */
        return say_fail(r->spec.kind == LOADSPEC_CONST ? EXIT_USAGE : EXIT_REFUSED, "%s",
                        t.text);
    if (!o->flash[0] && default_flash(o, &t)) return say_fail(EXIT_USAGE, "%s", t.text);
    o->box.flash = o->flash;
    if (box_open(&r->box, &o->box, &t) || open_neighbours(r, o, &t))
        return say_fail(EXIT_REFUSED, "%s", t.text);
    int code = start_times(r, o);
    if (code) return code;
    if (world_init(&r->world, &r->box, &r->spec, o->box.seed, &t))
        return say_fail(EXIT_REFUSED, "%s", t.text);
    return 0;
}

/* Supply on, once there is a network: the meter may call somebody at once. */
static int power_on(struct run *r, const struct options *o)
{
    struct trouble t;
    if (box_on(&r->box, &t)) return say_fail(EXIT_REFUSED, "%s", t.text);
    return set_zone(r, o->zone);
}

static int open_ports(struct run *r, const struct options *o)
{
    struct trouble t;
    if (ports_open(&r->ports, &r->loop, &r->box, o->listen, o->port, &t))
        return say_fail(EXIT_CONNECT, "%s", t.text);
    for (int id = 0; id < PORT_IDS; id++)
        if (o->pty[id] && ports_pty(r->ports, (enum port_id)id, o->pty[id], &t))
            return say_fail(EXIT_CONNECT, "%s", t.text);
    if (o->echo) ports_echo(r->ports);
    if (r->pcap) ports_capture(r->ports, r->pcap);
    r->show = (struct show){ .box = &r->box,
                             .world = &r->world,
                             .ports = r->ports,
                             .pace = &r->pace,
                             .load = o->load,
                             .address = o->listen };
    show_init(&r->show, &r->source);
    if (o->panel < 0) return 0;
    int port = panel_open(&r->panel, &r->loop, o->listen, (uint16_t)o->panel, &r->source);
    if (port < 0)
        return say_fail(EXIT_CONNECT,
                        "cannot serve the panel on %s port %d: %s; choose another with --panel",
                        o->listen, o->panel,
                        port == E_BUSY ? "the port is taken" : err_text(port));
    return port;
}

static void tell(const struct run *r, const struct options *o, int panel)
{
    const struct ports *p = r->ports;
    if (o->json) {
        json_t *j = json_pack("{s:b,s:i,s:i,s:i,s:i,s:i}", "ready", 1, "serial",
                              (int)o->box.serial, "dlms", ports_status(p, PORT_DLMS).port,
                              "optical", ports_status(p, PORT_OPTICAL).port, "rs485",
                              ports_status(p, PORT_RS485).port, "panel", panel);
        static const char *const courier[] = { "ciu", "vtc", "sms" };
        for (int id = PORT_CIU; id < PORT_IDS; id++)
            json_object_set_new(j, courier[id - PORT_CIU],
                                json_integer(ports_status(p, (enum port_id)id).port));
        for (int id = PORT_OPTICAL; id <= PORT_RS485; id++)
            if (o->pty[id])
                json_object_set_new(j, id == PORT_RS485 ? "rs485_pty" : "optical_pty",
                                    json_string(ports_pty_name(p, (enum port_id)id)));
        json_line(j);
        return;
    }
    printf("Meter %08u is on. DLMS %s:%u, optical %u, RS485 %u", o->box.serial, o->listen,
           ports_status(p, PORT_DLMS).port, ports_status(p, PORT_OPTICAL).port,
           ports_status(p, PORT_RS485).port);
    if (panel) printf(", panel http://%s:%d/", o->listen, panel);
    printf("\n");
    if (!o->box.keys) printf("It carries the public development keys.\n");
    fflush(stdout);
}

static void go(struct run *r)
{
    static const int number[2] = { SIGINT, SIGTERM };
    uv_timer_init(&r->loop, &r->tick);
    uv_idle_init(&r->loop, &r->flat_out);
    r->tick.data = r->flat_out.data = r;
    for (int i = 0; i < 2; i++) {
        uv_signal_init(&r->loop, &r->signals[i]);
        r->signals[i].data = r;
        uv_signal_start(&r->signals[i], asked_to_stop, number[i]);
    }
    r->told_ms = r->measured_ms = say_now_ms();
    r->measured_us = r->box.world_us;
    uv_timer_start(&r->tick, tick, TICK_MS, TICK_MS);
    watch_speed(r);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&r->tick, NULL);
    uv_close((uv_handle_t *)&r->flat_out, NULL);
    for (int i = 0; i < 2; i++) uv_close((uv_handle_t *)&r->signals[i], NULL);
}

/* A shell gives 1024 files; a thousand clients and the meter's own want more. */
static void take_files(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l)) return;
    l.rlim_cur = l.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &l);
}

static int run(struct run *r, struct options *o)
{
    take_files();
    uv_loop_init(&r->loop);
    r->pace.speed = o->speed;
    int code = open_meter(r, o);
    int panel = code ? 0 : open_ports(r, o);
    bool refused = !code && (panel == EXIT_CONNECT || panel == EXIT_USAGE);
    if (!code && refused) code = panel;
    if (!code) code = power_on(r, o);
    if (!code) {
        tell(r, o, panel);
        go(r);
    }
    if (r->box.is_on) box_off(&r->box); /* its last gasp may go out */
    panel_close(r->panel);
    if (r->ports) ports_close(r->ports);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    panel_end(r->panel);
    uv_loop_close(&r->loop);
    pcap_close(r->pcap);
    for (unsigned i = 0; i < r->neighbours; i++) box_close(&r->neighbour[i]);
    free(r->neighbour);
    box_close(&r->box);
    loadspec_free(&r->spec);
    return code;
}

int run_main(int argc, char **argv)
{
    static const char doc[] =
        "Run one virtual meter: it measures a load, keeps its registers in a flash image, "
        "answers DLMS clients "
        "and shows itself on a web page.\v"
        "Examples:\n"
        "  magno run                       a household, panel on http://127.0.0.1:8022/\n"
        "  magno read 1-0:1.8.0            from another terminal: its import register\n"
        "  magno run --load const:P=2300 --speed 3600 --flash /tmp/a.flash\n";
    static const struct argp argp = { rows, take, NULL, doc, NULL, NULL, NULL };
    struct options o = {
        .box = { .serial = 1 },
        .port = { PORT_DEFAULT, 4060, 4061, UNSAID, UNSAID, UNSAID },
        .panel = 8022,
        .listen = "127.0.0.1",
        .load = "household",
        .speed = 1,
    };
    struct run *r = calloc(1, sizeof *r);
    if (!r) return say_fail(EXIT_REFUSED, "out of memory");
    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&argp, argc, argv, 0, NULL, &o);
    default_couriers(&o);
    int code = run(r, &o);
    free(r);
    return code;
}
