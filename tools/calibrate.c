/* calibrate.c - `magno calibrate`: the constants of a board from recordings beside a reference.
 */
#include <argp.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "metrology/calibration.h"
#include "metrology/front.h"
#include "tools/commands.h"
#include "tools/common/file.h"
#include "tools/common/json.h"
#include "tools/common/number.h"
#include "tools/common/say.h"
#include "tools/exit.h"
#include "tools/measure/wave.h"

enum {
    O_JSON = 0x200,
    O_OPEN,
    O_UNITY,
    O_LAGGING,
    O_OUTPUT,
    O_FROM,
    O_REF_UNITY,
    O_REF_LAGGING,
    O_REF_F,
    O_SECONDS
};

struct reading {
    double u, i, degrees;
};

struct request {
    struct wave_options wave;
    const char *open, *unity, *lagging, *output, *from;
    struct reading ref_unity, ref_lagging; /* u 0: as rated */
    double f;
    int windows;
    bool json;
};

static const struct argp_option options[] = {
    { 0, 0, 0, 0, "Recordings of the board", 3 },
    { "open", O_OPEN, "FILE", 0, "reference voltage, current inputs open: noise and offsets",
      0 },
    { "unity", O_UNITY, "FILE", 0, "reference voltage, basic current, PF 1: gains, clock", 0 },
    { "lagging", O_LAGGING, "FILE", 0, "the same at PF 0.5 inductive: delays", 0 },
    { "from", O_FROM, "FILE", 0, "the record in force while these were made (nominal)", 0 },
    { "seconds", O_SECONDS, "S", 0, "of each recording to use, 1 to 600 (5)", 0 },
    { 0, 0, 0, 0, "What the reference read", 4 },
    { "true-unity", O_REF_UNITY, "U,I[,DEG]", 0, "volts, amperes, angle (Un, Ib, 0)", 0 },
    { "true-lagging", O_REF_LAGGING, "U,I[,DEG]", 0, "volts, amperes, angle (Un, Ib, 60)", 0 },
    { "true-f", O_REF_F, "HZ", 0, "mains frequency; without it the clock is left alone", 0 },
    { 0, 0, 0, 0, "Result", 5 },
    { "output", 'o', "FILE", 0, "write the record here", 0 },
    { "json", O_JSON, 0, 0, "one JSON object on standard output", 0 },
    { 0 },
};

static const char doc[] =
    "Find the calibration constants of a board from recordings beside a reference meter, and "
    "check "
    "them.\v"
    "The record goes to magno measure --calibration, or into the meter. Without --open the "
    "noise stays as "
    "it is in the record in force.\n\n"
    "Example:\n"
    "  magno calibrate --raw --open open.bin --unity pf1.bin --lagging pf05.bin \\\n"
    "    --true-unity 230.012,5.0003 --true-lagging 230.009,5.0001,60.002 --true-f 50.0004 \\\n"
    "    -o board17.cal";

static void read_reading(struct reading *r, double degrees, const char *arg,
                         struct argp_state *state)
{
    r->degrees = degrees; /* where the third is left out */
    char tail;
    int n = sscanf(arg, "%lf,%lf,%lf%c", &r->u, &r->i, &r->degrees, &tail);
    if ((n != 2 && n != 3) || !(r->u >= 10 && r->u <= 1000) ||
        !(r->i >= 0.01 && r->i <= 1000) || !(fabs(r->degrees) <= 180))
        argp_error(state, "'%s': give volts, amperes and degrees, as in 230.01,5.002,60", arg);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct request *r = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &r->wave;
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "name recordings with --open, --unity and --lagging");
        return 0;
    case ARGP_KEY_END:
        if (!r->unity || !r->lagging) argp_error(state, "--unity and --lagging are needed");
        return 0;
    case O_OPEN:
        r->open = arg;
        return 0;
    case O_UNITY:
        r->unity = arg;
        return 0;
    case O_LAGGING:
        r->lagging = arg;
        return 0;
    case O_FROM:
        r->from = arg;
        return 0;
    case 'o':
        r->output = arg;
        return 0;
    case O_REF_UNITY:
        read_reading(&r->ref_unity, 0, arg, state);
        return 0;
    case O_REF_LAGGING:
        read_reading(&r->ref_lagging, 60, arg, state);
        return 0;
    case O_REF_F:
        r->f = number_option(state, "true-f", arg, 40, 70);
        return 0;
    case O_SECONDS:
        r->windows = (int)(number_option(state, "seconds", arg, 1, 600) * 5);
        return 0;
    case O_JSON:
        r->json = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

/* -- the procedure ------------------------------------------------------------------------- */

struct bench {
    const struct request *r;
    struct calibration now;
    struct calibrate cal;
    struct sampling sampling;
    struct rating rating;
    bool started;
};

