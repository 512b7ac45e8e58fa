/* origin.h - is this request from the panel's own page, or from somebody else's?
 *
 * A browser sends cookies and connections to any address a page names, so a hostile page could
 * command a meter on the visitor's own machine. Two checks stop that: a request that carries
 * Origin must carry our own, and Host must be an address or localhost, so that a foreign name
 * pointed at 127.0.0.1 (DNS rebinding) is not taken for ours.
 *
 * Context  any; pure functions over texts with a closing zero.
 */
#ifndef TOOLS_PANEL_ORIGIN_H
#define TOOLS_PANEL_ORIGIN_H
#include <stdbool.h>

/* Host header: "127.0.0.1:8022", "[::1]:8022", "localhost". NULL or empty: refused. */
bool origin_is_host(const char *host);

/* Origin header against the Host of the same request; NULL or empty (not a browser): fine. */
bool origin_is_ours(const char *origin, const char *host);

#endif
