/* objects.h - the groups of rows; objects.c puts them together, in the order of object_list. */
#ifndef MODEL_OBJECTS_OBJECTS_H
#define MODEL_OBJECTS_OBJECTS_H
#include "model/classes.h"

extern const struct cosem_group objects_identity, objects_clock, objects_security,
    objects_energy, objects_demand, objects_live, objects_profile, objects_billing, objects_tou,
    objects_event, objects_alarm, objects_port, objects_quality, objects_supply, objects_prepay,
    objects_display;

/* Status of rows is 0-0:96.10.e: 1 to 3 the surveys, then days and months. */
enum { BILLING_STATUS = 4 };

#endif
