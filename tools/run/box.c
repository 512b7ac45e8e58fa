#include "tools/run/box.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cal.h"
#include "base/err.h"
#include "sts/dkga.h"
#include "port/linux/secrets.h"
#include "tools/common/hex.h"
#include "tools/common/json.h"

enum { FLASH_SIZE = 8 << 20 };

/* -- the terminals ------------------------------------------------------------------------- */
static struct box *box_of(void *ctx)
{
    return ctx;
}

static int64_t rtc_us(const struct box *b, uint64_t world_us)
{
    return (int64_t)world_us + b->rtc_offset_us;
}

static int rtc_read(void *ctx, mono_t t, utc_t *utc)
{
    const struct box *b = box_of(ctx);
    utc->s = rtc_us(b, b->on_us + t.us) / 1000000;
    return 0;
}

static int rtc_write(void *ctx, mono_t t, utc_t utc)
{
    struct box *b = box_of(ctx);
    b->rtc_offset_us = utc.s * 1000000 - (int64_t)(b->on_us + t.us);
    return 0;
}

static int entropy_get(void *ctx, uint8_t *dst, size_t n)
{
    struct box *b = box_of(ctx);
    if (b->has_seed) {
        rng_get(&b->seeded, dst, n);
        return 0;
    }
    return kernel_entropy.get(kernel_entropy.ctx, dst, n);
}

static int root_key(void *ctx, uint8_t key[DEVICE_ROOT_KEY])
{
    memcpy(key, box_of(ctx)->root_key, DEVICE_ROOT_KEY);
    return 0;
}

static uint16_t levels(const struct box *b)
{
    bool closed = relay_sim_feedback(&b->relay);
    return (uint16_t)(b->inputs | (closed ? INPUT_RELAY_CLOSED : 0) |
                      (b->factory ? INPUT_METER_COVER : 0));
}

static uint16_t inputs(void *ctx, mono_t t)
{
    (void)t;
    return levels(box_of(ctx));
}

static bool jumper(void *ctx)
{
    return box_of(ctx)->factory;
}

static void drive_relay(void *ctx, mono_t t, enum coil coil)
{
    relay_sim_drive(&box_of(ctx)->relay, t, coil);
}

static int battery_mv(void *ctx)
{
    (void)ctx;
    return 3600;
}

static int temperature_dc(void *ctx)
{
    return box_of(ctx)->terminal_dc;
}

static void impulse(void *ctx, mono_t t, enum impulse output, uint32_t n)
{
    (void)t;
    box_of(ctx)->impulses[output] += n;
}

/* -- the network: how the ports have it ---------------------------------------------------- */
static bool net_get(void *ctx, struct device_net *n)
{
    *n = box_of(ctx)->net;
    return true;
}

static void net_set(void *ctx, const struct device_net *n)
{
    struct box *b = box_of(ctx);
    if (b->net_move) b->net_move(b->net_ctx, n);
}

static const struct device_net_ops network = { .get = net_get, .set = net_set };

/* -- files --------------------------------------------------------------------------------- */
static int open_flash(struct box *b, const char *path, struct trouble *t)
{
    int err = flash_file_open(&b->flash, path, FLASH_SIZE, (struct nor_times){ 0, 0 });
    b->has_flash = err == 0;
    if (err == E_FORMAT)
        return trouble(
            t, err,
            "%s is not a flash image: it should be a file of %d octets; name another "
            "with --flash, or move it away and a new one is made",
            path, FLASH_SIZE);
    if (err == E_BUSY) return trouble(t, err, "%s belongs to a meter that is running", path);
    return err ? trouble(t, err, "cannot open %s: %s", path, strerror(errno)) : 0;
}

