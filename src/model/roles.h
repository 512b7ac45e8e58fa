/* roles.h - the eleven clients of the product: row of the association table, bit of every mask.
 *
 * Source: the association table of docs/access.txt, which is generated from these rows.
 * Context  any; constants only.
 */
#ifndef MODEL_ROLES_H
#define MODEL_ROLES_H
#include "dlms/server.h"

enum role {
    ROLE_PUBLIC,     /* 16: no authentication; names, versions, clock, counters */
    ROLE_READER,     /* 32: LLS password 1 */
    ROLE_OPERATOR,   /* 33: LLS password 2 */
    ROLE_SUPERVISOR, /* 34: LLS password 3 */
    ROLE_MANAGEMENT, /* 1: HLS, everything */
    ROLE_UTILITY,    /* 2: HLS, reads what the reader reads */
    ROLE_FIRMWARE,   /* 80: HLS, images only */
    ROLE_BROADCAST,  /* 102: pre-established, broadcast key */
    ROLE_PUSH,       /* 64: pre-established, the meter sends */
    ROLE_CIU,        /* 96: pre-established in frames under a key of the pair (courier.h) */
    ROLE_FACTORY,    /* 112: HLS, until the seal */
    ROLES
};

/* Rows of device_acl: who reads, writes and calls. Named after the widest thing they allow. */
enum acl {
    ACL_ALL,            /* every client reads */
    ACL_OPEN,           /* public and metering clients read */
    ACL_OPEN_CIU,       /* the CIU as well */
    ACL_DEVICE_ID,      /* ACL_OPEN_CIU, management writes */
    ACL_POINT,          /* metering and CIU read, supervisor writes */
    ACL_METER,          /* metering clients read */
    ACL_CUSTOMER,       /* metering and CIU read, push sends */
    ACL_CONFIG,         /* metering reads, supervisor writes */
    ACL_SEALED,         /* metering reads, management writes */
    ACL_LED,            /* metering and the factory read, management and the factory write */
    ACL_CLOCK,          /* class 8 */
    ACL_CALENDAR,       /* metering reads, supervisor W6..10 and activates, as does broadcast */
    ACL_FRIENDLY,       /* the same without broadcast */
    ACL_SPECIAL_DAYS,   /* metering reads, supervisor all */
    ACL_SCRIPT,         /* metering reads, management writes and executes */
    ACL_SCRIPT_TABLE,   /* the same, supervisor writes */
    ACL_DEMAND,         /* metering reads, supervisor W8,W9 */
    ACL_BILLING_SCRIPT, /* operator executes, management reads */
    ACL_BILLING,        /* profiles of periods: supervisor W3,W4,X1; management X2 */
    ACL_SURVEY,         /* load profiles: the same and calls */
    ACL_LOG,            /* event logs: metering reads, management resets */
    ACL_ALARM,          /* metering reads, management writes */
    ACL_SERVICE,        /* supervisor reads, management writes */
    ACL_PORT,           /* supervisor reads, management writes and resets */
    ACL_LINE,           /* port setups: metering reads, supervisor W2..6, management W2..9 */
    ACL_CURRENT,        /* 0-0:40.0.0, the association in use */
    ACL_ASSOC_OPEN,     /* 40.0.1: public and metering clients */
    ACL_ASSOC_1,        /* 40.0.2: readers up, supervisor changes the secret */
    ACL_ASSOC_2,        /* 40.0.3 */
    ACL_ASSOC_3,        /* 40.0.4: supervisor reads, management changes the secret */
    ACL_ASSOC_MGMT,     /* 40.0.5 */
    ACL_ASSOC_OWN_2,    /* 40.0.6: utility's own */
    ACL_ASSOC_OWN_3,    /* 40.0.7: the firmware client's own */
    ACL_ASSOC_UNIT,     /* 40.0.10: the CIU's own */
    ACL_ASSOC_SILENT,   /* 40.0.8, 40.0.9: nobody calls there */
    ACL_ACCOUNT,        /* metering and CIU read, management writes and calls */
    ACL_CHARGE,         /* the same, supervisor W6,7 */
    ACL_EMERGENCY,      /* ACL_ACCOUNT, and the CIU invokes */
    ACL_GATEWAY,        /* metering reads, operator and CIU enter tokens */
    ACL_STS,            /* metering and CIU read */
    ACL_SECURITY,       /* 43.0.0 */
    ACL_RELAY,        /* class 70: operator closes, broadcast opens, management sets the mode */
    ACL_RELAY_SCRIPT, /* the same, broadcast executes too */
    ACL_COMPACT,      /* metering reads, supervisor writes, management calls */
    ACL_MADE,         /* metering reads, the factory writes */
    ACL_SEAL,         /* supervisor reads, management and the factory write */
    ACL_ASSOC_FACTORY, /* management and the factory read */
    ACL_ARBITRATOR,    /* supervisor reads, management writes and calls */
    ACLS
};

extern const struct cosem_acl device_acl[ACLS];
extern const struct dlms_assoc device_assoc[ROLES];
extern const uint8_t device_demand[ROLES];

#endif
