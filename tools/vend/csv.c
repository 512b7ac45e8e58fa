#include "tools/vend/csv.h"

#include <stdbool.h>
#include <string.h>

static void write_cell(FILE *f, const char *cell)
{
    bool is_formula = *cell && strchr("=+-@\t\r", *cell);
    if (!is_formula && cell[strcspn(cell, ",\"\r\n")] == 0) {
        fputs(cell, f);
        return;
    }
    fputc('"', f);
    if (is_formula) fputc('\'', f);
    for (; *cell; cell++) {
        if (*cell == '"') fputc('"', f);
        fputc(*cell, f);
    }
    fputc('"', f);
}

void csv_write(FILE *f, const char *const *cells, int n)
{
    for (int i = 0; i < n; i++) {
        if (i) fputc(',', f);
        write_cell(f, cells[i]);
    }
    fputs("\r\n", f);
}

void csv_begin(struct csv *c, char *text, size_t n)
{
    *c = (struct csv){ text, text + n, 1 };
    if (n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        c->at += 3; /* written by a spreadsheet */
}

/* One cell, ended by 0 in place; what stood behind it: ',', '\n', 0 at the end, '?' for
 * rubbish. */
static char read_cell(struct csv *c, char **cell)
{
    char *out = c->at;
    *cell = out;
    bool is_quoted = c->at < c->end && *c->at == '"';
    if (is_quoted) c->at++;
    while (c->at < c->end) {
        char ch = *c->at++;
        if (is_quoted && ch == '"') {
            if (c->at >= c->end || *c->at != '"') {
                is_quoted = false;
                continue;
            }
            c->at++;
        } else if (!is_quoted && (ch == ',' || ch == '\n')) {
            *out = 0;
            return ch;
        } else if (!is_quoted && ch == '\r' && c->at < c->end && *c->at == '\n') {
            continue;
        }
        c->line += ch == '\n';
        *out++ = ch;
    }
    *out = 0; /* the text has a 0 behind it, or the cell is shorter than what was read */
    return is_quoted ? '?' : 0;
}

int csv_read(struct csv *c, char *cells[CSV_COLUMNS])
{
    while (c->at < c->end) {
        int n = 0;
        char behind = ',';
        while (behind == ',' && n < CSV_COLUMNS) behind = read_cell(c, &cells[n++]);
        if (behind == '?' || behind == ',') return -1;
        c->line += behind == '\n';
        if (n > 1 || cells[0][0]) return n;
    }
    return 0;
}
