unit_test(unit/test_loadgen.c LIBS port_common m)
unit_test(unit/test_household.c LIBS port_common)
unit_test(unit/test_nor.c LIBS port_common)
unit_test(unit/test_port_linux.c LIBS port_linux)