/* The root key of an unseeded meter lies beside its image. */
static int load_root_key(struct box *b, const char *flash, struct trouble *t)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s.root", flash) >= (int)sizeof path)
        return trouble(t, E_RANGE, "%s: the name is too long", flash);
    int err = root_key_read(path, b->root_key);
    if (err == E_IO) return trouble(t, err, "cannot open %s: %s", path, strerror(errno));
    if (err)
        return trouble(t, err,
                       "%s should hold the %d octets of the root key and be readable by "
                       "its owner only (chmod 600)",
                       path, DEVICE_ROOT_KEY);
    return 0;
}

/* -- keys ---------------------------------------------------------------------------------- */
static int take_key(json_t *keys, const char *name, uint8_t key[16], const char *path,
                    struct trouble *t)
{
    const char *text = json_string_value(json_object_get(keys, name));
    uint8_t octets[16];
    if (!text || hex_parse(text, sizeof octets, octets) != (int)sizeof octets)
        return trouble(t, E_FORMAT, "%s: \"%s\" should be 32 hex digits", path, name);
    memcpy(key, octets, sizeof octets);
    wipe(octets, sizeof octets);
    return 0;
}

static int take_password(struct box *b, json_t *list, unsigned i, const char *path,
                         struct trouble *t)
{
    const char *text = json_string_value(json_array_get(list, i));
    size_t n = text ? strlen(text) : 0;
    if (n < 8 || n > 16)
        return trouble(t, E_FORMAT, "%s: \"passwords\" should be three texts of 8 to 16 octets",
                       path);
    memcpy(b->password[i], text, n + 1);
    b->secrets.password[i] = b->password[i];
    return 0;
}

static int load_keys(struct box *b, const char *path, struct trouble *t)
{
    static const char *const name[4] = { "unicast", "broadcast", "authentication", "master" };
    json_error_t e;
    json_t *keys = json_load_file(path, JSON_REJECT_DUPLICATES, &e);
    if (!keys && e.line < 0) return trouble(t, E_IO, "%s", e.text);
    if (!keys) return trouble(t, E_FORMAT, "%s:%d: %s", path, e.line, e.text);
    int err = 0;
    for (unsigned i = 0; i < 4 && !err; i++)
        err = take_key(keys, name[i], b->secrets.key[i], path, t);
    for (unsigned i = 0; i < 3 && !err; i++)
        err = take_password(b, json_object_get(keys, "passwords"), i, path, t);
    json_decref(keys);
    return err;
}

/* What interfaces call the development default: DKGA 02 of a published vending key. */
static void development_decoder(struct box *b)
{
    struct sts_key_plan plan = { .dkga = 2,
                                 .vending_key_len = 8,
                                 .base_year = 2014,
                                 .ea = STS_EA_STA,
                                 .kt = STS_KT_UNIQUE,
                                 .krn = 1,
                                 .ti = 1,
                                 .sgc = 123456 };
    memset(plan.vending_key, 0xAB, plan.vending_key_len);
    sts_pan(plan.pan, b->meter_cfg.serial);
    if (sts_dkga(&b->decoder, &plan) == 0) b->meter_cfg.decoder = &b->decoder;
}

/* -- the box ------------------------------------------------------------------------------- */
static void wire(struct box *b)
{
    b->entropy = (struct entropy){ .ctx = b, .get = entropy_get };
    b->io = (struct meter_io){
        .sampled = true,
        .ctx = b,
        .nor = &b->flash.mem.nor,
        .scratch = b->scratch,
        .rtc_read = rtc_read,
        .rtc_write = rtc_write,
        .entropy = &b->entropy,
        .root_key = root_key,
        .impulse = impulse,
        .relay = drive_relay,
        .inputs = inputs,
        .jumper = jumper,
        .battery_mv = battery_mv,
        .temperature_dc = temperature_dc,
    };
    uint32_t serial = b->meter_cfg.serial;
    b->net = (struct device_net){
        .mss = 1460,
        .connections = BOX_SESSIONS < UINT8_MAX ? BOX_SESSIONS : UINT8_MAX,
        .mac = { 0x02, 'M', 'A', (uint8_t)(serial >> 16), (uint8_t)(serial >> 8),
                 (uint8_t)serial }, /* of our own making: the local bit says so */
    };
    b->cfg = (struct device_cfg){
        .meter = &b->meter_cfg,
        .secrets = b->has_keys ? &b->secrets : &device_development,
        .firmware = "magno22-" MAGNO_VERSION,
        .hardware = "linux",
        .pool = &b->pool,
        .hls = b->hls,
        .frozen = b->frozen,
        .net = &network,
        .net_ctx = b,
    };
}

