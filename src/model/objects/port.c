/* port.c - the ways into the meter: optical head, RS485, network. */
#include "model/objects/objects.h"

static const struct port_setup local[] = {
    { .first = PARAM_LOCAL_1_MODE, .octets = PARAM_LOCAL_1_ADDRESS },
    { .first = PARAM_LOCAL_2_MODE, .octets = PARAM_LOCAL_2_ADDRESS },
};
static const struct port_setup hdlc[] = {
    { .first = PARAM_HDLC_1_SPEED, .link = LINK_OPTICAL },
    { .first = PARAM_HDLC_2_SPEED, .link = LINK_RS485 },
    { .first = PARAM_HDLC_3_SPEED, .link = LINK_WAN },
};
static const struct port_setup guard[] = {
    { PARAM_GUARD_1_MODE, 0, LINK_OPTICAL, { 0, 0, 20, 0, 0, 255 } },
    { PARAM_GUARD_2_MODE, 0, LINK_RS485, { 0, 0, 20, 0, 1, 255 } },
    { PARAM_GUARD_3_MODE, 0, LINK_WAN, { 0, 0, 25, 0, 0, 255 } },
};
/* what each stands on */
static const struct port_setup tcp = { PARAM_TCP_IDLE_S, 0, LINK_WAN, { 0, 0, 25, 1, 0, 255 } };
static const struct port_setup ipv4 = { 0, 0, LINK_WAN, { 0, 0, 25, 2, 0, 255 } };

static const struct cosem_row rows[] = {
    ROW(0, 0, 20, 0, 0, 1, ACL_LINE, &class_local_port, .ext = &local[0]),
    ROW(0, 0, 20, 0, 1, 1, ACL_LINE, &class_local_port, .ext = &local[1]),
    ROW(0, 0, 22, 0, 0, 1, ACL_CONFIG, &class_hdlc, .ext = &hdlc[0]),
    ROW(0, 1, 22, 0, 0, 1, ACL_CONFIG, &class_hdlc, .ext = &hdlc[1]),
    ROW(0, 2, 22, 0, 0, 1, ACL_CONFIG, &class_hdlc, .ext = &hdlc[2]),
    ROW(0, 0, 25, 0, 0, 1, ACL_SERVICE, &class_tcp, .ext = &tcp),
    ROW(0, 0, 25, 1, 0, 1, ACL_SERVICE, &class_ipv4, .ext = &ipv4),
    ROW(0, 0, 25, 2, 0, 1, ACL_SERVICE, &class_mac, .ext = NULL),
    ROW(0, 0, 44, 2, 0, 1, ACL_PORT, &class_port_guard, .ext = &guard[0]),
    ROW(0, 0, 44, 2, 1, 1, ACL_PORT, &class_port_guard, .ext = &guard[1]),
    ROW(0, 0, 44, 2, 2, 1, ACL_PORT, &class_port_guard, .ext = &guard[2]),
};
const struct cosem_group objects_port = { rows, COUNT(rows) };
