/* courier.h - which carrier of tokens a fuzzer of fuzz/courier.c speaks to. */
#ifndef TESTS_FUZZ_COURIER_H
#define TESTS_FUZZ_COURIER_H
#include "model/courier.h"

extern const enum courier_kind fuzz_kind;

#endif
