/* prepay.c - the tariff scheme, accounts, their credits, token gateways, what the STS key says.
 */
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
    OBJECT(0, 0, 96, 60, 0, ACL_STS, &class_scheme, SCHEME_ACTIVE),
    OBJECT(0, 0, 96, 60, 1, ACL_POINT, &class_scheme_passive, SCHEME_PASSIVE),
    OBJECT(0, 0, 96, 60, 2, ACL_POINT, &class_scheme_time, 0),
    ROW(0, 0, 96, 60, 3, 6, ACL_STS, &class_scheme_part, SHOWN(0, 0)),
    OBJECT(0, 0, 96, 60, 10, ACL_STS, &class_expense, 10),
    OBJECT(0, 0, 96, 60, 11, ACL_STS, &class_expense, 11),
    OBJECT(0, 0, 96, 60, 12, ACL_STS, &class_expense, 12),
    ROW(0, 0, 96, 60, 20, 7, ACL_STS, &class_month, SHOWN(0, 0)),
    OBJECT(0, 0, 96, 60, 30, ACL_STS, &class_expense, 30),
    OBJECT(0, 0, 96, 60, 31, ACL_STS, &class_expense, 31),
    OBJECT(0, 0, 96, 61, 5, ACL_CUSTOMER, &class_wallet_sum, WALLETS),
    OBJECT(0, 0, 96, 61, 8, ACL_CUSTOMER, &class_wallet_sum, 0),
    OBJECT(0, 0, 96, 61, 9, ACL_CUSTOMER, &class_wallet_sum, 1),
};
const struct cosem_group objects_prepay = { rows, COUNT(rows) };
