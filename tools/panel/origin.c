#include "tools/panel/origin.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

static bool is_port(const char *s)
{
    if (*s == 0) return true;
    return *s == ':' && s[1] && strspn(s + 1, "0123456789") == strlen(s + 1) && strlen(s) <= 6;
}

static bool is_address(int family, const char *s, size_t n)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr a;
    if (n >= sizeof text) return false;
    memcpy(text, s, n);
    text[n] = 0;
    return inet_pton(family, text, &a) == 1;
}

bool origin_is_host(const char *host)
{
    if (!host) return false;
    if (*host == '[') {
        size_t n = strcspn(host, "]");
        return host[n] == ']' && is_port(host + n + 1) && is_address(AF_INET6, host + 1, n - 1);
    }
    size_t n = strcspn(host, ":");
    if (!is_port(host + n)) return false;
    return (n == 9 && strncasecmp(host, "localhost", n) == 0) || is_address(AF_INET, host, n);
}

bool origin_is_ours(const char *origin, const char *host)
{
    static const char scheme[] = "http://";
    if (!origin || !*origin) return true;
    return host && strncasecmp(origin, scheme, sizeof scheme - 1) == 0 &&
           strcasecmp(origin + sizeof scheme - 1, host) == 0;
}
