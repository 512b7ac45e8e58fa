/* insn.c - a QEMU 7.2 plugin: count instructions of functions, cut the power at an exact place.
 *
 *   -plugin insn.so,fn=0xADDR,fn=0xADDR,...   every call of these functions, callees and
 *                                             interrupts in between included
 *   -plugin insn.so,stores=N    end QEMU without clean-up right after the N-th store into the
 *                               flash window: the same place whatever the host's timing
 *   -plugin insn.so,cut=N       the same after N instructions
 *
 * At the end one line a function goes to stderr: "fn 0xADDR calls N sum N min N max N", and one
 * "total N stores N". A call ends at its return address: behind the BL that names the function,
 * which runs before it, whatever interrupts in between; for a call through a pointer, behind the
 * instruction that ran last. Functions reached by a plain branch are not counted right.
 *
 * Debian ships no header for plugins; the entry points used are declared here (interface
 * version 1).
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

struct tb;
struct insn;
struct info;
enum cb_flags { CB_NO_REGS };
enum mem_rw { MEM_R = 1, MEM_W, MEM_RW };
typedef uint64_t plugin_id;
typedef void vcpu_mem_cb(unsigned vcpu, uint32_t info, uint64_t address, void *data);
typedef void vcpu_insn_cb(unsigned vcpu, void *data);

extern void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct tb *));
extern void qemu_plugin_register_atexit_cb(plugin_id, void (*)(plugin_id, void *), void *);
extern void qemu_plugin_register_vcpu_insn_exec_cb(struct insn *, vcpu_insn_cb *, enum cb_flags,
                                                   void *);
extern void qemu_plugin_register_vcpu_mem_cb(struct insn *, vcpu_mem_cb *, enum cb_flags,
                                             enum mem_rw, void *);
extern bool qemu_plugin_mem_is_store(uint32_t info);
extern size_t qemu_plugin_tb_n_insns(const struct tb *);
extern struct insn *qemu_plugin_tb_get_insn(const struct tb *, size_t);
extern uint64_t qemu_plugin_insn_vaddr(const struct insn *);
extern size_t qemu_plugin_insn_size(const struct insn *);
extern const void *qemu_plugin_insn_data(const struct insn *);
EXPORT int qemu_plugin_version = 1;
EXPORT int qemu_plugin_install(plugin_id id, const struct info *info, int argc, char **argv);

enum { FLASH = 0x21000000, FLASH_SIZE = 0x01000000, FUNCTIONS = 16, CUT_STATUS = 137 };

static struct function {
    uint64_t at, back, since; /* back 0: not in it */
    uint64_t called_from;     /* behind the BL that ran and whose call has not begun; or 0 */
    uint64_t calls, sum, min, max;
} function[FUNCTIONS];
static size_t functions;
static uint64_t total, behind_last, cut_at, stores, stores_at;

static void leave(struct function *f)
{
    uint64_t n = total - f->since;
    f->back = 0;
    f->calls++;
    f->sum += n;
    if (f->calls == 1 || n < f->min) f->min = n;
    if (n > f->max) f->max = n;
}

/* data: address, bit 0 set when the instruction has four octets. */
static void each(unsigned cpu, void *data)
{
    (void)cpu;
    uint64_t word = (uint64_t)(uintptr_t)data, pc = word & ~UINT64_C(1);
    for (size_t k = 0; k < functions; k++) {
        struct function *f = &function[k];
        if (f->back == pc) leave(f);
        if (f->at == pc && !f->back) {
            f->back = f->called_from ? f->called_from : behind_last;
            f->called_from = 0;
            f->since = total;
        }
    }
    behind_last = pc + (word & 1 ? 4 : 2);
    if (++total == cut_at) _exit(CUT_STATUS);
}

/* A BL to a function that is counted. Between it and the function's first instruction an
 * interrupt may run: then the last instruction before was not this one. */
struct call {
    struct function *to;
    uint64_t back;
};

static void called(unsigned cpu, void *data)
{
    const struct call *c = data;
    (void)cpu;
    c->to->called_from = c->back;
}

/* Where the BL at pc goes (encoding T1), or 0. */
static uint64_t target_of(const uint16_t half[2], uint64_t pc)
{
    uint32_t s = half[0] >> 10 & 1, i1 = !((half[1] >> 13 & 1) ^ s),
             i2 = !((half[1] >> 11 & 1) ^ s);
    if ((half[0] & 0xF800) != 0xF000 || (half[1] & 0xD000) != 0xD000) return 0;
    uint32_t offset = (0u - s) << 24 | i1 << 23 | i2 << 22 | (half[0] & 0x3FFu) << 12 |
                      (half[1] & 0x7FFu) << 1;
    return (uint32_t)(pc + 4 + offset);
}

static void watch_call(struct insn *in, uint64_t pc)
{
    uint16_t half[2];
    memcpy(half, qemu_plugin_insn_data(in), sizeof half);
    uint64_t target = target_of(half, pc);
    for (size_t k = 0; k < functions; k++) {
        if (function[k].at != target) continue;
        struct call *c = malloc(sizeof *c);
        if (!c) abort();
        *c = (struct call){ &function[k], pc + 4 };
        qemu_plugin_register_vcpu_insn_exec_cb(in, called, CB_NO_REGS, c);
    }
}

static void stored(unsigned cpu, uint32_t info, uint64_t at, void *data)
{
    (void)cpu;
    (void)data;
    /* 7.2 also calls for loads although only stores were asked for */
    if (qemu_plugin_mem_is_store(info) && at - FLASH < FLASH_SIZE && ++stores == stores_at)
        _exit(CUT_STATUS);
}

static void translated(plugin_id id, struct tb *tb)
{
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
        struct insn *in = qemu_plugin_tb_get_insn(tb, i);
        bool is_wide = qemu_plugin_insn_size(in) == 4;
        uint64_t word = qemu_plugin_insn_vaddr(in) | is_wide;
        if (is_wide) watch_call(in, qemu_plugin_insn_vaddr(in));
        qemu_plugin_register_vcpu_insn_exec_cb(in, each, CB_NO_REGS, (void *)(uintptr_t)word);
        qemu_plugin_register_vcpu_mem_cb(in, stored, CB_NO_REGS, MEM_W, NULL);
    }
}

static void done(plugin_id id, void *data)
{
    (void)id;
    (void)data;
    for (size_t k = 0; k < functions; k++) {
        const struct function *f = &function[k];
        fprintf(stderr,
                "fn 0x%" PRIx64 " calls %" PRIu64 " sum %" PRIu64 " min %" PRIu64
                " max %" PRIu64 "\n",
                f->at, f->calls, f->sum, f->min, f->max);
    }
    fprintf(stderr, "total %" PRIu64 " stores %" PRIu64 "\n", total, stores);
}

int qemu_plugin_install(plugin_id id, const struct info *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        const char *value = strchr(argv[i], '=');
        if (!value) return -1;
        uint64_t n = strtoull(value + 1, NULL, 0);
        if (!strncmp(argv[i], "fn=", 3) && functions < FUNCTIONS) {
            function[functions++].at = n & ~UINT64_C(1);
        } else if (!strncmp(argv[i], "stores=", 7)) {
            stores_at = n;
        } else if (!strncmp(argv[i], "cut=", 4)) {
            cut_at = n;
        } else {
            return -1;
        }
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, done, NULL);
    return 0;
}
