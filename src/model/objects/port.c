/* port.c - the ways into the meter: optical head, RS485, network. */
#include "model/objects/objects.h"

/* Script n is push n - 1; the moments of class 22 order the first four. */
#define PUSH_SCRIPT(n)                                                                         \
    {                                                                                          \
        2, 40, { 0, n, 25, 9, 0 }, 1, NULL, CMD_PUSH, n                                        \
    }
static const struct script push_script[] = {
    PUSH_SCRIPT(0), PUSH_SCRIPT(1), PUSH_SCRIPT(2), PUSH_SCRIPT(3),
    PUSH_SCRIPT(4), PUSH_SCRIPT(5), PUSH_SCRIPT(6), PUSH_SCRIPT(7),
};
static const struct script_table push_scripts = { push_script, COUNT(push_script), 1,
                                                  COUNT(push_script), PARAM_PUSH_SCRIPTS };
#define PUSH_SCHEDULE(n)                                                                       \
    {                                                                                          \
        { 0, 0, 10, 0, 108, 255 }, (n) + 1, n, push_get_time, push_set_time                    \
    }
static const struct schedule push_schedule[] = { PUSH_SCHEDULE(0), PUSH_SCHEDULE(1),
                                                 PUSH_SCHEDULE(2), PUSH_SCHEDULE(3) };

static const struct setting_row gasp[] = {
    { PARAM_GASP_ENABLED, AXDR_BOOL },
    { PARAM_GASP_DELAY_S, AXDR_U8 },
    { PARAM_GASP_COUNT, AXDR_U8 },
};

static const struct cosem_row rows[] = {
    ROW(0, 0, 20, 0, 0, 2, ACL_LINE, class_local_port, SHOWN(0, 0)),
    OBJECT(0, 0, 22, 0, 0, ACL_CONFIG, class_hdlc, LINK_OPTICAL),
    OBJECT(0, 1, 22, 0, 0, ACL_CONFIG, class_hdlc, LINK_RS485),
    OBJECT(0, 2, 22, 0, 0, ACL_CONFIG, class_hdlc, LINK_WAN),
    OBJECT(0, 0, 25, 0, 0, ACL_SERVICE, class_tcp, 1),  /* on 0-0:25.1.0 */
    OBJECT(0, 0, 25, 1, 0, ACL_SERVICE, class_ipv4, 2), /* on 0-0:25.2.0 */
    OBJECT(0, 0, 25, 2, 0, ACL_SERVICE, class_mac, 0),
    OBJECT(0, 0, 25, 7, 0, ACL_SERVICE, class_ipv6, 2),
    OBJECT(0, 0, 44, 1, 0, ACL_ARBITRATOR, class_function, 0),
    ROW(0, 0, 44, 2, 0, 3, ACL_PORT, class_port_guard, SHOWN(0, 0)),
    OBJECT(0, 0, 25, 9, 0, ACL_ARBITRATOR, class_push, PUSH_CONNECTIVITY),
    OBJECT(0, 1, 25, 9, 0, ACL_ARBITRATOR, class_push, PUSH_INTERVAL_1),
    OBJECT(0, 2, 25, 9, 0, ACL_ARBITRATOR, class_push, PUSH_INTERVAL_2),
    OBJECT(0, 3, 25, 9, 0, ACL_ARBITRATOR, class_push, PUSH_INTERVAL_3),
    OBJECT(0, 4, 25, 9, 0, ACL_ARBITRATOR, class_push, PUSH_ALARM),
    OBJECT(0, 5, 25, 9, 0, ACL_ARBITRATOR, class_push, PUSH_POWER_DOWN),
    OBJECT(0, 6, 25, 9, 0, ACL_ARBITRATOR, class_push, PUSH_CONSUMER),
    OBJECT(0, 7, 25, 9, 0, ACL_ARBITRATOR, class_push, PUSH_INSTALLATION),
    ROW(0, 0, 10, 0, 108, 1, ACL_ARBITRATOR, class_script_table, .ext = &push_scripts),
    ROW(0, 0, 15, 0, 4, 1, ACL_SERVICE, class_schedule, .ext = &push_schedule[0]),
    ROW(0, 1, 15, 0, 4, 1, ACL_SERVICE, class_schedule, .ext = &push_schedule[1]),
    ROW(0, 2, 15, 0, 4, 1, ACL_SERVICE, class_schedule, .ext = &push_schedule[2]),
    ROW(0, 3, 15, 0, 4, 1, ACL_SERVICE, class_schedule, .ext = &push_schedule[3]),
    OBJECT(0, 0, 96, 64, 2, ACL_SERVICE, class_installation, 0),
    SETTINGS(96, 64, 3, ACL_SERVICE, gasp, 0),
};
const struct cosem_group objects_port = { rows, COUNT(rows) };
