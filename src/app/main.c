/* SPDX-License-Identifier: MIT
 * The program: a command, or the command line and then a lab. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "app/options.h"
#include "base/plain.h"
#include "base/spawn.h"
#include "base/thread.h"
#include "diaglab/diaglab.h"
#include "tool/tool.h"

/* ---- the stack ----------------------------------------------------------- */

enum { STACK_LEAST = 64 << 10, STACK_USUAL = 8 << 20 };

static void refuse_small_stack(void) {
  static const char text[] =
      "diaglab: the stack's limit is too small (ulimit -s): it must be at "
      "least 64 KiB\n";
  ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
  _exit(written < 0 ? 2 : 1);
}

/* A stack that is too small ends the program by a signal, wherever it is just
 * then. The limit is raised as far as that is allowed; it also becomes that of
 * libuv's threads. This is run before all constructors, because the
 * allocator's needs more than 16 KiB. So it can't use the heap, nor what the
 * sanitizers add to code. */
__attribute__((no_sanitize("address", "thread", "undefined"))) static void
raise_stack_limit(void) {
  struct rlimit now;
  if (getrlimit(RLIMIT_STACK, &now) < 0 || now.rlim_cur >= STACK_USUAL)
    return;
  struct rlimit all = {STACK_USUAL, now.rlim_max};
  if (all.rlim_max < STACK_USUAL)
    all.rlim_max = STACK_USUAL; /* root may do that */
  if (setrlimit(RLIMIT_STACK, &all) == 0)
    return;
  now.rlim_cur = now.rlim_max < STACK_USUAL ? now.rlim_max : STACK_USUAL;
  setrlimit(RLIMIT_STACK, &now);
  if (now.rlim_cur < STACK_LEAST)
    refuse_small_stack();
}

__attribute__((section(".preinit_array"),
               used)) static void (*const before_constructors)(void) =
    raise_stack_limit;

/* ---- the lab ------------------------------------------------------------- */

/* Signals wait until the lab takes them (app/signals.c). */
static void hold_signals(void) {
  static const int held[] = {SIGTERM, SIGINT,  SIGHUP, SIGQUIT,
                             SIGUSR1, SIGUSR2, SIGXCPU};
  sigset_t set;
  sigemptyset(&set);
  for (size_t i = 0; i < sizeof held / sizeof *held; i++)
    sigaddset(&set, held[i]);
  sigaddset(&set, SIGRTMIN); /* it is no constant */
  sigprocmask(SIG_BLOCK, &set, NULL);
}

static void release_signals(void) {
  sigset_t set;
  sigemptyset(&set);
  sigprocmask(SIG_SETMASK, &set, NULL);
}

/* It may have a part of a scenario's text. */
static void print_error(const char *error) {
  fputs("diaglab: ", stderr);
  lab_plain_print(stderr, error);
  fputc('\n', stderr);
}

static int run_lab(const lab_options *options, int argc, char **argv) {
  char error[1024];
  lab_app *app;
  lab_config config = options->config;
  config.argv = (const char *const *)argv;
  config.argc = (size_t)argc;
  config.signals = true;
  if (lab_new(&app, &config, error, sizeof error)) {
    print_error(error);
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
    print_error(error);
    return 1;
  }
  lab_plain_print(stdout, text); /* titles are what scenarios say */
  bool printed = lab_plain_flush(stdout);
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
  lab_thread_take_signals(); /* also for the commands, which start children */
  lab_spawn_follow_parent();
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
  else if (!lab_plain_flush(stdout)) { /* LAB_OPTIONS_DONE: it is printed */
    fputs("diaglab: couldn't print all of it\n", stderr);
    code = 1;
  }
  lab_options_free(&options);
  return code;
}
