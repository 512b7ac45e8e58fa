/* hour.c - the Cortex-M image's pulled time on the host: the same samples, the same device, the
 * same end.
 *
 *     hour SECONDS SEED START_UTC FLASH [STEP_US]
 *
 * A household of that seed is metered from power-up on a blank chip; then the supply fails.
 * Registers go to standard output as the image prints them, the chip's content to FLASH.
 * STEP_US feeds samples in other pieces.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sys.h"
#include "model/device.h"
#include "port/common/household.h"
#include "port/common/loadgen.h"
#include "port/common/nor_mem.h"

enum { SESSIONS = 2, APDU = 512, FLASH_SIZE = 8 << 20, SAMPLE_US = 125 };

static struct {
    struct device device;
    struct dlms_pool pool;
    struct dlms_session session[SESSIONS];
    uint8_t buffers[DLMS_POOL_BYTES(SESSIONS, APDU, APDU)];
    struct regs frozen[SESSIONS];
    struct store_scratch scratch;
    struct meter_cfg meter;
    struct nor_mem nor;
    uint8_t flash[FLASH_SIZE];
    struct loadgen gen;
    uint64_t samples, seed;
    int64_t start_s;
} lab;

static int rtc_read(void *ctx, mono_t t, utc_t *utc)
{
    (void)ctx;
    utc->s = lab.start_s + (int64_t)(t.us / 1000000);
    return 0;
}

static int rtc_write(void *ctx, mono_t t, utc_t utc)
{
    (void)ctx, (void)t, (void)utc;
    return 0;
}

static int entropy_get(void *ctx, uint8_t *dst, size_t n)
{
    (void)ctx;
    memset(dst, 0x22, n);
    return 0;
}

static int root_key(void *ctx, uint8_t key[16])
{
    (void)ctx;
    memset(key, 0x22, 16);
    return 0;
}

static void set_load(void)
{
    struct load l =
        household_at(lab.seed, (utc_t){ lab.start_s + (int64_t)(lab.samples / LOADGEN_RATE) });
    l.noise_mcode = 0;
    ensure(loadgen_set(&lab.gen, &l) == 0);
}

/* Samples up to t, the load changing with the second; or to the end of a window, as the image. */
static void pull(mono_t t, bool to_window)
{
    while ((lab.samples + 1) * SAMPLE_US <= t.us) {
        if (lab.samples % LOADGEN_RATE == 0) set_load();
        struct loadgen_sample s;
        loadgen_run(&lab.gen, &s, 1);
        lab.samples++;
        if (front_sample_isr(&lab.device.meter.front, s.v, s.i, s.n) && to_window) return;
    }
}

static mono_t now(void)
{
    return (mono_t){ lab.samples * SAMPLE_US };
}

static void run(mono_t end, uint64_t step_us)
{
    while (now().us < end.us) {
        mono_t next = device_step(&lab.device, now());
        if (next.us <= now().us) continue;
        mono_t to = step_us ? mono_after(now(), step_us) : next;
        pull(mono_min(to, end), !step_us);
    }
    device_rest(&lab.device, end);
    device_supply_failed(&lab.device, end);
    while (meter_store_step(&lab.device.meter)) {
    }
}

static void print(const char *name, uint16_t id)
{
    printf("%s=%" PRId64 "\n", name, reg_at(&lab.device.meter.now, id));
}

int main(int argc, char **argv)
{
    if (argc < 5) return 2;
    uint64_t seconds = strtoull(argv[1], NULL, 10);
    lab.seed = strtoull(argv[2], NULL, 10);
    lab.start_s = strtoll(argv[3], NULL, 10);
    memset(lab.flash, 0xFF, sizeof lab.flash);
    nor_mem_init(&lab.nor, lab.flash, FLASH_SIZE, (struct nor_times){ 0, 0 });
    const struct entropy entropy = { .get = entropy_get };
    const struct meter_io io = { .sampled = true,
                                 .nor = &lab.nor.nor,
                                 .scratch = &lab.scratch,
                                 .rtc_read = rtc_read,
                                 .rtc_write = rtc_write,
                                 .entropy = &entropy,
                                 .root_key = root_key };
    const struct device_cfg cfg = { .meter = &lab.meter,
                                    .secrets = &device_development,
                                    .firmware = "magno22",
                                    .hardware = "scenario",
                                    .pool = &lab.pool,
                                    .frozen = lab.frozen };
    lab.meter = cfg_single_phase;
    dlms_pool_init(&lab.pool, lab.session, SESSIONS, lab.buffers, APDU, APDU);
    loadgen_init(&lab.gen, lab.seed);
    device_init(&lab.device, &cfg, &io);
    if (device_mount(&lab.device)) return 1;
    run((mono_t){ seconds * 1000000 }, argc > 5 ? strtoull(argv[5], NULL, 10) : 0);
    print("import_wh", REG_WH_IMPORT);
    print("export_wh", REG_WH_EXPORT);
    print("import_varh", REG_VARH_IMPORT);
    print("import_vah", REG_VAH_IMPORT);
    FILE *f = fopen(argv[4], "wb");
    bool written = f && fwrite(lab.flash, 1, sizeof lab.flash, f) == sizeof lab.flash;
    return written && fclose(f) == 0 ? 0 : 1;
}
