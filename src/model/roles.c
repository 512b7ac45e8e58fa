#include "model/roles.h"

#define R(role) (1u << ROLE_##role)
#define READERS (R(READER) | R(UTILITY))
#define OPERATORS (READERS | R(OPERATOR)) /* the levels nest */
#define METERED (OPERATORS | R(SUPERVISOR) | R(MANAGEMENT))
#define OPEN (METERED | R(PUBLIC))
#define ALL (OPEN | R(FIRMWARE) | R(CIU) | R(FACTORY))
#define SENIOR (R(SUPERVISOR) | R(MANAGEMENT))
#define HLS (R(MANAGEMENT) | R(UTILITY) | R(FIRMWARE) | R(CIU) | R(FACTORY))
#define LEVELS (R(READER) | R(OPERATOR) | R(SUPERVISOR))
#define END                                                                                    \
    {                                                                                          \
        .roles = 0                                                                             \
    }

static const struct cosem_limit only_clock[] = {
    { .roles = R(OPERATOR) | R(BROADCAST), .set = COSEM_ID(2), .act = COSEM_ID(6) },
    END,
};
static const struct cosem_limit only_rows[] = {
    { .roles = R(SUPERVISOR), .set = COSEM_IDS(3, 4), .act = COSEM_ID(1) },
    { .roles = R(MANAGEMENT), .set = COSEM_IDS(3, 4), .act = COSEM_IDS(1, 2) },
    END,
};
static const struct cosem_limit only_passive[] = {
    { .roles = SENIOR, .set = COSEM_IDS(6, 10), .act = COSEM_ID(1) },
    { .roles = R(BROADCAST), .act = COSEM_ID(1) },
    END,
};
static const struct cosem_limit only_period[] = {
    { .roles = SENIOR, .set = COSEM_IDS(8, 9) },
    END,
};
static const struct cosem_limit only_port[] = {
    { .roles = R(MANAGEMENT), .set = COSEM_IDS(2, 7), .act = COSEM_ID(1) },
    END,
};
static const struct cosem_limit only_line[] = {
    { .roles = METERED & ~R(MANAGEMENT), .get = COSEM_IDS(1, 6), .set = COSEM_IDS(2, 6) },
    { .roles = R(MANAGEMENT), .get = COSEM_IDS(1, 6), .set = COSEM_IDS(2, 9) },
    END,
};
static const struct cosem_limit only_current[] = {
    { .roles = R(PUBLIC), .get = COSEM_IDS(1, 6) | COSEM_ID(8) },
    { .roles = HLS, .act = COSEM_ID(1) },
    END,
};
static const struct cosem_limit only_secret[] = {
    { .roles = R(PUBLIC), .get = COSEM_IDS(1, 6) | COSEM_ID(8) },
    { .roles = SENIOR, .set = COSEM_ID(7) },
    END,
};
static const struct cosem_limit only_reply[] = {
    { .roles = HLS, .act = COSEM_ID(1) },
    END,
};
static const struct cosem_limit only_title[] = {
    { .roles = R(PUBLIC) | OPERATORS, .get = COSEM_ID(3) | COSEM_ID(5) },
    { .roles = R(SUPERVISOR), .get = COSEM_IDS(2, 6) },
    { .roles = R(MANAGEMENT), .set = COSEM_ID(3), .act = COSEM_IDS(1, 8) },
    END,
};

static const struct cosem_limit only_relay[] = {
    { .roles = R(OPERATOR), .act = COSEM_ID(2) },
    { .roles = R(BROADCAST), .act = COSEM_ID(1) },
    { .roles = R(MANAGEMENT), .set = COSEM_ID(4), .act = COSEM_IDS(1, 2) },
    END,
};

static const struct cosem_limit only_unit_charge[] = {
    { .roles = R(SUPERVISOR), .set = COSEM_IDS(6, 7) },
    END,
};
static const struct cosem_limit only_invoke[] = {
    { .roles = R(CIU), .act = COSEM_ID(3) },
    END,
};

