#include "tools/vend/page.h"

#include <stddef.h>

/* page.S */
extern const char vend_html[], vend_html_end[], vend_js[], vend_js_end[], vend_css[],
    vend_css_end[];

const struct vend_file vend_files[] = {
    { "/", "text/html; charset=utf-8", vend_html, vend_html_end },
    { "/sell.js", "text/javascript; charset=utf-8", vend_js, vend_js_end },
    { "/sell.css", "text/css; charset=utf-8", vend_css, vend_css_end },
    { NULL, NULL, NULL, NULL },
};
