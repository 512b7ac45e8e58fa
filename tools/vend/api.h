/* api.h - one HTTP request to the station and its answer, without sockets: what serve.c carries
 * and the fuzzer calls.
 *
 *   POST /api/login   {"operator": "...", "password": "..."} -> {"token": "...", "role": "..."}
 *   POST /api/logout
 *   POST /api/OP      fields as JSON; Authorization: Bearer TOKEN
 *   GET  /api/OP?name=value&...   operations that change nothing
 *   GET  /api/export?list=meters  text/csv
 *
 * Context  host programs, one thread.
 */
#ifndef TOOLS_VEND_API_H
#define TOOLS_VEND_API_H
#include <stddef.h>

#include "tools/vend/logins.h"
#include "tools/vend/station.h"

#define API_BODY_MAX 65536
#define API_IMPORT_MAX (16 << 20)

struct api {
    struct station *station;
    struct logins sessions;
};

struct api_request {
    bool is_post;
    const char *path;          /* "/api/sell" */
    const char *authorization; /* header, or NULL */
    const char *body;          /* of a POST */
    size_t size;
    const json_t *query; /* of a GET: names and texts */
    int64_t now_s;       /* monotonic */
};

struct api_answer {
    int status;
    const char *type;
    char *text; /* to be freed */
    size_t size;
};

/* How long may the body of a POST to this path be? */
size_t api_body_max(const char *path);

void api_do(struct api *api, const struct api_request *r, struct api_answer *a);

#endif
