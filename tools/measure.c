/* measure.c - `magno measure`: recorded samples through the meter's metrology, and what it
 * registers. */
#include <argp.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/fixed.h"
#include "meter/event/event.h"
#include "meter/tamper/watch.h"
#include "metrology/front.h"
#include "tools/commands.h"
#include "tools/common/file.h"
#include "tools/common/json.h"
#include "tools/common/say.h"
#include "tools/exit.h"
#include "tools/measure/source.h"

enum { CHUNK = 800, EVENTS = 256 };
#define NJ_PER_MILLI INT64_C(3600000000) /* nanojoules in 0.001 Wh */

struct options {
    struct source_options source;
    double un_v, ib_a, imax_a, skip_s;
    unsigned fn_hz, constant;
    const char *calibration, *prepared;
    bool json, windows;
};

/* Sums over the whole windows after the skip, weighted by time. */
struct sums {
    double s, uu, ii, nn, p, q, apparent, f;
    int64_t import_nj, export_nj, q_nj[4], import_va_nj, export_va_nj;
};

struct bench {
    struct front front;
    struct measure measure;
    struct quality quality;
    struct quality_cfg quality_cfg;
    struct tamper tamper;
    struct tamper_cfg tamper_cfg;
    struct sums sums;
    uint32_t pulses_skipped[PULSE_OUTPUTS];
    json_t *events;
    size_t event_count;
    int quadrant;
    uint64_t skip_us;
};

/* -- command line
 * ------------------------------------------------------------------------------------ */
enum {
    O_V = 256,
    O_I,
    O_N,
    O_RAW,
    O_RATE,
    O_BITS,
    O_FSV,
    O_FSI,
    O_FLOAT,
    O_CHANNELS,
    O_UN,
    O_IB,
    O_IMAX,
    O_FN,
    O_CONSTANT,
    O_CALIBRATION,
    O_SKIP,
    O_LOOP,
    O_MEAN,
    O_PREPARED,
    O_WINDOWS,
    O_JSON
};

static const struct argp_option rows[] = {
    { "v", O_V, "NAME", 0, "COMTRADE channel of the voltage (the first in volts); #N by number",
      1 },
    { "i", O_I, "NAME", 0, "of the phase current (the first in amperes)", 1 },
    { "n", O_N, "NAME", 0, "of the neutral current (none)", 1 },
    { "raw", O_RAW, NULL, 0, "FILE holds little-endian int32 ADC codes, v,i,n interleaved", 2 },
    { "raw-float", O_FLOAT, "64|32", 0,
      "FILE holds floating-point volts and amperes, interleaved", 2 },
    { "rate", O_RATE, "HZ", 0, "sample rate of a raw file (8000)", 2 },
    { "channels", O_CHANNELS, "2|3", 0, "channels of a raw file (3)", 2 },
    { "bits", O_BITS, "N", 0, "of the codes, 16 to 24 (24)", 2 },
    { "full-scale-v", O_FSV, "V", 0,
      "peak voltage at the largest code (500, or what the record needs)", 3 },
    { "full-scale-i", O_FSI, "A", 0,
      "peak current at the largest code (200, or what the record needs)", 3 },
    { "un", O_UN, "V", 0, "reference voltage (230)", 3 },
    { "ib", O_IB, "A", 0, "basic current (5)", 3 },
    { "imax", O_IMAX, "A", 0, "maximum current (100)", 3 },
    { "fn", O_FN, "50|60", 0, "nominal frequency (50)", 3 },
    { "constant", O_CONSTANT, "N", 0, "imp/kWh and imp/kvarh (1000)", 3 },
    { "calibration", O_CALIBRATION, "FILE", 0, "a calibration record (nominal constants)", 3 },
    { "loop", O_LOOP, "S", 0, "play the record as a loop, so many seconds", 4 },
    { "skip", O_SKIP, "S", 0, "leave the first seconds out of the result", 4 },
    { "keep-mean", O_MEAN, NULL, 0, "do not take the mean of each channel off", 4 },
    { "prepared", O_PREPARED, "FILE", 0, "write the samples as metered: float64, interleaved",
      4 },
    { "windows", O_WINDOWS, NULL, 0, "a line for each window of 200 ms", 5 },
    { "json", O_JSON, NULL, 0, "one JSON object a line", 5 },
    { 0 },
};

