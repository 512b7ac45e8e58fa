/* prepay.c - the tariff scheme, accounts, their credits, token gateways, what the STS key says.
 */
#include "model/objects/objects.h"

/* Days of the friendly calendar call scripts 1 on, 2 off. */
static const struct calendar_view friendly = { { 0, 0, 10, 1, 100, 255 }, CALENDAR_FRIENDLY };
static const struct script script[] = {
    { 1, 1, { 0, 0, 96, 61, 2 }, 2, "1", CMD_FRIENDLY, 1 },
    { 1, 1, { 0, 0, 96, 61, 2 }, 2, "2", CMD_FRIENDLY, 2 },
};
static const struct script_table scripts = { script, COUNT(script), 1, COUNT(script),
                                             PARAM_FRIENDLY_SCRIPTS };
static const struct setting_row policy[] = {
    { PARAM_FRIENDLY_ENABLE, AXDR_BOOL },   { PARAM_FRIENDLY_DAYS, AXDR_U8 },
    { PARAM_FRIENDLY_CALENDAR, AXDR_BOOL }, { PARAM_FRIENDLY_RECONNECT, AXDR_BOOL },
    { PARAM_FRIENDLY_DEBT, AXDR_I32 },      { PARAM_FRIENDLY_GRACE_S, AXDR_U16 },
};

/* The payment mode by date: what is past comes at once. */
static const struct setting_row mode[] = {
    { PARAM_MODE_NEXT, AXDR_ENUM },
    { PARAM_MODE_AT_S, AXDR_DATETIME },
    { PARAM_MODE_CARRY, AXDR_BOOL },
    { PARAM_MODE_DEBT, AXDR_BOOL },
};
/* Emergency credit of each wallet: {amount, offered at, by itself, uses a month} */
static const struct setting_row emergency[] = {
    { PARAM_EMERGENCY_1, AXDR_I32 },
    { PARAM_EMERGENCY_1_BELOW, AXDR_I32 },
    { PARAM_EMERGENCY_1_AUTO, AXDR_BOOL },
    { PARAM_EMERGENCY_1_USES, AXDR_U8 },
};

static const struct setting_row vtc[] = {
    { PARAM_VTC_ENABLED, AXDR_BOOL },
    { PARAM_VTC_BAUD, AXDR_ENUM },
    { PARAM_VTC_PHYSICAL, AXDR_ENUM },
};

static const struct setting_row unit_link[] = {
    { PARAM_UNIT_RADIO, AXDR_ENUM },
    { PARAM_UNIT_POLL_S, AXDR_U16 },
    { PARAM_UNIT_POWER_DBM, AXDR_I8 },
};
static const struct setting_row unit_air[] = {
    { PARAM_UNIT_CHANNEL, AXDR_U8 },
    { PARAM_UNIT_PAN, AXDR_U16 },
};
static const struct setting_row unit_keypad[] = {
    { PARAM_UNIT_KEYPAD, AXDR_BOOL },
    { PARAM_UNIT_LANGUAGES, AXDR_U16 },
};

static const struct setting_row locks[] = {
    { PARAM_LOCK_WRONG, AXDR_U8 },
    { PARAM_LOCK_FIRST_S, AXDR_U32 },
    { PARAM_LOCK_LONGEST_S, AXDR_U32 },
};

/* Credit e and more of a wallet; values worked out when asked. */
#define CREDIT(d, e, n, acl, w)                                                                \
    ROW(0, 0, 19, d, e, n, acl, class_credit, { .id = (w), .arg = (e) })
#define VALUE(d, e, acl, what, t, n)                                                           \
    ROW(0, 0, 96, d, e, 1, acl, class_made, { .id = (what), .tag = (t), .arg = (n) })
static const struct profile_view tokens = { &profile_tokens, TOKENS_ALL };
static const struct profile_view credits = { &profile_tokens, TOKENS_CREDIT };
static const struct profile_view charges = { &profile_tokens, TOKENS_CHARGES };

