/* SPDX-License-Identifier: MIT
 * Takes any text for a command line: its words end at newlines. Checked: what
 * is accepted is in range and of the form that options.h promises, and the same
 * line is read the same way again. */
#include <ctype.h>
#include <stdio.h>

#include "app/listen.h"
#include "app/options.h"
#include "input.h"

enum { WORDS_MAX = 24 };

static FILE *nowhere;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  nowhere = fopen("/dev/null", "w");
  LAB_ASSERT(nowhere);
  return 0;
}

static int split_words(char *text, char **words) {
  int n = 0;
  words[n++] = (char *)"diaglab";
  for (char *at = text; at && *at && n < WORDS_MAX;) {
    char *end = strchr(at, '\n');
    if (end)
      *end++ = '\0';
    words[n++] = at;
    at = end;
  }
  words[n] = NULL;
  return n;
}

static void check_param(const char *text) {
  size_t digits = strspn(text, "0123456789");
  LAB_ASSERT(digits >= 1 && digits <= 4 && text[digits] == '.');
  const char *key = text + digits + 1, *end = strchr(key, '=');
  LAB_ASSERT(end && end > key && !isdigit((unsigned char)*key));
  for (; key < end; key++)
    LAB_ASSERT(isalnum((unsigned char)*key) || *key == '_');
}

static void check_options(const lab_options *o) {
  const lab_config *c = &o->config;
  LAB_ASSERT(c->step >= -1 && c->step <= 9999);
  LAB_ASSERT(c->workers <= 1024 && c->scavenge >= -1);
  LAB_ASSERT(c->memprofile_rate >= -1 && c->blockprofile_rate >= 0 &&
             c->mutexprofile_fraction >= 0);
  LAB_ASSERT(c->usr2_seconds >= 1 && c->usr2_seconds <= 600);
  LAB_ASSERT(!c->listen || lab_listen_is_address(c->listen));
  LAB_ASSERT(c->nhosts == o->hosts.n && c->nparams == o->params.n &&
             c->nscenarios == o->scenarios.n);
  for (size_t i = 0; i < c->nhosts; i++)
    LAB_ASSERT(c->hosts[i][0] && !strpbrk(c->hosts[i], "/ \t"));
  for (size_t i = 0; i < c->nparams; i++)
    check_param(c->params[i]);
}

/* What it prints is not of interest. */
static lab_options_result parse_quietly(lab_options *o, int n, char **words) {
  FILE *out = stdout, *err = stderr;
  stdout = stderr = nowhere;
  lab_options_result result = lab_options_parse(o, n, words);
  stdout = out;
  stderr = err;
  return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *words[WORDS_MAX + 1];
  lab_options once, again;
  fuzz_input in = fuzz_open(data, size);
  char *text = fuzz_rest(&in, NULL);
  int n = split_words(text, words);
  lab_options_result result = parse_quietly(&once, n, words);
  LAB_ASSERT(parse_quietly(&again, n, words) == result);
  if (result == LAB_OPTIONS_RUN || result == LAB_OPTIONS_LIST)
    check_options(&once);
  LAB_ASSERT(once.hosts.n == again.hosts.n && once.params.n == again.params.n &&
             once.config.step == again.config.step &&
             once.config.listen == again.config.listen);
  lab_options_free(&once);
  lab_options_free(&again);
  free(text);
  return 0;
}
