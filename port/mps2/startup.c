/* startup.c - from reset to main(): vectors, memory, FPU; what a broken invariant does.
 *
 * RAM is tested before anything lies in it (port/common/march.h); what the watchdog has to say
 * lies where nothing is initialised.
 *
 * One stack for all contexts, painted at start and measured by port_stack_peak(). A panic says
 * where on the host behind QEMU and ends with status 70, as a test wants it; a part without
 * such a host resets, and the meter mounts what flash holds.
 */
#include <stdint.h>

#include "base/sys.h"
#include "port/common/march.h"
#include "port/mps2/board.h"
#include "port/mps2/mps2.h"
#include "port/mps2/port.h"
#include "port/mps2/semihost.h"

extern uint32_t link_data_load, link_data_start, link_data_end, link_bss_start, link_bss_end,
    link_stack_top, link_march_end;
extern int main(void);

enum { PAINT = 0x6D61676E, BARKED = 0x6261726B };

static struct {
    bool ram_is_sound, was_watchdog;
} found;
static __attribute__((section(".noinit"))) uint32_t bark;

void reset_handler(void);
void nmi_handler(void);
void fault_handler(void);
void sample_isr(void);
void uart_isr(void);
void lan_isr(void);

/* Images without these (unit tests) link all the same. */
__attribute__((weak)) void meter_isr(void)
{
}

__attribute__((weak)) void sample_isr(void)
{
}

__attribute__((weak)) void uart_isr(void)
{
}

__attribute__((weak)) void lan_isr(void)
{
}

typedef void handler(void);

__attribute__((section(".vectors"), used)) static const union {
    handler *run;
    void *stack;
} vectors[16 + IRQS] = {
    [0] = { .stack = &link_stack_top },
    [1] = { reset_handler },
    [2] = { nmi_handler },
    [3] = { fault_handler },
    [4] = { fault_handler },
    [5] = { fault_handler },
    [6] = { fault_handler },
    [14] = { meter_isr },
    [16 + IRQ_UART0_RX] = { uart_isr },
    [16 + IRQ_UART0_RX + 1] = { uart_isr },
    [16 + IRQ_UART1_RX] = { uart_isr },
    [16 + IRQ_UART1_RX + 1] = { uart_isr },
    [16 + IRQ_UART2_RX] = { uart_isr },
    [16 + IRQ_UART2_RX + 1] = { uart_isr },
    [16 + IRQ_TIMER0] = { sample_isr },
    [16 + IRQ_LAN] = { lan_isr },
    [16 + IRQ_UART3_RX] = { uart_isr },
    [16 + IRQ_UART3_RX + 1] = { uart_isr },
    [16 + IRQ_UART4_RX] = { uart_isr },
    [16 + IRQ_UART4_RX + 1] = { uart_isr },
};

static uint32_t word_get(void *ctx, size_t word)
{
    return ((volatile uint32_t *)ctx)[word];
}

static void word_put(void *ctx, size_t word, uint32_t v)
{
    ((volatile uint32_t *)ctx)[word] = v;
}

/* All of the RAM but the frame that it stands on. */
void reset_handler(void)
{
    enum { FRAME = 64 };
    uint32_t *top = (uint32_t *)__builtin_frame_address(0) - FRAME, *from = &link_data_start;
    if (top > &link_march_end) top = &link_march_end;
    bool sound = march(from, (size_t)(top - from), word_get, word_put);
    for (uint32_t *s = &link_data_load, *d = &link_data_start; d < &link_data_end;) *d++ = *s++;
    for (uint32_t *d = &link_bss_start; d < &link_bss_end;) *d++ = 0;
    uint32_t *here = __builtin_frame_address(0);
    for (uint32_t *d = &link_bss_end; d < here - 16; d++) *d = PAINT;
    found.ram_is_sound = sound;
    found.was_watchdog = bark == BARKED;
    bark = 0;
    SCB_CPACR |= 0xFu << 20; /* the FPU, for libraries; src/ does not use it */
    __asm__ volatile("dsb\nisb" ::: "memory");
    semihost_exit(main());
}

bool start_found_sound_ram(void)
{
    return found.ram_is_sound;
}

bool start_was_watchdog(void)
{
    return found.was_watchdog;
}

/* The watchdog's first word; its second would be the reset. */
void nmi_handler(void)
{
    bark = BARKED;
    SCB_AIRCR = 0x05FA0004u;
    for (;;) {
    }
}

uint32_t port_stack_peak(void)
{
    const uint32_t *d = &link_bss_end;
    while (d < &link_stack_top && *d == PAINT) d++;
    return (uint32_t)(&link_stack_top - d) * 4;
}

static _Noreturn void stop(const char *file, int line)
{
    char number[12], *p = number + sizeof number - 1;
    *p = 0;
    for (unsigned n = (unsigned)line; p > number && (n || !*p); n /= 10)
        *--p = (char)('0' + n % 10);
    semihost_print(file);
    semihost_print(":");
    semihost_print(p);
    semihost_print(": invariant broken\n");
    semihost_exit(70);
}

_Noreturn void sys_panic(const char *file, int line)
{
    (void)sys_irq_lock();
    stop(file, line);
}

uint32_t sys_irq_lock(void)
{
    uint32_t was;
    __asm__ volatile("mrs %0, primask\ncpsid i" : "=r"(was)::"memory");
    return was;
}

void sys_irq_unlock(uint32_t was)
{
    __asm__ volatile("msr primask, %0" ::"r"(was) : "memory");
}

/* A breakpoint that nobody answers, a semihosting call without a host, is stepped over with
 * result -1; SYS_EXIT_EXTENDED then means reset. Anything else is a broken invariant. */
static __attribute__((used)) void fault(uint32_t *frame)
{
    const uint16_t *pc = (const uint16_t *)(uintptr_t)frame[6];
    if (*pc != 0xBEAB) sys_panic("fault at", (int)frame[6]);
    if (frame[0] == 0x20) {
        SCB_AIRCR = 0x05FA0004u;
        for (;;) {
        }
    }
    frame[0] = UINT32_MAX;
    frame[6] += 2;
}

__attribute__((naked)) void fault_handler(void)
{
    __asm__ volatile("mrs r0, msp\nb fault");
}
