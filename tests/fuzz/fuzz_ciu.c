#include "fuzz/courier.h"

const enum courier_kind fuzz_kind = COURIER_CIU;
