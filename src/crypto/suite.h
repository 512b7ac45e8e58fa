/* suite.h - how much security a build carries: 1 suites 0 and 1; 0 suite 0 alone, without
 * elliptic curves, certificates and signatures (cmake -DSUITE1=OFF).
 *
 * Where a branch asks for it the compiler drops the other side, and the linker what was called
 * from there.
 */
#ifndef CRYPTO_SUITE_H
#define CRYPTO_SUITE_H

#ifndef CFG_SUITE1
#define CFG_SUITE1 1
#endif

#endif
