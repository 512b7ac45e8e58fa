/* names.h - what the numbers of COSEM are called: objects, classes, attributes, units, codes;
 * and the forms in which a person may name an object.
 *
 *   1-0:1.8.0  1-0:1.8.0.255  1-0:1.8.0*255  1.0.1.8.0.255  0100010800FF    a logical name
 *   energy  clock  profile  voltage ...                                     a common name
 *   OBJECT:3  OBJECT:scaler_unit                                            an attribute
 *   3/OBJECT:2                                                              and its class
 *
 * Cost     searches of a few hundred rows.
 * Context  host programs. All texts are constant; none of these functions returns NULL unless
 *          it says so.
 */
#ifndef TOOLS_CLIENT_NAMES_H
#define TOOLS_CLIENT_NAMES_H
#include "dlms/cosem.h"
#include "tools/common/trouble.h"

enum { NAMES_OBIS_TEXT = 24, NAMES_TEXT = 160 };

struct target {
    uint16_t class_id; /* 0: not known */
    struct obis ln;
    int8_t attr; /* attribute or method; 0: none was given */
};

/* "1-0:1.8.0.255" */
const char *names_obis(char text[NAMES_OBIS_TEXT], struct obis ln);

/* One of the forms above, method names being taken for classes that are known when `method`.
 * The class is looked up where it is not given. E_FORMAT with a sentence in t. */
int names_parse(struct target *o, const char *text, bool method, struct trouble *t);

/* What the object is, "" when that is not known, and its usual class (0) in *class_id. */
const char *names_object(char text[NAMES_TEXT], struct obis ln, uint16_t *class_id);

/* "Register"; "class 999" is written to text where it has no name. */
const char *names_class(char text[NAMES_TEXT], uint16_t class_id);

/* "value"; "attribute 9" and "method 3" where they have no name. */
const char *names_attr(char text[NAMES_TEXT], uint16_t class_id, int attr);
const char *names_method(char text[NAMES_TEXT], uint16_t class_id, int method);

/* Attributes of the class, the logical name included; 0 for an unknown class. */
int names_attrs(uint16_t class_id);

/* Meaning of an enumerated attribute; NULL when none is known. */
const char *names_enum(uint16_t class_id, int attr, int64_t value);

/* "Wh", "" for 255, "unit 77" for unknown ones (text of the caller). */
const char *names_unit(char text[NAMES_TEXT], uint8_t unit);

/* Data tags as in the JSON of `magno read`: "double-long-unsigned". */
const char *names_type(uint8_t tag);
/* And back: the tag, E_NONE. */
int names_type_find(const char *name);

/* data-access-result and action-result: "read-write-denied"; and a sentence that explains. */
const char *names_dar(unsigned dar);
const char *names_dar_help(unsigned dar);

/* "get-request", "glo-get-request", "aarq" ...; NULL for tags that do not exist. */
const char *names_apdu(uint8_t tag);

/* exception-response, in one sentence with what to do. */
const char *names_exception(uint8_t state, uint8_t service);

/* ACSE: result source diagnostic of the service user, and mechanisms. */
const char *names_diagnostic(bool provider, uint8_t diagnostic);
const char *names_mechanism(uint8_t mechanism);
const char *names_context(uint8_t context);

/* Bit n of the conformance block: "get"; NULL for reserved ones. */
const char *names_conformance(unsigned n);

/* initiate error of confirmedServiceError. */
const char *names_service_error(uint8_t group, uint8_t value);

#endif
