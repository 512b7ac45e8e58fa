/* box.h - one meter in a process: the device, its memory and flash, its clock chip and keys.
 *
 * The box is what a housing holds. Supply on makes a device from flash, supply off ends it by a
 * last gasp; the flash image is a file, mapped, so that a killed process leaves what a cut
 * leaves. The calendar chip runs on while the supply is off.
 *
 * Power cut  the process may be killed at any instruction: the file is as NOR flash would be.
 * Memory     about 100 KiB and the mapping of 8 MiB.
 * Context    one thread.
 */
#ifndef TOOLS_RUN_BOX_H
#define TOOLS_RUN_BOX_H
#include "model/device.h"
#include "port/common/relay_sim.h"
#include "port/linux/flash_file.h"
#include "tools/common/trouble.h"

/* A stored answer is eight times what is taken: a block that long is read by a head-end in the
 * time it takes to wake it for a short one. Pages that no answer reached are no memory yet. */
enum { BOX_SESSIONS = 1024, BOX_APDU = 2048, BOX_ANSWER = 16384, BOX_LINKS = 1100 };

struct box_options {
    const char *flash; /* path of the image; made when missing */
    const char *keys;  /* JSON file of keys, or NULL: development keys */
    uint32_t serial;
    bool factory; /* its jumper is in, the meter cover open */
    bool seeded;  /* entropy and root key are functions of seed */
    uint64_t seed;
    unsigned sessions; /* at once; 0: BOX_SESSIONS */
    uint8_t hls;       /* device_cfg.hls */
};

struct box {
    struct box *next; /* on the same RS485 line, with the same supply, samples and time; NULL */
    struct device device;
    struct device_cfg cfg;
    uint8_t hls;
    struct device_net net; /* port and address: once a port listens */
    void (*net_move)(void *ctx,
                     const struct device_net *n); /* ports.h: listen there; or NULL */
    void *net_ctx;
    struct meter_cfg meter_cfg;
    struct device_secrets secrets;
    char password[3][32];
    struct meter_io io;
    struct entropy entropy;
    struct flash_file flash;
    struct dlms_pool pool;
    struct dlms_session *session;
    struct regs *frozen;
    uint8_t *buffers;
    struct store_scratch *scratch;
    struct rng seeded;      /* the entropy of a seed */
    struct sts_key decoder; /* the development key of tokens, by the serial number */
    uint8_t root_key[DEVICE_ROOT_KEY];
    bool is_on, has_flash, has_seed, has_keys, factory;
    unsigned sessions;
    utc_t newest;                /* date of the newest record in flash; 0 in a blank one: the
                                    clock chip, never without its cell, is not before it */
    struct relay_sim relay;      /* of the supply; its time is that since power-up */
    uint16_t inputs;             /* levels of the other terminals, enum input */
    uint16_t told;               /* the levels the meter knows */
    uint64_t pressed_us;         /* world time until which the button is held */
    int16_t terminal_dc;         /* temperature of the terminal block, 0.1 degree */
    int64_t rtc_offset_us;       /* the chip's UTC minus the world's time */
    uint64_t world_us;           /* time of the world: runs also without supply */
    uint64_t on_us;              /* world time at power-up: mono 0 */
    uint64_t impulses[IMPULSES]; /* since the process began */
    uint32_t power_ups;
};

/* Map the flash and make ready; no supply yet. E_IO, E_BUSY (another process has the image),
 * E_FORMAT (not 8 MiB, or no meter), with a sentence in t. */
int box_open(struct box *b, const struct box_options *o, struct trouble *t);
void box_close(struct box *b);

/* What follows goes for all boxes of a line, this one first. */

/* The calendar chip's time, as if somebody had set it. Before the first box_on() it also says
 * how old the meter may be: one that is started in 2007 was not made in 2024, or its clock
 * would be invalid. */
void box_set_rtc(struct box *b, utc_t utc);
utc_t box_rtc(const struct box *b);

/* Supply on: mount and count. Errors of device_mount(). Supply off: last gasp, and dark. */
int box_on(struct box *b, struct trouble *t);
void box_off(struct box *b);

/* Terminals of this box alone: covers, magnets, buttons. */
void box_inputs(struct box *b, uint16_t inputs);

/* Hold the push button down for so long. */
void box_press(struct box *b, uint64_t us);

/* How long until a contact of the line moves by itself, us; UINT64_MAX: none is about to. */
uint64_t box_still_us(const struct box *b);

/* Feed n samples (v, i, n interleaved) and let the device do what became due. Where a relay is
 * open, no current reaches its box. */
void box_feed(struct box *b, const int32_t *codes, size_t n);

/* Time goes on by us; samples came from box_feed(), or there is no supply. */
void box_pass(struct box *b, uint64_t us);

/* Mono of the device now. */
mono_t box_mono(const struct box *b);

/* Do what is due, nothing else: after octets arrived. */
void box_step(struct box *b);

#endif
