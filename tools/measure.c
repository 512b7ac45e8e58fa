/* measure.c - `magno measure`: recorded samples through the meter's metrology. */
#include <argp.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/fixed.h"
#include "meter/energy/energy.h"
#include "meter/event/event.h"
#include "meter/tamper/watch.h"
#include "metrology/front.h"
#include "metrology/quality.h"
#include "metrology/quantity.h"
#include "metrology/tamper.h"
#include "metrology/trig.h"
#include "tools/commands.h"
#include "tools/common/file.h"
#include "tools/common/json.h"
#include "tools/common/number.h"
#include "tools/common/say.h"
#include "tools/exit.h"
#include "tools/measure/wave.h"

enum { O_JSON = 0x200, O_WINDOWS, O_CALIBRATION, O_SKIP, O_CONSTANT, O_CREEP, O_PREPARED };

struct request {
    struct wave_options wave;
    const char *path, *calibration, *prepared;
    double skip_s;
    uint32_t constant;
    bool json, windows, creep_off;
};

static const struct argp_option options[] = {
    { 0, 0, 0, 0, "Result", 3 },
    { "json", O_JSON, 0, 0, "one JSON object a line on standard output", 0 },
    { "windows", O_WINDOWS, 0, 0, "a line for each window of 200 ms as well", 0 },
    { "skip", O_SKIP, "SECONDS", 0,
      "leave the first out of the result: the meter starts up (0)", 0 },
    { "calibration", O_CALIBRATION, "FILE", 0,
      "constants of the board, made by magno calibrate", 0 },
    { "constant", O_CONSTANT, "IMP", 0, "pulses a kWh and kvarh, 100 to 10000 (1000)", 0 },
    { "prepared", O_PREPARED, "FILE", 0, "write the samples as metered: float64, interleaved",
      0 },
    { "creep-off", O_CREEP, 0, 0, "count below the starting current as well", 0 },
    { 0 },
};

static const char doc[] =
    "Run recorded samples through the meter's metrology and print what it registers.\v"
    "FILE is a COMTRADE configuration (.cfg, its .dat beside it), or with --raw or --raw-float "
    "a "
    "file of samples; - is standard input.\n\n"
    "Examples:\n"
    "  magno measure site.cfg --v U1 --i I1 --fn 60 --loop 30 --skip 5\n"
    "  magno measure --raw --rate 8000 --bits 24 --json codes.bin\n"
    "  magno measure --raw-float 64 --windows --json volts-and-amperes.f64";

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct request *r = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &r->wave;
        return 0;
    case ARGP_KEY_ARG:
        if (r->path) argp_error(state, "one file at a time");
        r->path = arg;
        return 0;
    case ARGP_KEY_END:
        if (!r->path) argp_error(state, "which file?");
        return 0;
    case O_JSON:
        r->json = true;
        return 0;
    case O_WINDOWS:
        r->windows = true;
        return 0;
    case O_CREEP:
        r->creep_off = true;
        return 0;
    case O_CALIBRATION:
        r->calibration = arg;
        return 0;
    case O_PREPARED:
        r->prepared = arg;
        return 0;
    case O_SKIP:
        r->skip_s = number_option(state, "skip", arg, 0, 1e9);
        return 0;
    case O_CONSTANT:
        r->constant = (uint32_t)number_option(state, "constant", arg, 100, 10000);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* -- the meter ----------------------------------------------------------------------------- */

enum { EVENTS_MAX = 10000 };

struct told {
    uint16_t code;
    bool begins, has_extreme;
    mono_t at;
    uint64_t duration_us;
    int64_t extreme;
};

/* Sums over the windows that count; means are taken of them in the end. */
struct totals {
    uint64_t windows, span_ns, flags;
    double u, i, n, p, p1, q, s, f, thd_u, thd_i; /* times seconds */
    double f_s;                                   /* seconds with a frequency */
};

struct bench {
    const struct request *r;
    struct front front;
    struct measure measure;
    struct quality quality;
    struct quality_cfg quality_cfg;
    struct tamper tamper;
    struct tamper_cfg tamper_cfg;
    struct energy energy;
    struct regs regs;
    struct totals whole, all;   /* whole windows; every window */
    uint8_t last_q[DIRECTIONS]; /* quadrant last seen with reactive energy of that sign */
    struct told told[EVENTS_MAX];
    size_t events;
    uint64_t samples, work_ns;
    FILE *prepared;
};