static bool is_same(const struct sampling *a, const struct sampling *b)
{
    return a->rate_hz == b->rate_hz && a->full_scale_uv == b->full_scale_uv &&
           a->full_scale_ua == b->full_scale_ua && a->full_scale_n_ua == b->full_scale_n_ua &&
           a->bits == b->bits && a->channels == b->channels;
}

static int start(struct bench *b, const struct wave_source *s, struct trouble *t)
{
    if (b->started && !is_same(&b->sampling, &s->sampling))
        return trouble(t, E_STATE,
                       "%s has another full scale than the recordings before it: give "
                       "--full-scale-v and --full-scale-i",
                       s->path);
    if (b->started) return 0;
    b->started = true;
    b->sampling = s->sampling;
    b->rating = s->rating;
    return calibrate_init(&b->cal, &s->sampling, &s->rating, &b->now, (uint16_t)b->r->windows);
}

/* Samples of a recording through the chain, its windows to the procedure until it has enough.
 */
static int feed(struct bench *b, struct wave_source *s, struct trouble *t)
{
    static struct wave_block block;
    static struct front front;
    struct front_cfg cfg = front_cfg_default(&b->rating);
    int r, enough = 0, refused = 0;
    cfg.sampling = b->sampling;
    front_init(&front, &cfg);
    front_calibrate(&front, &b->cal.now);
    while (enough != 1 && (r = wave_next(s, &block, t)) != 0) {
        struct window w;
        if (r < 0) return r;
        if (block.missed) front_missed_isr(&front, block.missed);
        front_samples(&front, block.codes, block.count);
        while (window_take(&front, &w) && enough != 1) {
            enough = calibrate_feed(&b->cal, &w);
            refused += enough < 0;
        }
    }
    if (enough == 1) return 0;
    return trouble(
        t, E_MORE,
        "%s gave %u clean windows of 200 ms of %d (%d were not of whole cycles, saturated or "
        "incomplete): record longer, or use less with --seconds",
        s->path, (unsigned)b->cal.sums.windows, b->r->windows, refused);
}

static struct cal_reference reference(const struct bench *b, const struct reading *r,
                                      double degrees)
{
    double u = r->u > 0 ? r->u : b->rating.un_mv * 1e-3,
           i = r->u > 0 ? r->i : b->rating.ib_ma * 1e-3;
    double a = (r->u > 0 ? r->degrees : degrees) * M_PI / 180;
    return (struct cal_reference){ (uint32_t)llround(u * 1e6), (uint32_t)llround(i * 1e6),
                                   llround(u * i * cos(a) * 1e6), llround(u * i * sin(a) * 1e6),
                                   (uint32_t)llround(b->r->f * 1e6) };
}

static int step(struct bench *b, enum cal_step step, const char *path,
                const struct reading *reading, double degrees, struct trouble *t)
{
    static const char *const what[] = { "noise or offset", "a gain or the clock",
                                        "the delay of a current" };
    struct wave_source *s = calloc(1, sizeof *s);
    if (!s) abort();
    int r = wave_open(s, path, &b->r->wave, t);
    if (r >= 0) r = start(b, s, t);
    if (r >= 0) r = calibrate_step(&b->cal, step);
    if (r >= 0) r = feed(b, s, t);
    if (r >= 0) {
        struct cal_reference ref = reference(b, reading, degrees);
        r = calibrate_solve(&b->cal, &ref);
        if (r == E_RANGE)
            trouble(t, r,
                    "%s: %s would be outside its range: is the board wired as it should be, "
                    "and the reference right?",
                    path, what[step < 3 ? step : 2]);
    }
    wave_close(s);
    free(s);
    return r;
}

/* -- result -------------------------------------------------------------------------------- */

struct result {
    struct calibration found;
    int32_t error[2][2], error_q[2][2]; /* unity, lagging; phase, neutral; ppm of S */
};

static int check(struct bench *b, struct result *out, unsigned k, struct trouble *t)
{
    const struct request *r = b->r;
    int e =
        calibrate_init(&b->cal, &b->sampling, &b->rating, &out->found, (uint16_t)r->windows);
    if (e >= 0)
        e = step(b, CAL_STEP_CHECK, k ? r->lagging : r->unity,
                 k ? &r->ref_lagging : &r->ref_unity, k ? 60 : 0, t);
    memcpy(out->error[k], b->cal.error_ppm, sizeof out->error[k]);
    memcpy(out->error_q[k], b->cal.error_q_ppm, sizeof out->error_q[k]);
    return e;
}

static int find(struct bench *b, struct result *out, struct trouble *t)
{
    const struct request *r = b->r;
    int e = 0;
    if (r->open) e = step(b, CAL_STEP_OPEN, r->open, &r->ref_unity, 0, t);
    if (e >= 0) e = step(b, CAL_STEP_GAIN, r->unity, &r->ref_unity, 0, t);
    if (e >= 0) e = step(b, CAL_STEP_PHASE, r->lagging, &r->ref_lagging, 60, t);
    if (e >= 0) e = calibrate_result(&b->cal, &out->found);
    for (unsigned k = 0; k < 2 && e >= 0; k++) e = check(b, out, k, t);
    return e;
}

