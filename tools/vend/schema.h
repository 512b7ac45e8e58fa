/* schema.h - the station's tables.
 *
 * Context  host programs.
 */
#ifndef TOOLS_VEND_SCHEMA_H
#define TOOLS_VEND_SCHEMA_H
struct db;

/* Make the tables that are missing. An error of db.h. */
int schema_make(struct db *db);

#endif
