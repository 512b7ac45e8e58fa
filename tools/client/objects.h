/* objects.h - the object list of an association: what there is, and what may be done with it.
 *
 * Context  host programs.
 */
#ifndef TOOLS_CLIENT_OBJECTS_H
#define TOOLS_CLIENT_OBJECTS_H
#include <jansson.h>

#include "tools/client/session.h"

enum { OBJECTS_ATTRS_MAX = 64, ACCESS_READ = 1, ACCESS_WRITE = 2, ACCESS_CALL = 1 };

struct object_entry {
    uint16_t class_id;
    uint8_t version;
    struct obis ln;
    uint8_t n_attrs, n_methods;
    struct {
        int8_t id;
        uint8_t mode; /* as it came */
    } attr[OBJECTS_ATTRS_MAX], method[OBJECTS_ATTRS_MAX];
};

struct objects {
    size_t n;
    struct object_entry *entry;
    uint8_t association_version; /* of class 15, which says what the modes mean */
};

/* Read 0-0:40.0.0 attribute 2. As session_get(). On success objects_free(). */
int objects_read(struct objects *o, struct session *s, struct trouble *t);

/* The same from its encoded value: 0 or E_FORMAT. */
int objects_parse(struct objects *o, struct axdr_in in, struct trouble *t);
void objects_free(struct objects *o);

/* First object with that name (and class, when not 0); NULL. */
const struct object_entry *objects_find(const struct objects *o, struct obis ln,
                                        uint16_t class_id);

/* ACCESS_ bits of a mode, whatever version of class 15 the meter has. */
unsigned objects_may(const struct objects *o, uint8_t mode);

/* {"object":,"class":,"version":,"attributes":[...],"methods":[...]} */
json_t *objects_json(const struct objects *o, const struct object_entry *e);

/* "R1-3 W2 X1": what may be read, written, called. */
void objects_rights(struct buf *line, const struct objects *o, const struct object_entry *e);

#endif
