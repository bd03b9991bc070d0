/* SPDX-License-Identifier: MIT
 * The command line. A flag is written with one dash or two, as Go's flags are:
 * -listen and --listen. */
#ifndef LAB_APP_OPTIONS_H
#define LAB_APP_OPTIONS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "diaglab/diaglab.h"

typedef struct lab_strings {
  const char **items; /* the strings belong to argv */
  size_t n;
} lab_strings;

typedef struct lab_options {
  lab_config config; /* without argv; its lists are those below */
  lab_strings hosts;
  lab_strings origins;
  lab_strings scenarios;
  lab_strings primitives;
  bool list;
  char state[PATH_MAX];      /* config.state, if it is the default */
  char repair[2 * PATH_MAX]; /* config.repair */
  lab_strings params;        /* each has the form N.key=value */
} lab_options;

typedef enum lab_options_result {
  LAB_OPTIONS_RUN,   /* go on */
  LAB_OPTIONS_LIST,  /* the steps, and exit */
  LAB_OPTIONS_DONE,  /* --help or --version: printed, exit 0 */
  LAB_OPTIONS_WRONG, /* printed what is wrong on standard error, exit 2 */
} lab_options_result;

/* Fills in OUT; call lab_options_free whatever the result is. Keeps pointers
 * into ARGV. */
lab_options_result lab_options_parse(lab_options *out, int argc, char **argv);
void lab_options_free(lab_options *options);

#endif
