/* mps2.h - the registers of Arm's MPS2 board with the AN386 image (Cortex-M4F, 25 MHz) that
 * this port uses, by the names of its application note; inside port/mps2 only.
 */
#ifndef PORT_MPS2_MPS2_H
#define PORT_MPS2_MPS2_H
#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(uintptr_t)(address))

enum { CPU_HZ = 25000000, SAMPLE_HZ = 8000, SAMPLE_US = 1000000 / SAMPLE_HZ };

/* Core */
#define NVIC_ENABLE REG(0xE000E100u)
#define NVIC_PRIORITY(irq) (((volatile uint8_t *)0xE000E400u)[irq])
#define SCB_ICSR REG(0xE000ED04u)
#define SCB_AIRCR REG(0xE000ED0Cu)
#define SCB_SHPR3 REG(0xE000ED20u)
#define SCB_CPACR REG(0xE000ED88u)
#define ICSR_PENDSV_SET (1u << 28)

enum irq {
    IRQ_UART0_RX = 0, /* transmit is the next number */
    IRQ_UART1_RX = 2,
    IRQ_UART2_RX = 4,
    IRQ_TIMER0 = 8,
    IRQ_LAN = 13,
    IRQ_UART3_RX = 18,
    IRQ_UART4_RX = 20,
    IRQS = 32
};

/* Highest first; PendSV, the meter, is below all of them. */
enum priority { PRIORITY_SAMPLE = 0x20, PRIORITY_BYTES = 0x40, PRIORITY_METER = 0xE0 };

#define TIMER0 0x40000000u /* CTRL 0, VALUE 4, RELOAD 8, INTCLEAR C; both count down */
#define TIMER1 0x40001000u
#define LEDS REG(0x40028000u)
#define I2C_SET REG(0x4002A000u) /* bit 0 SCL, bit 1 SDA; reads the lines */
#define I2C_CLEAR REG(0x4002A004u)
#define WATCHDOG 0x40008000u /* LOAD 0, CTRL 8, INTCLR C, LOCK C00; its interrupt is the NMI */
#define LAN_BASE 0x40200000u

/* QEMU can back these 16 MiB with a file: they are the flash chips of this port. */
#define FLASH_WINDOW ((uint8_t *)0x21000000u)

#endif
