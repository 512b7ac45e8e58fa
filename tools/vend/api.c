#include "tools/vend/api.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "tools/common/json.h"
#include "tools/vend/operator.h"

#define BEARER "Bearer "

size_t api_body_max(const char *path)
{
    return strcmp(path, "/api/import") == 0 ? API_IMPORT_MAX : API_BODY_MAX;
}

/* Takes the object. */
static void answer(struct api_answer *a, int status, json_t *out)
{
    a->status = status;
    a->type = "application/json";
    a->text = json_dumps(out, JSON_COMPACT);
    a->size = a->text ? strlen(a->text) : 0;
    json_decref(out);
}

static void refuse(struct api_answer *a, int status, const char *why)
{
    answer(a, status, json_error_new(why));
}

static const char *bearer(const struct api_request *r)
{
    bool is_bearer =
        r->authorization && strncmp(r->authorization, BEARER, sizeof BEARER - 1) == 0;
    return is_bearer ? r->authorization + sizeof BEARER - 1 : "";
}

/* A wrong password and an unknown name get the same answer, after the same work. */
static void login(struct api *api, const struct api_request *r, const json_t *in,
                  struct api_answer *a)
{
    const char *name = json_string_value(json_object_get(in, "operator"));
    const char *password = json_string_value(json_object_get(in, "password"));
    struct caller who;
    char token[SESSION_TEXT];
    if (name == NULL || password == NULL) {
        refuse(a, STATION_BAD, "operator and password are needed");
        return;
    }
    int64_t wait = login_wait(&api->sessions, name, r->now_s);
    if (wait) {
        answer(a, STATION_SLOW,
               json_pack("{s:s, s:I}", "error", "too many wrong passwords; wait", "wait_s",
                         (json_int_t)wait));
        return;
    }
    bool is_right = station_login(api->station, &who, name, password) == 0;
    login_note(&api->sessions, name, is_right, r->now_s);
    if (!is_right)
        refuse(a, STATION_STRANGER, "operator or password is wrong");
    else if (!login_open(&api->sessions, token, &who, r->now_s))
        refuse(a, STATION_BROKEN, "no random numbers");
    else
        answer(a, STATION_OK,
               json_pack("{s:s, s:s, s:s, s:i}", "token", token, "operator", who.name, "role",
                         operator_role_name(who.role), "idle_s", SESSION_IDLE_S));
}

/* The CSV of an export by GET goes out as it is, to be saved. */
static void answer_csv(struct api_answer *a, const json_t *out)
{
    const json_t *csv = json_object_get(out, "csv");
    a->status = STATION_OK;
    a->type = "text/csv; charset=utf-8";
    a->size = json_string_length(csv);
    a->text = malloc(a->size + 1);
    if (a->text) memcpy(a->text, json_string_value(csv), a->size + 1);
}

static void operate(struct api *api, const struct api_request *r, const json_t *in,
                    const char *op, struct api_answer *a)
{
    int status;
    const struct caller *who = login_find(&api->sessions, bearer(r), r->now_s);
    if (who == NULL) {
        refuse(a, STATION_STRANGER, "log in first: POST /api/login");
        return;
    }
    if (strcmp(op, "logout") == 0) {
        login_close(&api->sessions, bearer(r), r->now_s);
        answer(a, STATION_OK, json_object());
        return;
    }
    if (!r->is_post && !station_is_reading(op)) {
        refuse(a, 405, "this is asked for by POST");
        return;
    }
    json_t *out = station_do(api->station, who, op, in, &status);
    if (!r->is_post && status == STATION_OK && strcmp(op, "export") == 0) {
        answer_csv(a, out);
        json_decref(out);
    } else {
        answer(a, status, out);
    }
}

void api_do(struct api *api, const struct api_request *r, struct api_answer *a)
{
    json_error_t error;
    *a = (struct api_answer){ .status = STATION_BROKEN };
    if (strncmp(r->path, "/api/", 5) != 0) {
        refuse(a, STATION_UNKNOWN, "there is nothing here");
        return;
    }
    const char *op = r->path + 5;
    json_t *in = r->is_post ? json_loadb(r->size ? r->body : "{}", r->size ? r->size : 2,
                                         JSON_REJECT_DUPLICATES, &error)
                            : json_incref((json_t *)(uintptr_t)r->query);
    if (!json_is_object(in))
        refuse(a, STATION_BAD, "the body must be a JSON object");
    else if (r->is_post && strcmp(op, "login") == 0)
        login(api, r, in, a);
    else
        operate(api, r, in, op, a);
    json_decref(in);
}