static int allocate(struct box *b, struct trouble *t)
{
    b->session = calloc(b->sessions, sizeof *b->session);
    b->frozen = calloc(b->sessions, sizeof *b->frozen);
    b->buffers = malloc(DLMS_POOL_BYTES(b->sessions, BOX_APDU, BOX_ANSWER));
    b->scratch = malloc(sizeof *b->scratch);
    if (!b->session || !b->frozen || !b->buffers || !b->scratch)
        return trouble(t, E_SPACE, "out of memory");
    return 0;
}

/* What the memory says of the past: a copy of the image is mounted and thrown away. A bistable
 * contact is where it was left. */
static void look_back(struct box *b)
{
    struct box *copy = malloc(sizeof *copy);
    uint8_t *image = malloc(FLASH_SIZE);
    if (copy && image) {
        *copy = *b;
        memcpy(image, b->flash.mem.image, FLASH_SIZE);
        nor_mem_init(&copy->flash.mem, image, FLASH_SIZE, (struct nor_times){ 0, 0 });
        wire(copy);
        device_init(&copy->device, &copy->cfg, &copy->io);
        if (device_mount(&copy->device) == 0) {
            b->newest = copy->device.meter.last;
            b->relay.closed = b->relay.touches = copy->device.meter.supply.state.closed;
        }
        wipe(copy, sizeof *copy);
    }
    free(copy);
    free(image);
}

int box_open(struct box *b, const struct box_options *o, struct trouble *t)
{
    memset(b, 0, sizeof *b);
    b->meter_cfg = cfg_single_phase;
    b->meter_cfg.version = MAGNO_VERSION;
    b->meter_cfg.serial = o->serial;
    b->terminal_dc = 250;
    relay_sim_init(&b->relay);
    b->has_seed = o->seeded;
    b->hls = o->hls;
    b->factory = o->factory;
    b->sessions = o->sessions ? o->sessions : BOX_SESSIONS;
    b->has_keys = o->keys != NULL;
    int err = allocate(b, t);
    if (!err && o->keys)
        err = load_keys(b, o->keys, t);
    else if (!err)
        development_decoder(b);
    if (!err) err = open_flash(b, o->flash, t);
    if (!err && o->seeded) {
        uint8_t seed[8];
        le_put64(seed, o->seed);
        rng_seed(&b->seeded, seed, sizeof seed);
        rng_get(&b->seeded, b->root_key, DEVICE_ROOT_KEY);
    } else if (!err) {
        err = load_root_key(b, o->flash, t);
    }
    if (err) {
        box_close(b);
        return err;
    }
    wire(b);
    look_back(b);
    return 0;
}

/* Also after box_open() failed half-way, and again: what is not there is NULL. */
void box_close(struct box *b)
{
    if (b->is_on) box_off(b);
    if (b->has_flash) flash_file_close(&b->flash);
    free(b->session);
    free(b->frozen);
    free(b->buffers);
    free(b->scratch);
    wipe(b, sizeof *b);
}

void box_set_rtc(struct box *b, utc_t utc)
{
    uint16_t year = cal_civil(utc.s).year;
    if (!b->power_ups && year < b->meter_cfg.year) b->meter_cfg.year = year;
    b->rtc_offset_us = utc.s * 1000000 - (int64_t)b->world_us;
    if (b->next) box_set_rtc(b->next, utc);
}

