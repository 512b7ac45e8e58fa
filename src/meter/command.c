#include "meter/command.h"

#include "base/err.h"
#include "meter/function.h"
#include "meter/meter.h"

#define COMMAND(id, min, max) { min, max },
static const struct {
    int8_t min, max;
} range[COMMANDS] = {
#include "meter/commands.def"
};
#undef COMMAND

#define COMMAND(id, min, max) #id,
static const char *const name[COMMANDS] = {
#include "meter/commands.def"
};
#undef COMMAND

const char *command_name_at(uint16_t command)
{
    return name[command];
}

bool command_takes(unsigned command, int32_t arg)
{
    return command < COMMANDS && arg >= range[command].min && arg <= range[command].max;
}

int command_do(struct meter *m, const struct who *who, uint16_t command, int32_t arg)
{
    if (!command_takes(command, arg)) return E_RANGE;
    switch ((enum command)command) {
    case CMD_BILLING_END:
        return billing_end(m, who, BILLING_REMOTE);
    case CMD_MAXIMA_RESET:
        return billing_reset_maxima(m, who);
    case CMD_PROFILE_RESET:
        return profile_reset(m, who, (unsigned)arg);
    case CMD_PROFILE_CAPTURE:
        return profile_capture(m, who, (unsigned)arg);
    case CMD_LOG_CLEAR:
        return event_clear(m, who, (enum event_log)arg);
    case CMD_ALARM_CLEAR:
        return alarm_clear(m, who, (unsigned)arg, 0);
    case CMD_ERROR_CLEAR:
        return alarm_clear_error(m, who, (unsigned)arg, 0);
    case CMD_TARIFF:
        return tou_order(m, who, (unsigned)arg);
    case CMD_CALENDAR:
        return calendar_activate(m, who, (enum calendar)arg);
    case CMD_BATTERY_REPLACED:
        return battery_replaced(m, who);
    case CMD_SUPPLY_DISCONNECT:
        return supply_order(m, who, (enum requester)arg, ACTION_DISCONNECT);
    case CMD_SUPPLY_RECONNECT:
        return supply_order(m, who, (enum requester)arg, ACTION_RECONNECT);
    case CMD_SUPPLY_READY:
        return supply_order(m, who, (enum requester)arg, ACTION_READY);
    case CMD_PAYMENT_MODE:
        return credit_set_mode(m, who, &(struct mode_change){ .mode = (uint8_t)arg });
    case CMD_EMERGENCY:
        return credit_take_emergency(m, who, (unsigned)arg);
    case CMD_SILENCE:
        return credit_silence(m, who);
    case CMD_FRIENDLY:
        return credit_order_friendly(m, who, (unsigned)arg);
    case CMD_PUSH:
        return push_order(m, (unsigned)arg);
    case CMD_DATA_CLEAR:
        return billing_clear(m, who);
    case CMD_GASP_TEST:
        return energy_gasp_test(m, who);
    case CMD_LIMIT_EMERGENCY:
        return limiter_begin_emergency(m, who, (unsigned)arg);
    case CMD_FUNCTION_OFF:
        return functions_set(m, who, functions_get(m) & ~(1u << arg));
    case CMD_FUNCTION_ON:
        return functions_set(m, who, functions_get(m) | 1u << arg);
    case CMD_PULSE_FUNCTION:
        return param_set(m, who, PARAM_PULSE_FUNCTION, arg);
    case COMMANDS:
        break;
    }
    return E_RANGE;
}
