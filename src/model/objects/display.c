/* display.c - what the display shows, how, and how it turns. */
#include "meter/display/display.h"
#include "model/objects/objects.h"

static const struct setting_row timing[] = {
    { PARAM_DISPLAY_TURN_S, AXDR_U8 },
    { PARAM_DISPLAY_BACK_S, AXDR_U16 },
};

static const struct cosem_row rows[] = {
    ROW(0, 0, 21, 0, 0, 1, ACL_CONFIG, class_readlist, SHOWN(DISPLAY_READOUT, 0)),
    ROW(0, 0, 21, 0, 1, DISPLAY_LISTS, ACL_CONFIG, class_readlist, SHOWN(0, 0)),
    ROW(0, 0, 96, 50, 60, DISPLAY_LISTS, ACL_CONFIG, class_formats, SHOWN(0, 0)),
    ROW(0, 0, 96, 50, 64, 1, ACL_CONFIG, class_formats, SHOWN(DISPLAY_READOUT, 0)),
    SETTINGS(96, 50, 63, ACL_CONFIG, timing, 0),
};
const struct cosem_group objects_display = { rows, COUNT(rows) };
