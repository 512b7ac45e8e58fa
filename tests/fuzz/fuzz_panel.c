/* fuzz_panel.c - any command text: one of the orders inside its range, or a reason; any pair of
 * Host and Origin: a foreign one is never ours. */
#include <stdlib.h>
#include <string.h>

#include "tools/panel/command.h"
#include "tools/panel/origin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct panel_command *c)
{
    if (c->order >= PANEL_ORDERS || !memchr(c->text, 0, sizeof c->text)) abort();
    if (c->order == PANEL_DO_VOLTAGE && (c->number < 0 || c->number > 500000)) abort();
    if (c->order == PANEL_DO_SUPPLY && (c->number < 0 || c->number > 1)) abort();
    if (c->order == PANEL_DO_SPEED && c->number != PANEL_SPEED_MAX &&
        (c->number < 0 || c->number > 86400))
        abort();
    if (c->order == PANEL_DO_LOAD && !c->text[0]) abort();
}

static void check_origin(const uint8_t *data, size_t size)
{
    char host[256], origin[256];
    size_t n = size / 2 < 255 ? size / 2 : 255;
    memcpy(host, data, n);
    memcpy(origin, data + n, n);
    host[n] = origin[n] = 0;
    if (origin_is_host(host) &&
        strspn(host, "0123456789abcdefABCDEF.:[]localhostLOCALHOST") != strlen(host))
        abort();
    if (origin[0] && origin_is_ours(origin, host) && strlen(origin) != strlen(host) + 7)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct command_text t;
    if (command_parse(&t, (const char *)data, size) >= 0)
        check(&t.command);
    else if (!t.why[0] || !memchr(t.why, 0, sizeof t.why))
        abort();
    check_origin(data, size);
    return 0;
}
