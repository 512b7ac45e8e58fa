/* show.h - results of reading, writing and calling, as lines for people or JSON.
 *
 * Context  host programs.
 */
#ifndef TOOLS_CLIENT_SHOW_H
#define TOOLS_CLIENT_SHOW_H
#include <jansson.h>

#include "tools/client/names.h"
#include "tools/client/value.h"

/* {"object":"1-0:1.8.0.255","class":3,"attr":2}; "method" in place of "attr" when it is one. */
json_t *show_target(const struct target *o, bool method);

/* "1-0:1.8.0.255  active import +A, energy" padded to a column, the name of the attribute or
 * method behind it where it is not the value. */
void show_label(const struct target *o, bool method);

/* A data-access-result or action-result: {..., "error":"read-write-denied"} or a line that
 * explains; 0 is {..., "result":"success"} and "done". */
void show_result(const struct target *o, bool method, int result, bool json);

struct scale {
    bool known;
    int scaler;
    uint8_t unit;
};

/* A value, with what its number means where that is known. */
void show_value(const struct target *o, bool method, struct axdr_in in, struct scale scale,
                bool json, bool typed);

#endif
