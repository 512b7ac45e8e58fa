/* file.h - a tariff scheme as a JSON file: the fields of objects 0-0:96.60.0 to 96.60.8.
 *
 * Numbers are as in the tables: amounts in 1e-6 of the currency, percentages in 0.01 %. A
 * string is the same for people: "0.968" of the currency, "17.5" per cent. A price is one for
 * all tariffs or a list of up to eight. A base is a mask, or a list of charges by number or
 * name (energy, service, fixed1, levy1, vat1, subsidy1 and so on). What is left out is 0.
 * Fields that are not known are refused.
 *
 * Context  host programs.
 */
#ifndef TOOLS_TARIFF_FILE_H
#define TOOLS_TARIFF_FILE_H
#include <jansson.h>

#include "meter/prepay/scheme.h"
#include "tools/common/trouble.h"

/* Read one. E_IO, E_FORMAT with a sentence that names the field. The scheme is not checked. */
int tariff_file_read(struct scheme *s, const char *path, struct trouble *t);
int tariff_file_parse(struct scheme *s, const json_t *root, struct trouble *t);

/* The other way, as numbers. */
json_t *tariff_file_make(const struct scheme *s);

/* "energy", "service", "fixed1" ..; charge < SCHEME_CHARGES. The text is the caller's. */
const char *tariff_charge_name(unsigned charge, char name[12]);

#endif