static void tell(struct bench *b, uint16_t code, bool begins, mono_t at, uint64_t duration_us)
{
    if (!code || b->events == EVENTS_MAX) return;
    b->told[b->events++] = (struct told){ code, begins, false, at, duration_us, 0 };
}

static void judge(struct bench *b, const struct quantity *q)
{
    static const struct tamper_field none;
    struct quality_note note[QUALITY_NOTES];
    struct tamper_note fraud[TAMPER_NOTES];
    int n = quality_feed(&b->quality, &b->quality_cfg, q, note);
    for (int k = 0; k < n; k++) {
        enum quality_kind kind = (enum quality_kind)note[k].kind;
        size_t before = b->events;
        tell(b, watch_quality_code(kind, note[k].begins), note[k].begins, note[k].at,
             note[k].duration_us);
        if (b->events == before) continue;
        b->told[before].has_extreme = true;
        b->told[before].extreme = note[k].extreme;
    }
    n = tamper_feed(&b->tamper, &b->tamper_cfg, q, &none, fraud);
    for (int k = 0; k < n; k++) {
        uint16_t code = watch_tamper_code((enum tamper_kind)fraud[k].kind, fraud[k].begins);
        if (!code && fraud[k].begins) code = EV_MEASUREMENT_ERROR; /* of the front end */
        tell(b, code, fraud[k].begins, fraud[k].at, fraud[k].duration_us);
    }
}

static void add(struct totals *t, const struct quantity *q)
{
    const struct element *e = &q->element[q->billed];
    double s = (double)q->span_ns * 1e-9;
    t->windows++;
    t->span_ns += q->span_ns;
    t->flags |= q->flags;
    t->u += q->u_uv * 1e-6 * s;
    t->i += q->element[ELEMENT_PHASE].i_ua * 1e-6 * s;
    t->n += q->element[ELEMENT_NEUTRAL].i_ua * 1e-6 * s;
    t->p += (double)e->p_uw * 1e-6 * s;
    t->p1 += (double)e->p1_uw * 1e-6 * s;
    t->q += (double)e->q_uvar * 1e-6 * s;
    t->s += (double)e->s_uva * 1e-6 * s;
    t->thd_u += q->thd_u_bp * 1e-4 * s;
    t->thd_i += e->thd_i_bp * 1e-4 * s;
    if (q->f_uhz) {
        t->f += q->f_uhz * 1e-6 * s;
        t->f_s += s;
    }
}

static void book(struct bench *b, const struct quantity *q)
{
    const struct element *e = &q->element[q->billed];
    int quadrant = quantity_quadrant(e->active_nj, e->reactive_nj, b->energy.quadrant + 1) - 1;
    struct share share = { abs_i64(e->active_nj), abs_i64(e->reactive_nj),
                           (uint64_t)e->apparent_nj, (uint8_t)quadrant };
    energy_book(&b->energy, &b->regs, &share, 0);
    if (e->reactive_nj) b->last_q[quadrant >= 2] = (uint8_t)quadrant;
    pulse_book(front_pulse(&b->front, PULSE_ACTIVE), e->active_nj);
    pulse_book(front_pulse(&b->front, PULSE_REACTIVE), e->reactive_nj);
}

/* -- a window told ------------------------------------------------------------------------- */

static const char *const flag_names[] = { "saturated", "missed",   "stuck",  "no_voltage",
                                          "f_range",   "unlocked", "late",   "no_calibration",
                                          "creep_p",   "creep_q",  "creep_s" };

static json_t *flags_json(uint32_t flags)
{
    json_t *list = json_array();
    for (size_t k = 0; k < sizeof flag_names / sizeof *flag_names; k++)
        if (flags >> k & 1) json_array_append_new(list, json_string(flag_names[k]));
    return list;
}

