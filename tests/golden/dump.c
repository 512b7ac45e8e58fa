/* dump.c - the access matrix as the object table gives it: one line a client, object and
 * attribute or method.
 *
 *     role class version obis a<id> rw      role class version obis m<id> x
 */
#include <stdio.h>

#include "model/classes.h"

static const char *const role_name[ROLES] = {
    "public",   "reader",    "operator", "supervisor", "management", "utility",
    "firmware", "broadcast", "push",     "ciu",        "factory",
};

static void print_head(unsigned role, const struct cosem_at *at)
{
    struct obis ln = cosem_ln(at);
    printf("%s %u %u %u-%u:%u.%u.%u.%u ", role_name[role], at->cls->id, at->cls->version, ln.a,
           ln.b, ln.c, ln.d, ln.e, ln.f);
}

static void print_object(unsigned role, struct cosem_at *at)
{
    for (at->id = 1; at->id <= cosem_attrs(at->cls); at->id++) {
        unsigned rights = cosem_rights(&device_model, at);
        print_head(role, at);
        printf("a%u %s%s%s\n", at->id, rights & CAN_READ ? "r" : "",
               rights & CAN_WRITE ? "w" : "", rights ? "" : "-");
    }
    for (at->id = 1; at->id <= at->cls->n_method; at->id++) {
        if (!cosem_method(at)) continue;
        bool may = cosem_may_call(&device_model, at);
        print_head(role, at);
        printf("m%u %s\n", at->id, may ? "x" : "-");
    }
}

int main(void)
{
    for (unsigned role = 0; role < ROLES; role++) {
        struct who who = { .assoc = (uint8_t)role };
        struct cosem_at at = { .who = &who };
        for (uint32_t i = 0; cosem_nth(&device_model, i, &at); i++) print_object(role, &at);
    }
    return 0;
}
