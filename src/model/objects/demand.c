/* demand.c - mean power, its maxima and their sum; what was used since billing and midnight. */
#include "model/objects/objects.h"

/* A demand is three families: the running one, the sum of maxima at resets, the maxima. */
#define DEMAND(c, kind)                                                                        \
    ROW(1, 0, c, 4, 0, 1, ACL_DEMAND, class_demand, SHOWN(REG_D_##kind, AXDR_U32)),            \
        REGISTER(c, 2, 0, 1, ACL_METER, REG_CD_##kind, AXDR_U32),                              \
        EXTENDED(c, 6, 0, FAMILY, ACL_CUSTOMER, REG_MD_##kind, AXDR_U32)
#define SINCE(c, n, kind, tag)                                                                 \
    REGISTER(c, 9, 0, n, ACL_CUSTOMER, REG_BILLING_##kind, tag),                               \
        REGISTER(c, 30, 0, 1, ACL_CUSTOMER, REG_DAY_##kind, tag)

static const struct cosem_row rows[] = {
    DEMAND(1, P_IMPORT),
    DEMAND(2, P_EXPORT),
    DEMAND(15, P_ABS),
    DEMAND(3, Q_IMPORT),
    DEMAND(4, Q_EXPORT),
    DEMAND(9, S_IMPORT),
    SETTING(1, 0, 8, 0, ACL_CONFIG, PARAM_DEMAND_PERIOD_S, AXDR_U16, UNIT_S, 0),
    SINCE(1, FAMILY, WH_IMPORT, AXDR_U32),
    SINCE(2, FAMILY, WH_EXPORT, AXDR_U32),
    SINCE(15, 1, WH_ABS, AXDR_U32),
    SINCE(16, 1, WH_NET, AXDR_I32),
    SINCE(3, 1, VARH_IMPORT, AXDR_U32),
    SINCE(4, 1, VARH_EXPORT, AXDR_U32),
    SINCE(9, 1, VAH_IMPORT, AXDR_U32),
    SINCE(10, 1, VAH_EXPORT, AXDR_U32),
};
const struct cosem_group objects_demand = { rows, COUNT(rows) };