utc_t box_rtc(const struct box *b)
{
    return (utc_t){ rtc_us(b, b->world_us) / 1000000 };
}

mono_t box_mono(const struct box *b)
{
    return (mono_t){ b->world_us - b->on_us };
}

static void step(struct box *b)
{
    mono_t now = box_mono(b);
    do job_run(&b->device.job);
    while (device_step(&b->device, now).us <= now.us);
}

int box_on(struct box *b, struct trouble *t)
{
    b->on_us = b->world_us;
    relay_sim_restart(&b->relay);
    dlms_pool_init(&b->pool, b->session, (uint16_t)b->sessions, b->buffers, BOX_APDU,
                   BOX_ANSWER);
    device_init(&b->device, &b->cfg, &b->io);
    int err = device_mount(&b->device);
    if (err == E_FORMAT)
        return trouble(t, err,
                       "the flash image holds something that is no meter; name another "
                       "with --flash, or move it away and a new one is made");
    if (err) return trouble(t, err, "the meter does not start: %s", err_text(err));
    b->is_on = true;
    b->told = levels(b);
    b->power_ups++;
    step(b);
    return b->next ? box_on(b->next, t) : 0;
}

void box_off(struct box *b)
{
    device_supply_failed(&b->device, box_mono(b));
    while (meter_store_step(&b->device.meter)) {
    }
    b->is_on = false;
    if (b->next && b->next->is_on) box_off(b->next);
}

void box_step(struct box *b)
{
    for (; b; b = b->next) step(b);
}

void box_inputs(struct box *b, uint16_t inputs)
{
    b->inputs = inputs;
    b->told = levels(b);
    if (b->is_on) (void)meter_feed_inputs(&b->device.meter, box_mono(b), b->told);
}

uint64_t box_still_us(const struct box *b)
{
    uint64_t least = UINT64_MAX;
    for (; b; b = b->next) {
        uint64_t next = relay_sim_next(&b->relay).us, now = box_mono(b).us;
        uint64_t left = next == MONO_NEVER.us ? UINT64_MAX : next > now ? next - now : 0;
        if (b->is_on && left < least) least = left;
        left = b->pressed_us > b->world_us ? b->pressed_us - b->world_us : 0;
        if (b->inputs & INPUT_BUTTON && left < least) least = left;
    }
    return least;
}

void box_press(struct box *b, uint64_t us)
{
    b->pressed_us = b->world_us + us;
    box_inputs(b, b->inputs | INPUT_BUTTON);
}

static void move_contacts(struct box *b)
{
    if (b->inputs & INPUT_BUTTON && b->pressed_us <= b->world_us)
        box_inputs(b, b->inputs & (uint16_t)~INPUT_BUTTON);
    if (relay_sim_next(&b->relay).us <= box_mono(b).us) relay_sim_step(&b->relay, box_mono(b));
    if (levels(b) != b->told) box_inputs(b, b->inputs);
}

void box_pass(struct box *b, uint64_t us)
{
    for (; b; b = b->next) {
        b->world_us += us;
        if (!b->is_on) continue;
        move_contacts(b);
        step(b);
        if (levels(b) != b->device.meter.inputs.fed) box_inputs(b, b->inputs);
    }
}

/* Voltage alone. */
static void feed_open(struct box *b, const int32_t *codes, size_t n)
{
    int32_t part[3 * 64];
    while (n) {
        size_t k = n < 64 ? n : 64;
        memset(part, 0, sizeof part);
        for (size_t i = 0; i < k; i++) part[3 * i] = codes[3 * i];
        front_samples(&b->device.meter.front, part, k);
        codes += 3 * k;
        n -= k;
    }
}

void box_feed(struct box *b, const int32_t *codes, size_t n)
{
    for (struct box *x = b; x; x = x->next) {
        if (relay_sim_conducts(&x->relay))
            front_samples(&x->device.meter.front, codes, n);
        else
            feed_open(x, codes, n);
    }
    box_pass(b, n * 125);
}