static json_t *gain(uint32_t g)
{
    return json_decimal(llround(ldexp(g, -30) * 1e9), 9);
}

static json_t *pair(int64_t a, int64_t b, unsigned digits, bool both)
{
    json_t *list = json_array();
    json_array_append_new(list, json_decimal(a, digits));
    if (both) json_array_append_new(list, json_decimal(b, digits));
    return list;
}

static void result_json(const struct bench *b, const struct result *x)
{
    const struct calibration *c = &x->found;
    bool n = b->sampling.channels > 2;
    json_t *o = json_object();
    json_object_set_new(o, "number", json_integer(c->number));
    json_object_set_new(o, "gain_v", gain(c->gain_v));
    json_object_set_new(o, "gain_i", gain(c->gain_i));
    if (n) json_object_set_new(o, "gain_n", gain(c->gain_n));
    json_object_set_new(o, "phase_ns", pair(c->phase_ns[0], c->phase_ns[1], 0, n));
    json_object_set_new(o, "sigma_a", pair(c->sigma_na[0], c->sigma_na[1], 9, n));
    json_object_set_new(o, "clock_ppm", json_decimal(c->clock_ppb, 3));
    json_object_set_new(o, "offset_v_code", json_integer(c->offset[0]));
    json_object_set_new(o, "offset_code", pair(c->offset[1], c->offset[2], 0, n));
    json_object_set_new(o, "error_p_unity_ppm", pair(x->error[0][0], x->error[0][1], 0, n));
    json_object_set_new(o, "error_p_lagging_ppm", pair(x->error[1][0], x->error[1][1], 0, n));
    json_object_set_new(o, "error_q_lagging_ppm",
                        pair(x->error_q[1][0], x->error_q[1][1], 0, n));
    json_line(o);
}

static void result_text(const struct bench *b, const struct result *x)
{
    const struct calibration *c = &x->found;
    int elements = b->sampling.channels > 2 ? 2 : 1;
    printf("Record %u\n  voltage gain %.9f, offset %d, clock %+.3f ppm\n", c->number,
           ldexp(c->gain_v, -30), c->offset[0], c->clock_ppb * 1e-3);
    for (int k = 0; k < elements; k++)
        printf("  %s: gain %.9f, power gain %.9f, delay %d ns, noise %.6f A, offset %d\n"
               "    left over: active %d ppm at PF 1, %d at PF 0.5; reactive %d ppm of S\n",
               k ? "neutral" : "phase", ldexp(k ? c->gain_n : c->gain_i, -30),
               ldexp(c->gain_p[k], -30), c->phase_ns[k], c->sigma_na[k] * 1e-9,
               c->offset[1 + k], x->error[0][k], x->error[1][k], x->error_q[1][k]);
}

static int save(const struct calibration *c, const char *path, struct trouble *t)
{
    uint8_t record[CAL_BYTES];
    calibration_encode(record, c);
    FILE *f = fopen(path, "wb");
    bool good = f && fwrite(record, sizeof record, 1, f) == 1;
    if (f && fclose(f)) good = false;
    return good ? 0 : trouble(t, E_IO, "cannot write %s", path);
}

static int load(struct calibration *c, const char *path, struct trouble *t)
{
    struct file f;
    int r = file_read(&f, path, 4096, t);
    if (r < 0) return r;
    r = f.size == CAL_BYTES ? calibration_decode(c, (const uint8_t *)f.text) : E_FORMAT;
    file_free(&f);
    return r < 0 ? trouble(t, r, "%s is no calibration record: %s", path, err_text(r)) : 0;
}

static int work(const struct request *r, struct trouble *t)
{
    static struct bench b;
    struct result x;
    b.r = r;
    calibration_init(&b.now);
    int e = r->from ? load(&b.now, r->from, t) : 0;
    if (e >= 0) e = find(&b, &x, t);
    if (e >= 0 && r->output) e = save(&x.found, r->output, t);
    if (e < 0) return t->text[0] ? e : trouble(t, e, "%s", err_text(e));
    if (r->json)
        result_json(&b, &x);
    else
        result_text(&b, &x);
    return 0;
}

int calibrate_main(int argc, char **argv)
{
    static const struct argp_child children[] = { { &wave_argp, 0, NULL, 0 }, { 0 } };
    static const struct argp argp = { options, parse, NULL, doc, children, NULL, NULL };
    struct request r = { .windows = 25 };
    struct trouble t = { "" };
    wave_options_init(&r.wave);
    if (argp_parse(&argp, argc, argv, 0, NULL, &r)) return EXIT_USAGE;
    if (work(&r, &t) < 0) return say_fail(EXIT_REFUSED, "%s", t.text);
    return EXIT_DONE;
}
