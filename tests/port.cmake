unit_test(unit/test_loadgen.c LIBS port_common m)
unit_test(unit/test_household.c LIBS port_common)
