/* SPDX-License-Identifier: MIT
 * The program: the command line, then a lab. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "app/options.h"
#include "diaglab/diaglab.h"

static int run(const lab_options *options, int argc, char **argv) {
  char error[1024];
  lab_app *app;
  lab_config config = options->config;
  config.argv = (const char *const *)argv;
  config.argc = (size_t)argc;
  config.signals = true;
  if (lab_new(&app, &config, error, sizeof error)) {
    fprintf(stderr, "diaglab: %s\n", error);
    return 1;
  }
  lab_run(app);
  lab_free(app);
  return 0;
}

int main(int argc, char **argv) {
  int rc = lab_init();
  if (rc) {
    fprintf(stderr, "diaglab: can't make its heap and profilers: %s\n",
            strerror(-rc));
    return 1;
  }
  signal(SIGPIPE, SIG_IGN);
  int code = 0;
  lab_options options;
  lab_options_result result = lab_options_parse(&options, argc, argv);
  if (result == LAB_OPTIONS_RUN)
    code = run(&options, argc, argv);
  else if (result == LAB_OPTIONS_WRONG)
    code = 2;
  lab_options_free(&options);
  return code;
}