static double number(const char *text, double least, double most, struct argp_state *state)
{
    char *end;
    double v = strtod(text, &end);
    if (*end || end == text || !(v >= least && v <= most))
        argp_error(state, "'%s' is not a number from %g to %g", text, least, most);
    return v;
}

static error_t take(int key, char *arg, struct argp_state *state)
{
    struct options *o = state->input;
    struct source_options *s = &o->source;
    switch (key) {
    case O_V:
        s->name[0] = arg;
        break;
    case O_I:
        s->name[1] = arg;
        break;
    case O_N:
        s->name[2] = arg;
        break;
    case O_RAW:
        s->raw = true;
        break;
    case O_FLOAT:
        s->raw_float = (int)number(arg, 32, 64, state);
        if (s->raw_float != 32 && s->raw_float != 64)
            argp_error(state, "--raw-float takes 32 or 64");
        break;
    case O_RATE:
        s->rate_hz = number(arg, 1000, 1e6, state);
        break;
    case O_CHANNELS:
        s->channels = (unsigned)number(arg, 2, 3, state);
        break;
    case O_BITS:
        s->bits = (unsigned)number(arg, 16, 24, state);
        break;
    case O_FSV:
        s->full_scale_v = number(arg, 1, 4000, state);
        break;
    case O_FSI:
        s->full_scale_i = number(arg, 1, 4000, state);
        break;
    case O_UN:
        o->un_v = number(arg, 100, 400, state);
        break;
    case O_IB:
        o->ib_a = number(arg, 1, 20, state);
        break;
    case O_IMAX:
        o->imax_a = number(arg, 1, 200, state);
        break;
    case O_FN:
        o->fn_hz = (unsigned)number(arg, 50, 60, state);
        if (o->fn_hz != 50 && o->fn_hz != 60) argp_error(state, "--fn takes 50 or 60");
        break;
    case O_CONSTANT:
        o->constant = (unsigned)number(arg, 100, 10000, state);
        break;
    case O_CALIBRATION:
        o->calibration = arg;
        break;
    case O_LOOP:
        s->loop_s = number(arg, 0.1, 86400, state);
        break;
    case O_SKIP:
        o->skip_s = number(arg, 0, 86400, state);
        break;
    case O_MEAN:
        s->keep_mean = true;
        break;
    case O_PREPARED:
        o->prepared = arg;
        break;
    case O_WINDOWS:
        o->windows = true;
        break;
    case O_JSON:
        o->json = true;
        break;
    case ARGP_KEY_ARG:
        if (s->path) argp_error(state, "one file at a time");
        s->path = arg;
        break;
    case ARGP_KEY_END:
        if (!s->path)
            argp_error(state, "name a file: x.cfg, or raw samples with --raw or --raw-float");
        if (o->imax_a < o->ib_a) argp_error(state, "--imax is below --ib");
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

/* -- windows
 * --------------------------------------------------------------------------------------------
 */
static json_t *scaled(int64_t value, unsigned digits)
{
    return json_decimal(value, digits);
}

/* Powers of ten of a micro-unit to three decimals. */
static json_t *milli_of(double value)
{
    return scaled((int64_t)llround(value * 1000), 3);
}

static void set_values(json_t *j, double u, double i, double n, double p, double q, double s,
                       double f)
{
    double angle = atan2(q, p) * 180 / M_PI;
    json_object_set_new(j, "urms_v", scaled((int64_t)llround(u * 1e4), 4));
    json_object_set_new(j, "irms_a", scaled((int64_t)llround(i * 1e6), 6));
    json_object_set_new(j, "in_a", scaled((int64_t)llround(n * 1e6), 6));
    json_object_set_new(j, "p_w", scaled((int64_t)llround(p * 1e4), 4));
    json_object_set_new(j, "q_var", scaled((int64_t)llround(q * 1e4), 4));
    json_object_set_new(j, "s_va", scaled((int64_t)llround(s * 1e4), 4));
    json_object_set_new(j, "pf",
                        s > 0 ? scaled((int64_t)llround(p / s * 1e6), 6) : json_null());
    json_object_set_new(j, "f_hz", f > 0 ? scaled((int64_t)llround(f * 1e6), 6) : json_null());
    json_object_set_new(
        j, "angle_deg",
        s > 0 ? scaled((int64_t)llround((angle < 0 ? angle + 360 : angle) * 1e4), 4)
              : json_null());
    int quadrant = s > 0 ? quantity_quadrant(p < 0 ? -1 : 1, q < 0 ? -1 : 1, 1) : 0;
    json_object_set_new(j, "quadrant", json_integer(quadrant));
}

static void print_window(const struct options *o, const struct quantity *q)
{
    const struct element *e = &q->element[q->billed];
    double n = q->element[ELEMENT_NEUTRAL].i_ua / 1e6;
    if (!o->json) {
        printf("%10.3f s  %9.3f V  %10.5f A  %12.3f W  %12.3f var  %9.5f Hz\n",
               (double)q->end.us / 1e6, q->u_uv / 1e6, e->i_ua / 1e6, (double)e->p_uw / 1e6,
               (double)e->q_uvar / 1e6, q->f_uhz / 1e6);
        return;
    }
    json_t *j = json_pack("{s:o}", "t_s", milli_of((double)q->end.us / 1e6));
    set_values(j, q->u_uv / 1e6, e->i_ua / 1e6, n, (double)e->p_uw / 1e6,
               (double)e->q_uvar / 1e6, (double)e->s_uva / 1e6, q->f_uhz / 1e6);
    json_line(j);
}

static void note(struct bench *b, uint16_t code, mono_t at, uint64_t duration_us,
                 int64_t extreme)
{
    const char *text = event_text(code);
    if (code == 0 || b->event_count++ >= EVENTS) return;
    json_t *j = json_pack("{s:i,s:s,s:o}", "code", code, "name", text ? text : "", "t_s",
                          milli_of((double)at.us / 1e6));
    if (duration_us) json_object_set_new(j, "duration_s", milli_of((double)duration_us / 1e6));
    if (extreme) json_object_set_new(j, "extreme", json_integer(extreme));
    json_array_append_new(b->events, j);
}

static void watch(struct bench *b, const struct quantity *q)
{
    static const struct tamper_field no_field = { 0 };
    struct quality_note qn[QUALITY_NOTES];
    struct tamper_note tn[TAMPER_NOTES];
    int n = quality_feed(&b->quality, &b->quality_cfg, q, qn);
    for (int i = 0; i < n; i++)
        note(b, watch_quality_code((enum quality_kind)qn[i].kind, qn[i].begins), qn[i].at,
             qn[i].duration_us, qn[i].extreme);
    n = tamper_feed(&b->tamper, &b->tamper_cfg, q, &no_field, tn);
    for (int i = 0; i < n; i++)
        note(b, watch_tamper_code((enum tamper_kind)tn[i].kind, tn[i].begins), tn[i].at,
             tn[i].duration_us, 0);
}

/* The meter's booking, with the parts of a unit kept. */
static void book(struct bench *b, const struct quantity *q)
{
    const struct element *e = &q->element[q->billed];
    b->quadrant = quantity_quadrant(e->active_nj, e->reactive_nj, b->quadrant);
    bool back = b->quadrant == 2 || b->quadrant == 3;
    *(back ? &b->sums.export_nj : &b->sums.import_nj) += (int64_t)abs_i64(e->active_nj);
    *(back ? &b->sums.export_va_nj : &b->sums.import_va_nj) += e->apparent_nj;
    b->sums.q_nj[b->quadrant - 1] += (int64_t)abs_i64(e->reactive_nj);
}

static void settle(struct bench *b, const struct quantity *q, enum pulse_output k, int64_t nj)
{
    enum pulse_dir dir = nj == 0 ? PULSE_NONE : nj < 0 ? PULSE_EXPORT : PULSE_IMPORT;
    pulse_settle(front_pulse(&b->front, k), q->pulsed_nj[k], dir, (int64_t)abs_i64(nj), dir);
}

static void add(struct bench *b, const struct quantity *q)
{
    const struct element *e = &q->element[q->billed];
    double t = (double)q->span_ns * 1e-9, n = q->element[ELEMENT_NEUTRAL].i_ua / 1e6;
    b->sums.s += t;
    b->sums.uu += t * (q->u_uv / 1e6) * (q->u_uv / 1e6);
    b->sums.ii += t * (e->i_ua / 1e6) * (e->i_ua / 1e6);
    b->sums.nn += t * n * n;
    b->sums.p += t * (double)e->p_uw / 1e6;
    b->sums.q += t * (double)e->q_uvar / 1e6;
    b->sums.apparent += t * (double)e->s_uva / 1e6;
    b->sums.f += t * q->f_uhz / 1e6;
    book(b, q);
}

static void take_windows(struct bench *b, const struct options *o)
{
    struct window w;
    while (window_take(&b->front, &w)) {
        struct quantity q;
        uint8_t billed = b->measure.billed;
        quantity_of(&q, &b->measure, &w);
        if (q.billed != billed) front_bill(&b->front, q.billed);
        settle(b, &q, PULSE_ACTIVE, q.element[q.billed].active_nj);
        settle(b, &q, PULSE_REACTIVE, q.element[q.billed].reactive_nj);
        watch(b, &q);
        if (q.start.us < b->skip_us) {
            for (int k = 0; k < PULSE_OUTPUTS; k++)
                b->pulses_skipped[k] = front_pulse(&b->front, (enum pulse_output)k)->count;
            continue;
        }
        add(b, &q);
        if (o->windows) print_window(o, &q);
    }
}

/* -- samples
 * -----------------------------------------------------------------------------------------------
 */
static int32_t code_of(double value, double full)
{
    const double most = 8388607;
    double c = round(value / full * most);
    return (int32_t)(c > most ? most : c < -most ? -most : c);
}

/* All samples of the record as 24-bit codes, v, i, n. */
static int32_t *prepare(const struct source *s, const struct options *o, unsigned channels,
                        FILE *prepared)
{
    int32_t *codes = malloc(s->out_samples * channels * sizeof *codes + 1);
    struct progress progress;
    progress_start(&progress, "samples", s->out_samples);
    for (size_t k = 0; codes && k < s->out_samples; k++) {
        for (unsigned c = 0; c < channels; c++) {
            double v = source_at(s, c, k);
            codes[k * channels + c] =
                code_of(v, c ? o->source.full_scale_i : o->source.full_scale_v);
            if (prepared) fwrite(&v, sizeof v, 1, prepared);
        }
        if (k % 8000 == 0) progress_set(&progress, k);
    }
    progress_end(&progress);
    return codes;
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int load_calibration(struct bench *b, const struct options *o, struct calibration *cal)
{
    struct file f;
    struct trouble t;
    if (file_read(&f, o->calibration, 65536, &t)) return say_fail(EXIT_REFUSED, "%s", t.text);
    int err = f.size == CAL_BYTES ? calibration_decode(cal, (const uint8_t *)f.text) : E_FORMAT;
    file_free(&f);
    if (err)
        return say_fail(EXIT_REFUSED, "%s is no calibration record: %s", o->calibration,
                        err_text(err));
    (void)b;
    return 0;
}

static int begin(struct bench *b, const struct options *o, const struct source *s,
                 unsigned channels)
{
    struct rating rating = { (uint32_t)lround(o->un_v * 1000), (uint32_t)lround(o->ib_a * 1000),
                             (uint32_t)lround(o->imax_a * 1000), o->fn_hz };
    struct front_cfg front = front_cfg_default(&rating);
    struct measure_cfg measure = measure_cfg_default(&rating);
    struct calibration cal;
    front.sampling = (struct sampling){ (uint32_t)s->out_rate_hz,
                                        (uint32_t)llround(o->source.full_scale_v * 1e6),
                                        (uint32_t)llround(o->source.full_scale_i * 1e6),
                                        (uint32_t)llround(o->source.full_scale_i * 1e6),
                                        24,
                                        (uint8_t)channels };
    front.constant_wh = front.constant_varh = o->constant;
    measure.sampling = front.sampling;
    int code = o->calibration ? load_calibration(b, o, &cal) : 0;
    if (code) return code;
    front_init(&b->front, &front);
    measure_init(&b->measure, &measure, o->calibration ? &cal : NULL);
    if (o->calibration) front_calibrate(&b->front, &cal);
    b->quality_cfg = quality_cfg_default(&rating);
    b->tamper_cfg = tamper_cfg_default(&rating);
    b->tamper_cfg.export_allowed = true;
    if (!o->calibration) b->tamper_cfg.off |= 1u << TAMPER_NO_CALIBRATION;
    quality_init(&b->quality);
    tamper_init(&b->tamper);
    b->quadrant = 1;
    b->skip_us = (uint64_t)llround(o->skip_s * 1e6);
    b->events = json_array();
    return 0;
}

/* -- result
 * --------------------------------------------------------------------------------------------------
 */
static json_t *energy(int64_t nj)
{
    return scaled((nj + NJ_PER_MILLI / 2) / NJ_PER_MILLI, 3);
}

static json_t *energies(const struct sums *s)
{
    static const char *const name[4] = { "q1_varh", "q2_varh", "q3_varh", "q4_varh" };
    json_t *j = json_pack("{s:o,s:o,s:o,s:o}", "import_wh", energy(s->import_nj), "export_wh",
                          energy(s->export_nj), "abs_wh", energy(s->import_nj + s->export_nj),
                          "net_wh", energy(s->import_nj - s->export_nj));
    for (int k = 0; k < 4; k++) json_object_set_new(j, name[k], energy(s->q_nj[k]));
    json_object_set_new(j, "import_vah", energy(s->import_va_nj));
    json_object_set_new(j, "export_vah", energy(s->export_va_nj));
    return j;
}

static uint32_t pulses(struct bench *b, enum pulse_output k)
{
    return front_pulse(&b->front, k)->count - b->pulses_skipped[k];
}

static void print_text(struct bench *b, json_t *j)
{
    const char *key;
    json_t *value;
    json_object_foreach(j, key, value)
    {
        if (json_is_object(value) || json_is_array(value)) continue;
        char *text = json_dumps(value, JSON_ENCODE_ANY);
        printf("%-14s %s\n", key, text);
        free(text);
    }
    json_object_foreach(json_object_get(j, "energy"), key, value)
    {
        char *text = json_dumps(value, JSON_ENCODE_ANY);
        printf("%-14s %s\n", key, text);
        free(text);
    }
    printf("events         %zu\n", b->event_count);
    json_decref(j);
}

static void print_result(struct bench *b, const struct options *o, size_t samples, uint64_t ns)
{
    const struct sums *m = &b->sums;
    double s = m->s;
    json_t *j = json_object();
    set_values(j, sqrt(m->uu / s), sqrt(m->ii / s), sqrt(m->nn / s), m->p / s, m->q / s,
               m->apparent / s, m->f / s);
    json_object_set_new(j, "energy", energies(m));
    json_object_set_new(j, "pulses_kwh", json_integer(pulses(b, PULSE_ACTIVE)));
    json_object_set_new(j, "pulses_kvarh", json_integer(pulses(b, PULSE_REACTIVE)));
    json_object_set_new(j, "events", b->events);
    json_object_set_new(j, "samples", json_integer((json_int_t)samples));
    json_object_set_new(j, "ns_per_sample", scaled((int64_t)(ns * 10 / samples), 1));
    if (o->json)
        json_line(j);
    else
        print_text(b, j);
}

static int run(struct bench *b, const struct options *o, const struct source *s, FILE *prepared)
{
    unsigned channels = s->value[2] ? 3 : 2;
    int code = begin(b, o, s, channels);
    int32_t *codes = code ? NULL : prepare(s, o, channels, prepared);
    if (!code && !codes) code = say_fail(EXIT_REFUSED, "out of memory");
    if (code) return code;
    uint64_t from = now_ns();
    for (size_t k = 0; k < s->out_samples; k += CHUNK) {
        size_t n = s->out_samples - k < CHUNK ? s->out_samples - k : CHUNK;
        (void)front_samples(&b->front, codes + k * channels, n);
        take_windows(b, o);
    }
    uint64_t ns = now_ns() - from;
    free(codes);
    if (b->sums.s <= 0)
        return say_fail(
            EXIT_REFUSED,
            "%s holds no whole window of 200 ms%s; play a short record with --loop 30",
            o->source.path, o->skip_s > 0 ? " after what --skip leaves out" : "");
    print_result(b, o, s->out_samples, ns);
    return 0;
}

/* Full scale that holds the record with a fifth to spare, where none was given. */
static void fit_scale(struct options *o, const struct source *s)
{
    double u = source_peak(s, 0), i = source_peak(s, 1);
    if (s->value[2]) i = fmax(i, source_peak(s, 2));
    if (o->source.full_scale_v <= 0) o->source.full_scale_v = fmax(500, ceil(u * 1.2));
    if (o->source.full_scale_i <= 0) o->source.full_scale_i = fmax(200, ceil(i * 1.2));
}

static int measure(struct options *o)
{
    struct source s;
    struct trouble t;
    FILE *prepared = NULL;
    if (o->source.raw) {
        if (o->source.full_scale_v <= 0) o->source.full_scale_v = 500;
        if (o->source.full_scale_i <= 0) o->source.full_scale_i = 200;
    }
    if (source_open(&s, &o->source, &t)) return say_fail(EXIT_REFUSED, "%s", t.text);
    fit_scale(o, &s);
    if (o->prepared && !(prepared = fopen(o->prepared, "wb"))) {
        source_close(&s);
        return say_fail(EXIT_REFUSED, "cannot write %s", o->prepared);
    }
    struct bench *b = calloc(1, sizeof *b);
    int code = b ? run(b, o, &s, prepared) : say_fail(EXIT_REFUSED, "out of memory");
    if (prepared && fclose(prepared))
        code = say_fail(EXIT_REFUSED, "cannot write %s", o->prepared);
    free(b);
    source_close(&s);
    return code;
}

int measure_main(int argc, char **argv)
{
    static const char doc[] =
        "Run recorded samples through the meter's metrology and print what it registers: mean "
        "values over the whole "
        "windows, energies, pulses and events.\v"
        "Examples:\n"
        "  magno measure fault.cfg --v U1 --i I1 --loop 30 --skip 5\n"
        "  magno measure day.bin --raw --rate 8000 --bits 24 --json\n"
        "  magno measure wave.f64 --raw-float 64 --channels 2 --windows\n";
    static const struct argp argp = { rows, take, "FILE", doc, NULL, NULL, NULL };
    struct options o = { .source = { .rate_hz = 8000, .channels = 3, .bits = 24 },
                         .un_v = 230,
                         .ib_a = 5,
                         .imax_a = 100,
                         .fn_hz = 50,
                         .constant = 1000 };
    argp_err_exit_status = EXIT_USAGE;
    argp_parse(&argp, argc, argv, 0, NULL, &o);
    return measure(&o);
}
