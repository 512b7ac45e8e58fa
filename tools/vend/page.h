/* page.h - the page to sell from, as it lies in page/, in the binary.
 *
 * Context  host programs.
 */
#ifndef TOOLS_VEND_PAGE_H
#define TOOLS_VEND_PAGE_H

struct vend_file {
    const char *path, *type, *text, *end;
};

/* The row behind the last has a NULL path. */
extern const struct vend_file vend_files[];

#endif
