#include "model/objects/objects.h"

/* Groups are const in other files, so their rows are named again here: the table of tables. */
static const struct cosem_group *const groups[] = {
    &objects_identity, &objects_clock, &objects_security, &objects_energy,
    &objects_live,     &objects_profile, &objects_event,
};