/* Oracle: the access columns of tests/data/object-model.csv, compared by tests/golden. */
const struct cosem_acl device_acl[ACLS] = {
    [ACL_ALL] = { .read = ALL },
    [ACL_OPEN] = { .read = OPEN },
    [ACL_OPEN_CIU] = { .read = OPEN | R(CIU) },
    [ACL_DEVICE_ID] = { .read = OPEN | R(CIU), .write = R(MANAGEMENT) },
    [ACL_POINT] = { .read = METERED | R(CIU), .write = SENIOR },
    [ACL_METER] = { .read = METERED },
    [ACL_CUSTOMER] = { .read = METERED | R(CIU) | R(PUSH) },
    [ACL_CONFIG] = { .read = METERED, .write = SENIOR },
    [ACL_SEALED] = { .read = METERED, .write = R(MANAGEMENT) },
    [ACL_LED] = { .read = METERED | R(FACTORY), .write = R(MANAGEMENT) | R(FACTORY) },
    [ACL_MADE] = { .read = METERED | R(FACTORY), .write = R(FACTORY) },
    [ACL_SEAL] = { .read = SENIOR | R(FACTORY), .write = R(MANAGEMENT) | R(FACTORY) },
    [ACL_CLOCK] = { .read = OPEN,
                    .write = R(OPERATOR) | SENIOR | R(BROADCAST),
                    .act = R(OPERATOR) | SENIOR,
                    .only = only_clock },
    [ACL_DEMAND] = { .read = METERED, .write = SENIOR, .only = only_period },
    [ACL_CALENDAR] = { .read = METERED,
                       .write = SENIOR,
                       .act = SENIOR | R(BROADCAST),
                       .only = only_passive },
    [ACL_FRIENDLY] = { .read = METERED, .write = SENIOR, .act = SENIOR, .only = only_passive },
    [ACL_SPECIAL_DAYS] = { .read = METERED, .write = SENIOR, .act = SENIOR },
    [ACL_SCRIPT] = { .read = METERED, .write = R(MANAGEMENT), .act = R(MANAGEMENT) },
    [ACL_SCRIPT_TABLE] = { .read = METERED, .write = SENIOR, .act = R(MANAGEMENT) },
    [ACL_BILLING_SCRIPT] = { .read = R(MANAGEMENT), .act = R(OPERATOR) | SENIOR },
    [ACL_BILLING] = { .read = METERED, .write = SENIOR, .act = SENIOR, .only = only_rows },
    [ACL_SURVEY] = { .read = METERED, .write = SENIOR, .act = SENIOR, .only = only_rows },
    [ACL_LOG] = { .read = METERED, .act = R(MANAGEMENT) },
    [ACL_ALARM] = { .read = METERED, .write = R(MANAGEMENT) },
    [ACL_SERVICE] = { .read = SENIOR, .write = R(MANAGEMENT) },
    [ACL_PORT] = { .read = SENIOR,
                   .write = R(MANAGEMENT),
                   .act = R(MANAGEMENT),
                   .only = only_port },
    [ACL_LINE] = { .read = METERED, .write = SENIOR, .only = only_line },
    [ACL_CURRENT] = { .read = ALL, .act = HLS, .only = only_current },
    [ACL_ASSOC_OPEN] = { .read = OPEN, .only = only_secret },
    [ACL_ASSOC_1] = { .read = METERED, .write = SENIOR, .only = only_secret },
    [ACL_ASSOC_2] = { .read = R(OPERATOR) | SENIOR, .write = SENIOR, .only = only_secret },
    [ACL_ASSOC_3] = { .read = SENIOR, .write = R(MANAGEMENT), .only = only_secret },
    [ACL_ASSOC_MGMT] = { .read = R(MANAGEMENT), .act = R(MANAGEMENT), .only = only_reply },
    [ACL_ASSOC_OWN_2] = { .read = R(MANAGEMENT) | R(UTILITY),
                          .act = R(UTILITY),
                          .only = only_reply },
    [ACL_ASSOC_OWN_3] = { .read = R(MANAGEMENT) | R(FIRMWARE),
                          .act = R(FIRMWARE),
                          .only = only_reply },
    [ACL_ASSOC_UNIT] = { .read = R(MANAGEMENT) | R(CIU), .act = R(CIU), .only = only_reply },
    [ACL_ASSOC_FACTORY] = { .read = R(MANAGEMENT) | R(FACTORY),
                            .act = R(FACTORY),
                            .only = only_reply },
    [ACL_ASSOC_SILENT] = { .read = R(MANAGEMENT), .only = only_secret },
    [ACL_RELAY] = { .read = METERED | R(CIU),
                    .write = R(MANAGEMENT),
                    .act = R(OPERATOR) | SENIOR | R(BROADCAST),
                    .only = only_relay },
    [ACL_RELAY_SCRIPT] = { .read = METERED,
                           .write = R(MANAGEMENT),
                           .act = R(MANAGEMENT) | R(BROADCAST) },
    [ACL_COMPACT] = { .read = METERED, .write = SENIOR, .act = R(MANAGEMENT) },
    [ACL_ARBITRATOR] = { .read = SENIOR, .write = R(MANAGEMENT), .act = R(MANAGEMENT) },
    [ACL_ACCOUNT] = { .read = METERED | R(CIU), .write = R(MANAGEMENT), .act = R(MANAGEMENT) },
    [ACL_CHARGE] = { .read = METERED | R(CIU),
                     .write = SENIOR,
                     .act = R(MANAGEMENT),
                     .only = only_unit_charge },
    [ACL_EMERGENCY] = { .read = METERED | R(CIU),
                        .write = R(MANAGEMENT),
                        .act = R(MANAGEMENT) | R(CIU),
                        .only = only_invoke },
    [ACL_GATEWAY] = { .read = METERED, .act = R(OPERATOR) | SENIOR | R(CIU) },
    [ACL_STS] = { .read = METERED | R(CIU) },
    [ACL_SECURITY] = { .read = OPEN,
                       .write = R(MANAGEMENT),
                       .act = R(MANAGEMENT),
                       .only = only_title },
};

/* Out of the box ciphered clients authenticate and encrypt both ways; the association policy
 * asks for it again, so a right can be given away only with the protection it needs. */
#define FULL (PROT_AUTH_REQ | PROT_CRYPT_REQ | PROT_AUTH_RES | PROT_CRYPT_RES)
const uint8_t device_demand[ROLES] = {
    [ROLE_MANAGEMENT] = FULL,      [ROLE_UTILITY] = FULL,
    [ROLE_FIRMWARE] = FULL,        [ROLE_BROADCAST] = FULL & PROT_REQ,
    [ROLE_PUSH] = FULL & PROT_RES, [ROLE_CIU] = FULL,
    [ROLE_FACTORY] = FULL,
};