static void window_json(const struct quantity *q, uint64_t number)
{
    const struct element *e = &q->element[q->billed];
    json_t *o = json_object();
    json_object_set_new(o, "window", json_integer((json_int_t)number));
    json_object_set_new(o, "t_s", json_decimal((int64_t)q->start.us, 6));
    json_object_set_new(o, "span_s", json_decimal((int64_t)q->span_ns, 9));
    json_object_set_new(o, "urms_v", json_decimal(q->u_uv, 6));
    json_object_set_new(o, "irms_a", json_decimal(q->element[0].i_ua, 6));
    if (q->flags & QTY_HAS_N)
        json_object_set_new(o, "in_a", json_decimal(q->element[1].i_ua, 6));
    json_object_set_new(o, "p_w", json_decimal(e->p_uw, 6));
    json_object_set_new(o, "q_var", json_decimal(e->q_uvar, 6));
    json_object_set_new(o, "s_va", json_decimal(e->s_uva, 6));
    json_object_set_new(o, "pf", json_decimal(e->pf_ppm, 6));
    json_object_set_new(o, "f_hz", json_decimal(q->f_uhz, 6));
    json_object_set_new(o, "angle_deg", json_decimal(e->angle_mdeg, 3));
    json_object_set_new(o, "quadrant", json_integer(quantity_quadrant(e->p_uw, e->q_uvar, 1)));
    json_object_set_new(o, "thd_u", json_decimal(q->thd_u_bp, 4));
    json_object_set_new(o, "thd_i", json_decimal(e->thd_i_bp, 4));
    json_object_set_new(o, "flags", flags_json(q->flags));
    json_line(o);
}

static void window_text(const struct quantity *q)
{
    const struct element *e = &q->element[q->billed];
    printf("%10.3f s %9.3f V %9.4f A %11.3f W %11.3f var  PF %+.4f %8.4f Hz",
           (double)q->start.us * 1e-6, q->u_uv * 1e-6, q->element[0].i_ua * 1e-6,
           (double)e->p_uw * 1e-6, (double)e->q_uvar * 1e-6, e->pf_ppm * 1e-6, q->f_uhz * 1e-6);
    for (size_t k = 0; k < 7; k++)
        if (q->flags >> k & 1) printf(" %s", flag_names[k]);
    putchar('\n');
}

static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void take_window(struct bench *b, const struct window *w)
{
    struct quantity q;
    uint64_t from = cpu_ns();
    quantity_of(&q, &b->measure, w);
    b->work_ns += cpu_ns() - from;
    judge(b, &q);
    if (q.start.us < (uint64_t)(b->r->skip_s * 1e6)) return;
    book(b, &q);
    add(&b->all, &q);
    if (!(q.flags & (QTY_UNLOCKED | QTY_MISSED))) add(&b->whole, &q);
    if (!b->r->windows) return;
    if (b->r->json)
        window_json(&q, b->all.windows - 1);
    else
        window_text(&q);
}

static void take_windows(struct bench *b)
{
    struct window w;
    while (window_take(&b->front, &w)) take_window(b, &w);
}

/* Volts and amperes of the codes that were metered. */
static void keep(const struct bench *b, const struct wave_source *s,
                 const struct wave_block *block)
{
    size_t channels = s->sampling.channels;
    double top = ldexp(1e6, s->sampling.bits - 1);
    for (size_t k = 0; b->prepared && k < block->count * channels; k++) {
        double full = k % channels ? s->sampling.full_scale_ua : s->sampling.full_scale_uv;
        double x = block->codes[k] * full / top;
        fwrite(&x, sizeof x, 1, b->prepared);
    }
}

static int run(struct bench *b, struct wave_source *s, struct trouble *t)
{
    static struct wave_block block;
    int r;
    while ((r = wave_next(s, &block, t)) > 0) {
        uint64_t from = cpu_ns();
        if (block.missed) front_missed_isr(&b->front, block.missed);
        front_samples(&b->front, block.codes, block.count);
        b->work_ns += cpu_ns() - from;
        take_windows(b);
        keep(b, s, &block);
        b->samples += block.count;
    }
    if (r < 0) return r;
    if (!b->samples) return trouble(t, E_FORMAT, "%s holds no samples", s->path);
    while (front_close(&b->front) == E_SPACE) take_windows(b);
    take_windows(b);
    if (!b->all.windows)
        return trouble(t, E_RANGE, "nothing is left of %.3f s after --skip %g",
                       (double)b->samples / s->sampling.rate_hz, b->r->skip_s);
    return 0;
}

/* -- the result ---------------------------------------------------------------------------- */

