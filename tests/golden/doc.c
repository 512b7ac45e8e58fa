#include "golden/doc.h"

#include <stdlib.h>
#include <string.h>

int doc_main(int argc, char **argv, void (*print)(FILE *f), bool is_part)
{
    static char now[65536], doc[65536];
    if (argc < 2) {
        print(stdout);
        return 0;
    }
    FILE *f = fmemopen(now, sizeof now, "w"), *d = fopen(argv[1], "r");
    print(f);
    fclose(f);
    size_t n = d ? fread(doc, 1, sizeof doc - 1, d) : 0;
    if (d) fclose(d);
    doc[n] = '\0';
    if (is_part ? strstr(doc, now) != NULL : strcmp(doc, now) == 0) return 0;
    fprintf(stderr, "%s does not hold what the tables say; it should:\n%s", argv[1], now);
    return 1;
}
