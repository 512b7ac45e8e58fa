/* prepay.c - accounts, their credits, token gateways, what the STS key says. */
#include "model/objects/objects.h"

static const struct param_unit credit_max_1 = { PARAM_CREDIT_MAX_1, AXDR_I32, UNIT_NONE, 0 };
static const struct param_unit credit_max_2 = { PARAM_CREDIT_MAX_2, AXDR_I32, UNIT_NONE, 0 };

static const struct cosem_row rows[] = {
    OBJECT(0, 0, 19, 0, 0, ACL_ACCOUNT, &class_account, 0),
    OBJECT(0, 0, 19, 1, 0, ACL_ACCOUNT, &class_account, 1),
    OBJECT(0, 0, 19, 10, 0, ACL_ACCOUNT, &class_credit, 0),
    OBJECT(0, 0, 19, 11, 0, ACL_ACCOUNT, &class_credit, 1),
    OBJECT(0, 0, 19, 40, 0, ACL_GATEWAY, &class_gateway, 0),
    OBJECT(0, 0, 19, 41, 0, ACL_GATEWAY, &class_gateway, 1),
    SETTING(0, 19, 50, 1, ACL_CONFIG, &credit_max_1),
    SETTING(0, 19, 51, 1, ACL_CONFIG, &credit_max_2),
    OBJECT(0, 0, 19, 60, 0, ACL_STS, &class_sts, 0),
    PARAM(0, 96, 61, 4, ACL_CONFIG, PARAM_WALLET_ARRANGEMENT, AXDR_ENUM),
    PARAM(0, 96, 61, 14, ACL_SERVICE, PARAM_TOKEN_FUNCTIONS, AXDR_U16),
    OBJECT(0, 0, 96, 61, 5, ACL_CUSTOMER, &class_wallet_sum, WALLETS),
    OBJECT(0, 0, 96, 61, 8, ACL_CUSTOMER, &class_wallet_sum, 0),
    OBJECT(0, 0, 96, 61, 9, ACL_CUSTOMER, &class_wallet_sum, 1),
};
const struct cosem_group objects_prepay = { rows, COUNT(rows) };
