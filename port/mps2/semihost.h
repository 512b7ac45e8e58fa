/* semihost.h - what the host behind QEMU or a debugger gives: arguments, files, an exit status.
 *
 * Without such a host every call fails politely: the fault handler steps over the breakpoint
 * (startup.c). Nothing of a meter depends on it; tests and recorded loads do.
 *
 * Cost     stops the machine while the host answers.
 * Context  thread mode, before interrupts matter; semihost_exit() anywhere.
 */
#ifndef PORT_MPS2_SEMIHOST_H
#define PORT_MPS2_SEMIHOST_H
#include <stddef.h>
#include <stdint.h>

/* The words of the command line, separated by blanks, into line; 0, or E_NONE. */
int semihost_args(char *line, size_t n);

/* Text to the host's own output. */
void semihost_print(const char *text);

/* Read a whole host file of at most n octets into dst: its length; E_NONE when it cannot be
 * opened, E_SPACE when it is longer, E_IO. */
int32_t semihost_read(const char *path, void *dst, size_t n);

/* End with this status. */
_Noreturn void semihost_exit(int status);

#endif