static double mean(double sum, const struct totals *t)
{
    return t->span_ns ? sum / ((double)t->span_ns * 1e-9) : 0;
}

static json_t *micro(double x)
{
    return json_decimal(llround(x * 1e6), 6);
}

/* Thousandths of a unit of a direction; whole milli-units, so that sums are sums. */
static int64_t milli(const struct bench *b, unsigned cell, unsigned direction)
{
    return (int64_t)(energy_nj(&b->energy, &b->regs, cell, direction) / 3600000000u);
}

/* A quadrant's reactive energy: its cells, and the direction's rest where it was seen last. */
static int64_t milli_quadrant(const struct bench *b, unsigned q)
{
    unsigned down = q >= 2;
    int64_t units = 0;
    for (unsigned t = 0; t < TARIFFS; t++) units += (int64_t)b->regs.cell[CELL_VARH][q][t];
    bool last = b->last_q[down] == q;
    return units * 1000 + (last ? b->energy.rest_nj[CELL_VARH][down] / 3600000000 : 0);
}

static uint64_t pulses(const struct bench *b, unsigned cell)
{
    uint64_t unit = UINT64_C(3600000000000000) / b->r->constant, n = 0;
    for (unsigned d = 0; d < DIRECTIONS; d++)
        n += energy_nj(&b->energy, &b->regs, cell, d) / unit;
    return n;
}

static json_t *energy_json(const struct bench *b)
{
    static const char *const name[4] = { "q1_varh", "q2_varh", "q3_varh", "q4_varh" };
    int64_t in = milli(b, CELL_WH, FORWARD), out = milli(b, CELL_WH, BACKWARD);
    json_t *o = json_object();
    json_object_set_new(o, "import_wh", json_decimal(in, 3));
    json_object_set_new(o, "export_wh", json_decimal(out, 3));
    json_object_set_new(o, "abs_wh", json_decimal(in + out, 3));
    json_object_set_new(o, "net_wh", json_decimal(in - out, 3));
    for (unsigned q = 0; q < 4; q++)
        json_object_set_new(o, name[q], json_decimal(milli_quadrant(b, q), 3));
    json_object_set_new(o, "import_vah", json_decimal(milli(b, CELL_VAH, FORWARD), 3));
    json_object_set_new(o, "export_vah", json_decimal(milli(b, CELL_VAH, BACKWARD), 3));
    return o;
}

static json_t *event_json(const struct told *e)
{
    const char *name = event_text(e->code);
    json_t *o = json_object();
    json_object_set_new(o, "code", json_integer(e->code));
    json_object_set_new(o, "name", json_string(name ? name : "unknown"));
    json_object_set_new(o, "t_s", json_decimal((int64_t)e->at.us, 6));
    if (!e->begins)
        json_object_set_new(o, "duration_s", json_decimal((int64_t)e->duration_us, 6));
    if (e->has_extreme) json_object_set_new(o, "extreme", json_decimal(e->extreme, 6));
    return o;
}

static double degrees(double p1, double q)
{
    double a = atan2(q, p1) * 180 / M_PI;
    return a < 0 ? a + 360 : a;
}

/* Means of the whole windows; of all, where none was whole. */
static const struct totals *means_of(const struct bench *b)
{
    return b->whole.windows ? &b->whole : &b->all;
}

