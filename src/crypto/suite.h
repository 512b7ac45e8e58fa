/* suite.h - how much security a build carries.
 *
 * CFG_SUITE1   1: suites 0 and 1; 0: suite 0 alone, without elliptic curves, certificates and
 *              signatures (cmake -DSUITE1=OFF).
 * CFG_OLD_HLS  1: HLS mechanisms 3 and 4, by MD5 and SHA-1, for clients whose row names them;
 *              0: without (cmake -DOLD_HLS=OFF; so are the images for the Cortex-M).
 *
 * Where a branch asks for it the compiler drops the other side, and the linker what was called
 * from there.
 */
#ifndef CRYPTO_SUITE_H
#define CRYPTO_SUITE_H

#ifndef CFG_SUITE1
#define CFG_SUITE1 1
#endif
#ifndef CFG_OLD_HLS
#define CFG_OLD_HLS 1
#endif

#endif