static const struct cosem_row rows[] = {
    OBJECT(0, 0, 19, 0, 0, ACL_ACCOUNT, class_account, 0),
    OBJECT(0, 0, 19, 1, 0, ACL_ACCOUNT, class_account, 1),
    CREDIT(10, 0, 1, ACL_ACCOUNT, 0),
    CREDIT(10, 1, 1, ACL_EMERGENCY, 0),
    CREDIT(10, 2, 3, ACL_ACCOUNT, 0),
    CREDIT(11, 0, 1, ACL_ACCOUNT, 1),
    CREDIT(11, 1, 1, ACL_EMERGENCY, 1),
    CREDIT(11, 2, 3, ACL_ACCOUNT, 1),
    ROW(0, 0, 19, 20, 0, 20, ACL_CHARGE, class_charge, SHOWN(0, 0)),
    ROW(0, 0, 19, 21, 0, 20, ACL_CHARGE, class_charge, SHOWN(1, 0)),
    OBJECT(0, 0, 19, 40, 0, ACL_GATEWAY, class_gateway, 0),
    OBJECT(0, 0, 19, 41, 0, ACL_GATEWAY, class_gateway, 1),
    SETTING(0, 19, 50, 1, ACL_CONFIG, PARAM_CREDIT_MAX_1, AXDR_I32, UNIT_NONE, 0),
    SETTING(0, 19, 51, 1, ACL_CONFIG, PARAM_CREDIT_MAX_2, AXDR_I32, UNIT_NONE, 0),
    SETTING(0, 19, 50, 2, ACL_CONFIG, PARAM_VEND_MAX_1, AXDR_I32, UNIT_NONE, 0),
    SETTING(0, 19, 51, 2, ACL_CONFIG, PARAM_VEND_MAX_2, AXDR_I32, UNIT_NONE, 0),
    ROW(0, 0, 13, 0, 2, 1, ACL_FRIENDLY, class_calendar, .ext = &friendly),
    ROW(0, 0, 11, 0, 1, 1, ACL_CONFIG, class_special_days, .ext = &friendly),
    ROW(0, 0, 10, 1, 100, 1, ACL_SCRIPT, class_script_table, .ext = &scripts),
    OBJECT(0, 0, 96, 61, 0, ACL_CONFIG, class_levels, 0),
    SETTINGS(96, 61, 1, ACL_CONFIG, policy, 0),
    VALUE(61, 2, ACL_CUSTOMER, MADE_FRIENDLY, AXDR_BOOL, 0),
    SETTINGS(96, 61, 3, ACL_CONFIG, mode, 0),
    SETTINGS(96, 61, 6, ACL_CONFIG, emergency, WALLETS),
    VALUE(61, 7, ACL_CUSTOMER, MADE_DAYS_LEFT, AXDR_U16, 0),
    VALUE(61, 10, ACL_CUSTOMER, MADE_CREDIT_USED, AXDR_I64, BILLING_MONTHLY),
    VALUE(61, 11, ACL_CUSTOMER, MADE_DEBT, AXDR_I64, 0),
    VALUE(60, 32, ACL_STS, MADE_DUE, AXDR_I64, 0),
    OBJECT(0, 0, 19, 60, 0, ACL_STS, class_sts, 0),
    PARAM(0, 96, 60, 14, ACL_POINT, PARAM_SCHEME_PRO_RATA, AXDR_BOOL),
    PARAM(0, 96, 61, 4, ACL_CONFIG, PARAM_WALLET_ARRANGEMENT, AXDR_ENUM),
    SETTINGS(96, 61, 12, ACL_CONFIG, locks, 0),
    OBJECT(0, 0, 96, 61, 13, ACL_SERVICE, class_window, 0),
    PARAM(0, 96, 61, 14, ACL_SERVICE, PARAM_TOKEN_FUNCTIONS, AXDR_U16),
    OBJECT(0, 0, 96, 60, 0, ACL_STS, class_scheme, SCHEME_ACTIVE),
    OBJECT(0, 0, 96, 60, 1, ACL_POINT, class_scheme_passive, SCHEME_PASSIVE),
    PARAM(0, 96, 60, 2, ACL_POINT, PARAM_SCHEME_AT_S, AXDR_DATETIME),
    ROW(0, 0, 96, 60, 3, 6, ACL_STS, class_scheme_part, SHOWN(0, 0)),
    SETTING(0, 96, 60, 9, ACL_POINT, PARAM_CONTRACT_W, AXDR_U32, UNIT_W, 0),
    OBJECT(0, 0, 96, 60, 10, ACL_STS, class_expense, 10),
    OBJECT(0, 0, 96, 60, 11, ACL_STS, class_expense, 11),
    OBJECT(0, 0, 96, 60, 12, ACL_STS, class_expense, 12),
    OBJECT(0, 0, 96, 60, 13, ACL_STS, class_expense, 13),
    ROW(0, 0, 96, 60, 20, 7, ACL_STS, class_month, SHOWN(0, 0)),
    OBJECT(0, 0, 96, 60, 30, ACL_STS, class_expense, 30),
    OBJECT(0, 0, 96, 60, 31, ACL_STS, class_expense, 31),
    OBJECT(0, 0, 96, 60, 33, ACL_STS, class_expense, 33),
    OBJECT(0, 0, 96, 62, 0, ACL_CONFIG, class_units, 0),
    SETTINGS(96, 62, 1, ACL_CONFIG, unit_link, 0),
    SETTINGS(96, 62, 2, ACL_CONFIG, unit_air, 0),
    OBJECT(0, 0, 96, 62, 4, ACL_CONFIG, class_unit_codes, 0),
    OBJECT(0, 0, 96, 62, 5, ACL_METER, class_unit_past, 0),
    SETTINGS(96, 62, 6, ACL_CONFIG, unit_keypad, 0),
    PARAM_BITS(62, 7, ACL_CONFIG, PARAM_KEYPAD, 4),
    OBJECT(0, 0, 96, 64, 1, ACL_SERVICE, class_sms, 0),
    SETTINGS(96, 64, 4, ACL_SERVICE, vtc, 0),
    PARAM(0, 96, 64, 5, ACL_SERVICE, PARAM_RS485_ROLE, AXDR_ENUM),
    OBJECT(0, 0, 96, 64, 6, ACL_SERVICE, class_sms_pin, 0),
    PROFILE(0, 99, 14, 0, ACL_LOG, class_log, &charges),
    PROFILE(0, 99, 15, 0, ACL_LOG, class_log, &credits),
    PROFILE(0, 99, 17, 0, ACL_LOG, class_log, &tokens),
    OBJECT(0, 0, 96, 50, 47, ACL_METER, class_field, COLUMN_TOKEN_WALLET),
    OBJECT(0, 0, 96, 50, 48, ACL_METER, class_field, COLUMN_TOKEN_TID),
    OBJECT(0, 0, 96, 50, 49, ACL_METER, class_field, COLUMN_TOKEN_AMOUNT),
    OBJECT(0, 0, 96, 50, 51, ACL_METER, class_field, COLUMN_TOKEN_KIND),
    OBJECT(0, 0, 96, 61, 5, ACL_CUSTOMER, class_wallet_sum, WALLETS),
    OBJECT(0, 0, 96, 61, 8, ACL_CUSTOMER, class_wallet_sum, 0),
    OBJECT(0, 0, 96, 61, 9, ACL_CUSTOMER, class_wallet_sum, 1),
};
const struct cosem_group objects_prepay = { rows, COUNT(rows) };