static void result_json(const struct bench *b, const struct wave_source *s)
{
    const struct totals *t = means_of(b);
    double p = mean(t->p, t), q = mean(t->q, t), va = mean(t->s, t);
    json_t *o = json_object(), *events = json_array();
    json_object_set_new(o, "urms_v", micro(mean(t->u, t)));
    json_object_set_new(o, "irms_a", micro(mean(t->i, t)));
    json_object_set_new(o, "in_a",
                        s->sampling.channels > 2 ? micro(mean(t->n, t)) : json_null());
    json_object_set_new(o, "p_w", micro(p));
    json_object_set_new(o, "q_var", micro(q));
    json_object_set_new(o, "s_va", micro(va));
    json_object_set_new(o, "pf", micro(va > 0 ? p / va : 0));
    json_object_set_new(o, "f_hz", micro(t->f_s > 0 ? t->f / t->f_s : 0));
    json_object_set_new(
        o, "angle_deg",
        json_decimal(va > 0 ? llround(degrees(t->p1, t->q) * 1e3) % 360000 : 0, 3));
    json_object_set_new(o, "quadrant",
                        json_integer(quantity_quadrant(llround(p * 1e6), llround(q * 1e6), 1)));
    json_object_set_new(o, "thd_u", json_decimal(llround(mean(t->thd_u, t) * 1e4), 4));
    json_object_set_new(o, "thd_i", json_decimal(llround(mean(t->thd_i, t) * 1e4), 4));
    json_object_set_new(o, "energy", energy_json(b));
    json_object_set_new(o, "pulses_kwh", json_integer((json_int_t)pulses(b, CELL_WH)));
    json_object_set_new(o, "pulses_kvarh", json_integer((json_int_t)pulses(b, CELL_VARH)));
    for (size_t k = 0; k < b->events; k++)
        json_array_append_new(events, event_json(&b->told[k]));
    json_object_set_new(o, "events", events);
    json_object_set_new(o, "windows", json_integer((json_int_t)b->all.windows));
    json_object_set_new(o, "whole_windows", json_integer((json_int_t)b->whole.windows));
    json_object_set_new(o, "seconds", json_decimal((int64_t)b->all.span_ns, 9));
    json_object_set_new(o, "samples", json_integer((json_int_t)b->samples));
    json_object_set_new(o, "ns_per_sample",
                        json_decimal((int64_t)(b->work_ns * 100 / b->samples), 2));
    json_object_set_new(o, "full_scale_v", json_decimal(s->sampling.full_scale_uv, 6));
    json_object_set_new(o, "full_scale_i", json_decimal(s->sampling.full_scale_ua, 6));
    if (s->resampled_from > 0)
        json_object_set_new(o, "resampled_from_hz", micro(s->resampled_from));
    json_line(o);
}

static void line(const char *what, double x, const char *unit)
{
    printf("  %-22s %16.6f %s\n", what, x, unit);
}

static void energy_line(const char *what, int64_t milli_units, const char *unit)
{
    printf("  %-22s %16.3f %s\n", what, (double)milli_units * 1e-3, unit);
}

static void result_text(const struct bench *b, const struct wave_source *s)
{
    const struct totals *t = means_of(b);
    double va = mean(t->s, t);
    printf("Means of %llu windows, %.3f s%s\n", (unsigned long long)t->windows,
           (double)t->span_ns * 1e-9, b->whole.windows ? "" : " (none of whole cycles)");
    line("voltage", mean(t->u, t), "V");
    line("current", mean(t->i, t), "A");
    if (s->sampling.channels > 2) line("neutral current", mean(t->n, t), "A");
    line("active power", mean(t->p, t), "W");
    line("reactive power", mean(t->q, t), "var (of the fundamental)");
    line("apparent power", va, "VA");
    line("power factor", va > 0 ? mean(t->p, t) / va : 0, "");
    line("frequency", t->f_s > 0 ? t->f / t->f_s : 0, "Hz");
    line("angle", va > 0 ? degrees(t->p1, t->q) : 0, "degrees");
    puts("Energy");
    energy_line("import", milli(b, CELL_WH, FORWARD), "Wh");
    energy_line("export", milli(b, CELL_WH, BACKWARD), "Wh");
    for (unsigned q = 0; q < 4; q++) {
        char name[16];
        snprintf(name, sizeof name, "reactive Q%u", q + 1);
        energy_line(name, milli_quadrant(b, q), "varh");
    }
    energy_line("apparent import", milli(b, CELL_VAH, FORWARD), "VAh");
    energy_line("apparent export", milli(b, CELL_VAH, BACKWARD), "VAh");
    printf("  %-22s %9llu active, %llu reactive\n", "pulses",
           (unsigned long long)pulses(b, CELL_WH), (unsigned long long)pulses(b, CELL_VARH));
    if (b->events) puts("Events");
    for (size_t k = 0; k < b->events; k++) {
        const char *name = event_text(b->told[k].code);
        printf("  %12.3f s  %3u %s\n", (double)b->told[k].at.us * 1e-6, b->told[k].code,
               name ? name : "");
    }
    printf("%llu samples, %.1f ns each\n", (unsigned long long)b->samples,
           (double)b->work_ns / (double)b->samples);
}

