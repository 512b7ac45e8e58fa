/* sys.h - what a CPU has once, linked in by the port. There are no other link-time hooks.
 *
 * ensure(cond) stays on in release builds: a broken invariant stops the meter before it can
 * write a wrong register. The port's sys_panic() records the place and resets.
 */
#ifndef BASE_SYS_H
#define BASE_SYS_H
#include <stdint.h>

/* Stop at once; file and line name the broken invariant. Does not return. */
_Noreturn void sys_panic(const char *file, int line);

/* Mask interrupts; returns what sys_irq_unlock() needs to restore. A no-op on a host. */
uint32_t sys_irq_lock(void);
void sys_irq_unlock(uint32_t was);

#define ensure(cond) ((cond) ? (void)0 : sys_panic(__FILE__, __LINE__))

#endif
