/* SPDX-License-Identifier: MIT
 * Runs a test and ends all that the test has started, however the test ends.
 *
 *   keeper NAME COMMAND [ARGUMENT...]
 *
 * ctest kills a test that takes too long: only the process that it started,
 * and only by SIGKILL, which nobody can handle. So the keeper is two processes.
 * The first waits for the second. The second starts the command; the kernel
 * sends it a signal when the first one dies, and makes it the parent of all
 * orphans among the command's descendants (a "subreaper"). It therefore finds
 * each of them, whatever their group, session or terminal. If the second one is
 * killed itself, the first one inherits the orphans, and does the same.
 *
 * The files of a test go, too: TMPDIR is a folder of its own, which is removed
 * at the end. KEPT_DIR says so to who would make a folder in it.
 *
 * Of descriptors the command inherits 0 to 2 only: whatever else a shell or an
 * editor has left open would count as the test's.
 *
 * The exit code is the command's, or 128 + n if signal n killed it. A command
 * that succeeds and leaves a process behind fails nevertheless: LEFT_BEHIND.
 *
 * If the environment has LAB_TEST_TIMES, a line is appended to the file of
 * that name: NAME, elapsed seconds, and CPU seconds of all these processes. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
  LEFT_BEHIND = 125,
  NOT_STARTED = 126,
  GRACE_S = 10, /* for what is about to end when the command has ended */
  ROUND_MS = 20,
};

static void refuse_start(const char *what) {
  fprintf(stderr, "keeper: %s: %s\n", what, strerror(errno));
  exit(NOT_STARTED);
}

static double read_clock(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int exit_code_of(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static double sum_cpu_seconds(void) {
  struct rusage use;
  getrusage(RUSAGE_CHILDREN, &use);
  return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
         (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

/* One write, so that lines of tests side by side don't mix. */
static void write_times(const char *name, double elapsed) {
  const char *path = getenv("LAB_TEST_TIMES");
  if (!path || !*path)
    return;
  char line[512];
  int n = snprintf(line, sizeof line, "%s %.2f %.2f\n", name, elapsed,
                   sum_cpu_seconds());
  int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0 || n >= (int)sizeof line || write(fd, line, (size_t)n) != n)
    fprintf(stderr, "keeper: can't write to %s\n", path);
  if (fd >= 0)
    close(fd);
}

/* ---- the command's folder ---------------------------------------------- */

static char folder[256];

static void make_folder(void) {
  const char *outer = getenv("TMPDIR");
  snprintf(folder, sizeof folder, "%s/t.kXXXXXX",
           outer && *outer ? outer : "/tmp");
  if (!mkdtemp(folder) || setenv("TMPDIR", folder, 1) ||
      setenv("KEPT_DIR", folder, 1))
    refuse_start(folder);
}

static void remove_folder(void) {
  int pid = fork();
  if (pid == 0) {
    execlp("rm", "rm", "-rf", "--", folder, (char *)NULL);
    _exit(NOT_STARTED);
  }
  while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
    ;
}

/* ---- the command's descendants ------------------------------------------- */

static void print_command_line(int pid) {
  char path[64], text[400];
  snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
  if (fd >= 0)
    close(fd);
  if (n < 0)
    n = 0;
  for (ssize_t i = 0; i < n; i++)
    if (text[i] == '\0' || text[i] == '\n')
      text[i] = ' ';
  text[n] = '\0';
  fprintf(stderr, "keeper: left behind: %d %s\n", pid, text);
}

/* Calls f for each direct child. What these have started becomes a child of
 * this process when they end, so a later call finds it. */
static void each_child(void (*f)(int pid)) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
  FILE *list = fopen(path, "re");
  if (!list)
    refuse_start(path);
  int pid;
  while (fscanf(list, "%d", &pid) == 1)
    f(pid);
  fclose(list);
}

static void kill_child(int pid) {
  kill(pid, SIGKILL);
}

/* Takes the exit codes of children that have ended, the command's into *code.
 * Returns whether there still are children. */
static bool reap_children(int command, int *code) {
  int status, pid;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
    if (pid == command)
      *code = exit_code_of(status);
  return pid == 0;
}

static void kill_descendants(int command, int *code) {
  const struct timespec round = {.tv_nsec = ROUND_MS * 1000000L};
  while (reap_children(command, code)) {
    each_child(kill_child);
    nanosleep(&round, NULL);
  }
}

/* ---- the second process -------------------------------------------------- */

static int start_command(char **argv, const sigset_t *mask) {
  int pid = fork();
  if (pid != 0)
    return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigprocmask(SIG_SETMASK, mask, NULL);
  execvp(argv[0], argv);
  refuse_start(argv[0]);
  return 0;
}

/* Waits for the command's end, then for that of what it has started. Returns
 * false if this process has to end. */
static bool wait_for_all(const sigset_t *signals, int command, int *code) {
  const struct timespec second = {.tv_sec = 1};
  double give_up = 0;
  while (reap_children(command, code)) {
    if (*code >= 0 && give_up == 0)
      give_up = read_clock() + GRACE_S;
    if (give_up != 0 && read_clock() > give_up)
      break;
    int got = sigtimedwait(signals, NULL, &second);
    if (got > 0 && got != SIGCHLD)
      return false;
  }
  return true;
}

static void keep_command(int parent, const char *name, char **argv,
                         const sigset_t *signals, const sigset_t *mask) {
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) || prctl(PR_SET_PDEATHSIG, SIGTERM))
    refuse_start("prctl");
  if (getppid() != parent)
    exit(NOT_STARTED); /* it died before the prctl */
  double began = read_clock();
  int command = start_command(argv, mask), code = -1;
  if (command < 0)
    refuse_start("fork");
  bool stays = wait_for_all(signals, command, &code);
  double elapsed = read_clock() - began;
  if (stays && code >= 0 && reap_children(command, &code)) {
    each_child(print_command_line);
    if (code == 0)
      code = LEFT_BEHIND;
  }
  kill_descendants(command, &code);
  write_times(name, elapsed);
  remove_folder();
  exit(code);
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fputs("Usage: keeper NAME COMMAND [ARGUMENT...]\n", stderr);
    return NOT_STARTED;
  }
  if (close_range(3, ~0U, 0))
    refuse_start("close_range");
  sigset_t signals, mask;
  sigemptyset(&signals);
  sigaddset(&signals, SIGCHLD);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  sigprocmask(SIG_BLOCK, &signals, &mask);
  signal(SIGCHLD, SIG_DFL);
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) ||
      prctl(PR_SET_PDEATHSIG, SIGTERM)) /* if ctest itself is ended */
    refuse_start("prctl");
  make_folder();
  int parent = getpid(), second = fork();
  if (second < 0)
    refuse_start("fork");
  if (second == 0)
    keep_command(parent, argv[1], argv + 2, &signals, &mask);
  sigprocmask(SIG_SETMASK, &mask, NULL);
  int status;
  while (waitpid(second, &status, 0) < 0)
    if (errno != EINTR)
      refuse_start("waitpid");
  int code = exit_code_of(status);
  kill_descendants(second, &code);
  remove_folder(); /* again, if the second process had no time for it */
  return code;
}