/* Things that explain an odd result. */
static void remarks(const struct bench *b, const struct wave_source *s)
{
    if (s->repaired)
        say("%llu missing samples were filled in by straight lines",
            (unsigned long long)s->repaired);
    if (b->all.flags & QTY_SATURATED)
        say("samples reach the ends of the converter (%g V, %g A): raise --full-scale-v or "
            "--full-scale-i if the recording allows it",
            s->sampling.full_scale_uv * 1e-6, s->sampling.full_scale_ua * 1e-6);
    if (!b->whole.windows)
        say("no window of whole cycles in %.3f s: longer recordings, --loop, a smaller --skip "
            "or another "
            "--fn may help",
            (double)b->samples / s->sampling.rate_hz);
    if (b->events == EVENTS_MAX) say("only the first %d events are told", EVENTS_MAX);
}

/* -- command ------------------------------------------------------------------------------- */

static int read_calibration(struct calibration *c, const char *path, struct trouble *t)
{
    struct file f;
    int r = file_read(&f, path, 4096, t);
    if (r < 0) return r;
    r = f.size == CAL_BYTES ? calibration_decode(c, (const uint8_t *)f.text) : E_FORMAT;
    file_free(&f);
    if (r == E_CRC)
        return trouble(
            t, r, "%s: its checksum does not hold: make it again with magno calibrate", path);
    if (r == E_RANGE) return trouble(t, r, "%s: a constant is outside its range", path);
    if (r < 0)
        return trouble(
            t, r, "%s is no calibration record of %d octets: make one with magno calibrate",
            path, CAL_BYTES);
    return 0;
}

static int begin(struct bench *b, const struct request *r, const struct wave_source *s,
                 struct trouble *t)
{
    struct front_cfg front = front_cfg_default(&s->rating);
    struct measure_cfg measure = measure_cfg_default(&s->rating);
    struct calibration cal;
    calibration_init(&cal);
    if (r->calibration) {
        int e = read_calibration(&cal, r->calibration, t);
        if (e < 0) return e;
    }
    front.sampling = measure.sampling = s->sampling;
    front.constant_wh = front.constant_varh = r->constant;
    measure.creep_off = r->creep_off;
    b->r = r;
    b->last_q[BACKWARD] = 2;
    b->quality_cfg = quality_cfg_default(&s->rating);
    b->tamper_cfg = tamper_cfg_default(&s->rating);
    b->tamper_cfg.export_allowed = true;
    if (s->sampling.channels < 3) b->tamper_cfg.off = 1u << TAMPER_NEUTRAL_MISMATCH;
    front_init(&b->front, &front);
    front_calibrate(&b->front, &cal);
    measure_init(&b->measure, &measure, &cal);
    return 0;
}

static int work(const struct request *r, struct trouble *t)
{
    struct wave_source *s = calloc(1, sizeof *s);
    struct bench *b = calloc(1, sizeof *b);
    if (!s || !b) abort();
    int e = wave_open(s, r->path, &r->wave, t);
    if (e >= 0) e = begin(b, r, s, t);
    if (e >= 0 && r->prepared && !(b->prepared = fopen(r->prepared, "wb")))
        e = trouble(t, E_IO, "cannot write %s", r->prepared);
    if (e >= 0) e = run(b, s, t);
    if (b->prepared && fclose(b->prepared) && e >= 0)
        e = trouble(t, E_IO, "cannot write all of %s", r->prepared);
    if (e >= 0) {
        if (r->json)
            result_json(b, s);
        else
            result_text(b, s);
        remarks(b, s);
    }
    wave_close(s);
    free(s);
    free(b);
    return e;
}

int measure_main(int argc, char **argv)
{
    static const struct argp_child children[] = { { &wave_argp, 0, NULL, 0 }, { 0 } };
    static const struct argp argp = { options, parse, "FILE", doc, children, NULL, NULL };
    struct request r = { .constant = 1000 };
    struct trouble t = { "" };
    wave_options_init(&r.wave);
    if (argp_parse(&argp, argc, argv, 0, NULL, &r)) return EXIT_USAGE;
    if (work(&r, &t) < 0) return say_fail(EXIT_REFUSED, "%s", t.text);
    return EXIT_DONE;
}
