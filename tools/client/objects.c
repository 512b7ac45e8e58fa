#include "tools/client/objects.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

static const struct target object_list = { 15, { 0, 0, 40, 0, 0, 255 }, 2 };

static struct obis read_name(struct axdr_in *in)
{
    uint8_t p[6];
    axdr_read_octets(in, p, sizeof p);
    return (struct obis){ p[0], p[1], p[2], p[3], p[4], p[5] };
}

/* {attribute_id, access_mode, selectors} or {method_id, access_mode}; modes are enums, and in
 * old versions booleans. */
static void read_rights(struct axdr_in *in, uint32_t fields, uint8_t *n, struct object_entry *e,
                        bool attrs)
{
    uint32_t count = axdr_read_head(in, AXDR_ARRAY);
    for (uint32_t i = 0; i < count && !in->bad; i++) {
        axdr_read_struct(in, fields);
        int8_t id = (int8_t)axdr_read_number(in, NULL);
        uint8_t mode = axdr_peek(in) == AXDR_BOOL ? axdr_read_bool(in)
                                                  : (uint8_t)axdr_read_number(in, NULL);
        if (fields == 3) axdr_read_value(in);
        if (*n == OBJECTS_ATTRS_MAX) continue;
        if (attrs)
            e->attr[*n].id = id, e->attr[*n].mode = mode;
        else
            e->method[*n].id = id, e->method[*n].mode = mode;
        ++*n;
    }
}

static void read_entry(struct axdr_in *in, struct object_entry *e)
{
    *e = (struct object_entry){ 0 };
    axdr_read_struct(in, 4);
    e->class_id = (uint16_t)axdr_read_number(in, NULL);
    e->version = (uint8_t)axdr_read_number(in, NULL);
    e->ln = read_name(in);
    if (axdr_peek(in) == AXDR_NULL) { /* a list without rights */
        axdr_read_value(in);
        return;
    }
    axdr_read_struct(in, 2);
    read_rights(in, 3, &e->n_attrs, e, true);
    read_rights(in, 2, &e->n_methods, e, false);
}

int objects_parse(struct objects *o, struct axdr_in in, struct trouble *t)
{
    *o = (struct objects){ .association_version = 3 };
    size_t n = axdr_read_head(&in, AXDR_ARRAY);
    o->entry = must_alloc((n + 1) * sizeof *o->entry);
    for (; o->n < n && !in.bad; o->n++) read_entry(&in, &o->entry[o->n]);
    if (!axdr_is_done(&in)) {
        objects_free(o);
        return trouble(t, E_FORMAT, "the meter's object list is broken");
    }
    const struct object_entry *own = objects_find(o, object_list.ln, 15);
    if (own) o->association_version = own->version;
    return 0;
}

int objects_read(struct objects *o, struct session *s, struct trouble *t)
{
    struct buf data = { 0 };
    *o = (struct objects){ 0 };
    int e = session_get(s, &object_list, NULL, &data, t);
    if (e == 0) e = objects_parse(o, buf_in(&data), t);
    buf_free(&data);
    return e;
}

void objects_free(struct objects *o)
{
    free(o->entry);
    *o = (struct objects){ 0 };
}

const struct object_entry *objects_find(const struct objects *o, struct obis ln,
                                        uint16_t class_id)
{
    for (size_t i = 0; i < o->n; i++) {
        const struct object_entry *e = &o->entry[i];
        if (memcmp(&e->ln, &ln, sizeof ln) == 0 && (class_id == 0 || e->class_id == class_id))
            return e;
    }
    return NULL;
}

/* Version 3 has bits; before, 1 read, 2 write, 3 both, and 4 to 6 the same, authenticated. */
unsigned objects_may(const struct objects *o, uint8_t mode)
{
    if (o->association_version >= 3) return mode & (ACCESS_READ | ACCESS_WRITE);
    return mode > 3 ? mode - 3u : mode;
}

json_t *objects_json(const struct objects *o, const struct object_entry *e)
{
    char text[NAMES_OBIS_TEXT], name[NAMES_TEXT];
    uint16_t usual;
    json_t *attrs = json_array(), *methods = json_array();
    for (int i = 0; i < e->n_attrs; i++) {
        unsigned may = objects_may(o, e->attr[i].mode);
        json_array_append_new(attrs,
                              json_pack("{s:i,s:s,s:b,s:b,s:i}", "attr", e->attr[i].id, "name",
                                        names_attr(name, e->class_id, e->attr[i].id), "read",
                                        (may & ACCESS_READ) != 0, "write",
                                        (may & ACCESS_WRITE) != 0, "access", e->attr[i].mode));
    }
    for (int i = 0; i < e->n_methods; i++)
        json_array_append_new(
            methods, json_pack("{s:i,s:s,s:b,s:i}", "method", e->method[i].id, "name",
                               names_method(name, e->class_id, e->method[i].id), "call",
                               (objects_may(o, e->method[i].mode) & ACCESS_CALL) != 0, "access",
                               e->method[i].mode));
    return json_pack("{s:s,s:i,s:i,s:s,s:o,s:o}", "object", names_obis(text, e->ln), "class",
                     e->class_id, "version", e->version, "name",
                     names_object(name, e->ln, &usual), "attributes", attrs, "methods",
                     methods);
}

/* Runs of ids as "2-4", single ones as "2". */
static void put_ids(struct buf *line, char letter, const uint8_t ids[OBJECTS_ATTRS_MAX],
                    size_t n)
{
    char text[16];
    for (size_t i = 0; i < n; i++) {
        size_t j = i;
        while (j + 1 < n && ids[j + 1] == ids[j] + 1) j++;
        if (i == 0)
            snprintf(text, sizeof text, "%s%c", line->n ? " " : "", letter),
                buf_put(line, text, strlen(text));
        if (i == j)
            snprintf(text, sizeof text, "%s%u", i ? "," : "", ids[i]);
        else
            snprintf(text, sizeof text, "%s%u-%u", i ? "," : "", ids[i], ids[j]);
        buf_put(line, text, strlen(text));
        i = j;
    }
}

void objects_rights(struct buf *line, const struct objects *o, const struct object_entry *e)
{
    uint8_t read[OBJECTS_ATTRS_MAX], write[OBJECTS_ATTRS_MAX], call[OBJECTS_ATTRS_MAX];
    size_t n_read = 0, n_write = 0, n_call = 0;
    for (int i = 0; i < e->n_attrs; i++) {
        unsigned may = objects_may(o, e->attr[i].mode);
        if (may & ACCESS_READ) read[n_read++] = (uint8_t)e->attr[i].id;
        if (may & ACCESS_WRITE) write[n_write++] = (uint8_t)e->attr[i].id;
    }
    for (int i = 0; i < e->n_methods; i++)
        if (objects_may(o, e->method[i].mode) & ACCESS_CALL)
            call[n_call++] = (uint8_t)e->method[i].id;
    put_ids(line, 'R', read, n_read);
    put_ids(line, 'W', write, n_write);
    put_ids(line, 'X', call, n_call);
}
