/* The operative tables of the standard transfer algorithm, alone in this file. They are numbers
 * the STS Association gives to its licensees under terms of its own: clear them before a
 * product is shipped, or build with sta_sample.c in their place. Several public projects carry
 * them, and the tokens of the association's conformance tests confirm them. */
#include "sts/sta.h"

const uint8_t sta_subst[2][16] = {
    { 14, 10, 7, 9, 12, 3, 2, 5, 13, 0, 15, 1, 4, 8, 6, 11 },
    { 12, 8, 2, 13, 7, 6, 1, 3, 11, 5, 9, 15, 0, 4, 10, 14 },
};

const uint8_t sta_place[64] = {
    55, 42, 10, 18, 24, 21, 44, 35, 2,  22, 56, 43, 27, 58, 9,  50, 6,  36, 12, 61, 37, 38,
    53, 16, 62, 3,  7,  4,  32, 20, 63, 25, 51, 52, 54, 33, 49, 19, 46, 29, 48, 31, 23, 30,
    41, 28, 13, 5,  40, 60, 39, 11, 15, 17, 1,  0,  57, 34, 59, 8,  47, 14, 45, 26
};
