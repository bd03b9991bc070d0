/* SPDX-License-Identifier: MIT
 * The program: a command, or the command line and then a lab. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "app/options.h"
#include "diaglab/diaglab.h"
#include "kit/labs.h"
#include "tool/tool.h"

/* Signals wait until the lab takes them (app/signals.c). */
static void hold_signals(void) {
  static const int held[] = {SIGTERM, SIGINT,  SIGHUP, SIGQUIT,
                             SIGUSR1, SIGUSR2, SIGXCPU};
  sigset_t set;
  sigemptyset(&set);
  for (size_t i = 0; i < sizeof held / sizeof *held; i++)
    sigaddset(&set, held[i]);
  sigprocmask(SIG_BLOCK, &set, NULL);
}

static void release_signals(void) {
  sigset_t set;
  sigemptyset(&set);
  sigprocmask(SIG_SETMASK, &set, NULL);
}

static int run_lab(const lab_options *options, int argc, char **argv) {
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
  hold_signals(); /* from here on signals come too late */
  lab_free(app);
  return 0;
}

/* Signals end it at once. */
static int print_steps(const lab_options *options) {
  char error[1024];
  size_t broken;
  release_signals();
  char *text = lab_steps_text(&options->config, &broken, error, sizeof error);
  if (!text) {
    fprintf(stderr, "diaglab: %s\n", error);
    return 1;
  }
  bool printed = fputs(text, stdout) >= 0 && fflush(stdout) == 0;
  if (!printed)
    fprintf(stderr, "diaglab: can't print the list: %s\n", strerror(errno));
  lab_steps_text_free(text);
  if (broken == 0)
    return printed ? 0 : 1;
  fprintf(stderr, "diaglab: %zu of these steps %s broken\n", broken,
          broken == 1 ? "is" : "are");
  return 1;
}

int main(int argc, char **argv) {
  lab_kit_follow_parent();
  const lab_tool *tool = argc > 1 ? lab_tool_find(argv[1]) : NULL;
  if (tool)
    return tool->run(argc - 1, argv + 1);
  hold_signals(); /* until there is a lab that answers them */
  int rc = lab_init();
  if (rc) {
    fprintf(stderr, "diaglab: can't make its heap and profilers: %s\n",
            strerror(-rc));
    return 1;
  }
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN); /* ulimit -f: as on a full disk, a write fails */
  int code = 0;
  lab_options options;
  lab_options_result result = lab_options_parse(&options, argc, argv);
  if (result == LAB_OPTIONS_RUN)
    code = run_lab(&options, argc, argv);
  else if (result == LAB_OPTIONS_LIST)
    code = print_steps(&options);
  else if (result == LAB_OPTIONS_WRONG)
    code = 2;
  lab_options_free(&options);
  return code;
}
