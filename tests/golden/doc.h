/* doc.h - a page of docs/ that is printed from tables. */
#ifndef TESTS_GOLDEN_DOC_H
#define TESTS_GOLDEN_DOC_H
#include <stdbool.h>
#include <stdio.h>

/* main() of a program that prints a page, or a part of one: without arguments to standard
 * output; with a file's name, 0 when the file is what would be printed, or holds it where that
 * is a part; else 1 and words. */
int doc_main(int argc, char **argv, void (*print)(FILE *f), bool is_part);

#endif
