/* page.h - the built page (web/dist) as constant arrays, made by embed.cmake at build time.
 *
 * Context  any; constant data.
 */
#ifndef TOOLS_PANEL_PAGE_H
#define TOOLS_PANEL_PAGE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct page_file {
    const char *path; /* "/assets/index-3fa9.js" */
    const char *type; /* "text/javascript" */
    const uint8_t *data;
    size_t size;
    bool named; /* its name changes with its content: may be cached for ever */
};

/* Ends with a row whose path is NULL. Without a page there is one row, "/", that says so. */
extern const struct page_file page_files[];
extern const bool page_built;

#endif
