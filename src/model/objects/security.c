/* security.c - associations, the security setup, invocation counters; and the client table. */
#include "dlms/xdlms.h"
#include "model/objects/objects.h"

/* bind.id of an association row is the role it describes; ROLES: the one in use */
static const struct cosem_row rows[] = {
    OBJECT(0, 0, 40, 0, 0, ACL_CURRENT, class_association, ROLES),
    OBJECT(0, 0, 40, 0, 1, ACL_ASSOC_OPEN, class_association, ROLE_PUBLIC),
    OBJECT(0, 0, 40, 0, 2, ACL_ASSOC_1, class_association, ROLE_READER),
    OBJECT(0, 0, 40, 0, 3, ACL_ASSOC_2, class_association, ROLE_OPERATOR),
    OBJECT(0, 0, 40, 0, 4, ACL_ASSOC_3, class_association, ROLE_SUPERVISOR),
    OBJECT(0, 0, 40, 0, 5, ACL_ASSOC_MGMT, class_association, ROLE_MANAGEMENT),
    OBJECT(0, 0, 40, 0, 6, ACL_ASSOC_OWN_2, class_association, ROLE_UTILITY),
    OBJECT(0, 0, 40, 0, 7, ACL_ASSOC_OWN_3, class_association, ROLE_FIRMWARE),
    OBJECT(0, 0, 40, 0, 8, ACL_ASSOC_SILENT, class_association, ROLE_BROADCAST),
    OBJECT(0, 0, 40, 0, 9, ACL_ASSOC_SILENT, class_association, ROLE_PUSH),
    OBJECT(0, 0, 40, 0, 10, ACL_ASSOC_UNIT, class_association, ROLE_CIU),
    OBJECT(0, 0, 40, 0, 11, ACL_ASSOC_FACTORY, class_association, ROLE_FACTORY),
    OBJECT(0, 0, 41, 0, 0, ACL_OPEN, class_sap, 0),
    OBJECT(0, 0, 43, 0, 0, ACL_SECURITY, class_security, 0),
    ROW(0, 0, 43, 1, 0, 6, ACL_OPEN, class_counter, SHOWN(0, 0)),
};
const struct cosem_group objects_security = { rows, COUNT(rows) };

/* Services of ours, as the server's conformance bits. */
#define SERVICES                                                                               \
    (XDLMS_C_GET | XDLMS_C_SET | XDLMS_C_ACTION | XDLMS_C_BLOCK_GET | XDLMS_C_BLOCK_SET |      \
     XDLMS_C_BLOCK_ACTION | XDLMS_C_MULTIPLE | XDLMS_C_SELECTIVE | XDLMS_C_GBT |               \
     XDLMS_C_ACCESS)
#define SECURED                                                                                \
    (SERVICES | XDLMS_C_GENERAL_PROTECTION | XDLMS_C_DATA_NOTIFICATION |                       \
     XDLMS_C_EVENT_NOTIFICATION)
#define LEVEL                                                                                  \
    (1u << 1 | 1u << 3 | 1u << 4 | 1u << 6) /* all but 1 where device_cfg.hls has it */
#define GMAC (1u << 5)
#define ECDSA (1u << 7) /* in suite 1 */

const struct dlms_assoc device_assoc[ROLES] = {
    [ROLE_PUBLIC] = { 16, 1u << 0, ASSOC_PLAIN, SERVICES, 0 },
    [ROLE_READER] = { 32, LEVEL, ASSOC_PLAIN, SERVICES, 0 },
    [ROLE_OPERATOR] = { 33, LEVEL, ASSOC_PLAIN, SERVICES, 0 },
    [ROLE_SUPERVISOR] = { 34, LEVEL, ASSOC_PLAIN, SERVICES, 0 },
    [ROLE_MANAGEMENT] = { 1, GMAC | ECDSA, ASSOC_CIPHERED, SECURED, 0 },
    [ROLE_UTILITY] = { 2, GMAC, ASSOC_CIPHERED, SECURED, 0 },
    [ROLE_FIRMWARE] = { 80, GMAC, ASSOC_CIPHERED, SECURED, 0 },
    [ROLE_BROADCAST] = { 102, 0, ASSOC_CIPHERED | ASSOC_PRE_ESTABLISHED | ASSOC_BROADCAST,
                         SECURED, 1024 },
    [ROLE_PUSH] = { 64, 0, ASSOC_CIPHERED | ASSOC_PRE_ESTABLISHED | ASSOC_PUSH, SECURED, 1024 },
    [ROLE_CIU] = { DEVICE_UNIT_SAP, 0, ASSOC_PLAIN | ASSOC_PRE_ESTABLISHED,
                   SERVICES & ~XDLMS_C_GBT, CIU_PAYLOAD },
    [ROLE_FACTORY] = { 112, GMAC, ASSOC_CIPHERED, SECURED, 0 },
};
