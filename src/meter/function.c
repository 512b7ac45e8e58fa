#include "meter/function.h"

#include "base/err.h"
#include "meter/change.h"
#include "meter/meter.h"

enum { NO_PORT = 0xFF };

/* The mode of payment is no parameter: it is part of the accounts. */
static const struct {
    uint16_t id;
    uint8_t off, port;
} of[FUNCTION_PREPAYMENT] = {
    [FUNCTION_OPTICAL] = { PARAM_GUARD_1_MODE, SECURE_PORT_LOCKED, LINK_OPTICAL },
    [FUNCTION_KEYPAD] = { PARAM_KEYPAD, 0, NO_PORT },
    [FUNCTION_VTC] = { PARAM_VTC_ENABLED, 0, NO_PORT },
    [FUNCTION_RS485] = { PARAM_GUARD_2_MODE, SECURE_PORT_LOCKED, LINK_RS485 },
    [FUNCTION_EXPORT] = { PARAM_REGISTRATION, REGISTRATION_IMPORT_ONLY, NO_PORT },
};

unsigned functions_get(const struct meter *m)
{
    unsigned on = (unsigned)!wallet_is_postpaid(m) << FUNCTION_PREPAYMENT;
    for (unsigned f = 0; f < FUNCTION_PREPAYMENT; f++)
        on |= (unsigned)(param_get(m, of[f].id) != of[f].off) << f;
    return on;
}

int functions_set(struct meter *m, const struct who *who, unsigned on)
{
    unsigned other = functions_get(m) ^ on;
    for (unsigned f = 0; f < FUNCTION_PREPAYMENT; f++)
        if (other >> f & 1 && of[f].port == who->link) return E_DENIED;
    if (!other) return 0;
    int err = change_begin(m);
    if (err < 0) return err;
    for (unsigned f = 0; f < FUNCTION_PREPAYMENT; f++)
        if (other >> f & 1)
            param_put_meant(m, who, of[f].id,
                            on >> f & 1 ? param_info_at(of[f].id)->def : of[f].off);
    if (other >> FUNCTION_PREPAYMENT & 1)
        credit_put_mode_as_set(m, who,
                               on >> FUNCTION_PREPAYMENT & 1 ? MODE_PREPAYMENT : MODE_POSTPAID);
    return change_commit(m);
}
