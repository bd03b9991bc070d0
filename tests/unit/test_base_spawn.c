/* SPDX-License-Identifier: MIT
 * Children have the soft limit of descriptors from before it was raised, and
 * nobody else notices: while one thread starts children without a pause,
 * another opens descriptors above that limit and is never refused one. Also
 * what a child begins with: signals, session, descriptors; and who can't be
 * executed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/process.h"
#include "base/spawn.h"
#include "temp_name.h"

enum { FIRST_LIMIT = 50, OPEN = 100, CHILDREN = 150 };

/* Reads FD to its end, and closes it. */
static void read_all(int fd, char *out, size_t size) {
  size_t len = 0;
  for (ssize_t n; (n = read(fd, out + len, size - 1 - len)) > 0;)
    len += (size_t)n;
  out[len] = '\0';
  close(fd);
}

/* What sh prints for SCRIPT. */
static void run_script(const char *script, char *out, size_t size) {
  int ends[2];
  char *argv[] = {"sh", "-c", (char *)(uintptr_t)script, NULL};
  pid_t pid;
  assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
  const lab_spawn_options o = {.file = "sh", .argv = argv, .out = ends[1]};
  assert_int_equal(lab_spawn(&pid, &o), 0);
  close(ends[1]);
  read_all(ends[0], out, size);
  assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static int spawn_word(char *word) {
  char *argv[] = {word, NULL};
  pid_t pid = -1;
  const lab_spawn_options o = {.file = word, .argv = argv};
  int rc = lab_spawn(&pid, &o);
  if (rc == 0)
    assert_int_equal(waitpid(pid, NULL, 0), pid);
  return rc;
}

/* ---- the limit ----------------------------------------------------------- */

static int spread(void **state) {
  struct rlimit limit;
  (void)state;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = FIRST_LIMIT;
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
  lab_process_raise_fds();
  for (int i = 0; i < OPEN; i++)
    assert_true(open("/dev/null", O_RDONLY) >= 0);
  return 0;
}

static void child_has_the_first_limit(void **state) {
  char text[64];
  (void)state;
  run_script("ulimit -Sn", text, sizeof text);
  assert_int_equal(strtol(text, NULL, 10), FIRST_LIMIT);
  struct rlimit limit;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
  assert_true(limit.rlim_cur > OPEN);
}

static atomic_bool over;

static void *start_children(void *arg) {
  (void)arg;
  for (int i = 0; i < CHILDREN; i++)
    spawn_word("true");
  atomic_store(&over, true);
  return NULL;
}

static void nobody_is_refused_meanwhile(void **state) {
  pthread_t thread;
  unsigned opened = 0, refused = 0;
  (void)state;
  atomic_store(&over, false);
  assert_int_equal(pthread_create(&thread, NULL, start_children, NULL), 0);
  while (!atomic_load(&over)) {
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    opened += fd >= 0;
    refused += fd < 0;
    if (fd >= 0)
      close(fd);
  }
  pthread_join(thread, NULL);
  assert_true(opened > 0);
  assert_int_equal(refused, 0);
}

/* ---- what a child begins with -------------------------------------------- */

static void handle_nothing(int sig) {
  (void)sig;
}

static void signals_are_default_and_free(void **state) {
  char text[1024];
  sigset_t set;
  (void)state;
  signal(SIGUSR1, handle_nothing);
  signal(SIGPIPE, SIG_IGN);
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  run_script("grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status; "
             "cut -d ' ' -f 1,6 /proc/$$/stat",
             text, sizeof text);
  assert_non_null(strstr(text, "SigBlk:\t0000000000000000\n"));
  assert_non_null(strstr(text, "SigIgn:\t0000000000000000\n"));
  int pid = 0, session = 0; /* a session of its own */
  const char *last = strrchr(text, '\t');
  assert_int_equal(sscanf(strchr(last, '\n'), "%d %d", &pid, &session), 2);
  assert_true(pid > 0 && pid == session);
  sigset_t now;
  pthread_sigmask(SIG_SETMASK, NULL, &now);
  assert_true(sigismember(&now, SIGUSR2) && !sigismember(&now, SIGTERM));
  struct sigaction kept;
  sigaction(SIGUSR1, NULL, &kept);
  assert_true(kept.sa_handler == handle_nothing);
}

static void only_three_descriptors(void **state) {
  char text[256];
  (void)state;
  /* By ls itself, which has one for the folder. */
  run_script("exec ls /proc/self/fd", text, sizeof text);
  assert_string_equal(text, "0\n1\n2\n3\n");
}

/* As some containers do. */
static bool forbid_close_range(void) {
  struct sock_filter rules[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const struct sock_fprog filter = {sizeof rules / sizeof *rules, rules};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

enum { HAS_THREE = 40, HAS_OTHERS, NO_FILTER };

/* In a process of its own, whose limit is below most of the descriptors that it
 * has: who closes as many as the limit says leaves them open, and takes minutes
 * where the limit is high. */
static int spawn_with_filter(const int ends[2]) {
  char *argv[] = {"ls", "/proc/self/fd", NULL}, text[1024];
  const struct rlimit few = {FIRST_LIMIT, FIRST_LIMIT};
  pid_t pid;
  if (setrlimit(RLIMIT_NOFILE, &few) < 0 || !forbid_close_range())
    return NO_FILTER;
  const lab_spawn_options o = {.file = "ls", .argv = argv, .out = ends[1]};
  if (lab_spawn(&pid, &o))
    return HAS_OTHERS;
  close(ends[1]);
  read_all(ends[0], text, sizeof text);
  return strcmp(text, "0\n1\n2\n3\n") == 0 ? HAS_THREE : HAS_OTHERS;
}

static void only_three_without_close_range(void **state) {
  int status, ends[2];
  (void)state;
  assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
  pid_t pid = fork();
  if (pid == 0)
    _exit(spawn_with_filter(ends));
  close(ends[0]);
  close(ends[1]);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_true(WIFEXITED(status));
  if (WEXITSTATUS(status) == NO_FILTER)
    skip();
  assert_int_equal(WEXITSTATUS(status), HAS_THREE);
}

/* JOINED: what goes to descriptor 2 goes where 1 goes. */
static void talk_to_child(bool joined, char *out, char *err, size_t size) {
  char *argv[] = {"sh", "-c", "cat; echo problem >&2; ls /proc/self/fd", NULL};
  int in[2], first[2], second[2];
  pid_t pid;
  assert_int_equal(pipe2(in, O_CLOEXEC), 0);
  assert_int_equal(pipe2(first, O_CLOEXEC), 0);
  assert_int_equal(pipe2(second, O_CLOEXEC), 0);
  const lab_spawn_options o = {.file = "sh",
                               .argv = argv,
                               .in = in[0],
                               .out = first[1],
                               .err = joined ? first[1] : second[1]};
  assert_int_equal(lab_spawn(&pid, &o), 0);
  close(in[0]);
  close(first[1]);
  close(second[1]);
  assert_int_equal(write(in[1], "question\n", 9), 9);
  close(in[1]);
  read_all(first[0], out, size);
  read_all(second[0], err, size);
  assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void three_descriptors_can_be_given(void **state) {
  char out[256], err[256];
  (void)state;
  talk_to_child(false, out, err, sizeof out);
  assert_string_equal(out, "question\n0\n1\n2\n3\n"); /* 3: ls's folder */
  assert_string_equal(err, "problem\n");
  talk_to_child(true, out, err, sizeof out);
  assert_string_equal(out, "question\nproblem\n0\n1\n2\n3\n");
  assert_string_equal(err, "");
}

static void what_cannot_be_executed(void **state) {
  (void)state;
  assert_int_equal(spawn_word("/no/such/program"), -ENOENT);
  assert_int_equal(spawn_word("no-such-program"), -ENOENT);
  assert_int_equal(spawn_word("/"), -EACCES);
  assert_int_equal(spawn_word("/etc/passwd"), -EACCES);
  assert_int_equal(spawn_word("/etc/passwd/x"), -ENOTDIR);
  char file[TEMP_NAME];
  int fd = mkstemp(write_temp_name(file, "spawn"));
  assert_true(write(fd, "nothing\n", 8) == 8);
  fchmod(fd, 0700);
  close(fd);
  assert_int_equal(spawn_word(file), -ENOEXEC);
  unlink(file);
}

static void path_is_searched(void **state) {
  (void)state;
  const char *before = getenv("PATH");
  char *kept = lab_xstrdup(before ? before : "/usr/bin:/bin");
  setenv("PATH", "/no/such:/etc/passwd:/usr/bin:/bin", 1);
  assert_int_equal(spawn_word("true"), 0);
  setenv("PATH", "", 1);
  assert_int_equal(spawn_word("true"), -ENOENT);
  char *folder = malloc(20000);
  assert_non_null(folder);
  memset(folder, 'x', 20000);
  folder[0] = '/';
  memcpy(folder + 20000 - 15, ":/usr/bin:/bin", 15);
  setenv("PATH", folder, 1);
  assert_int_equal(spawn_word("true"), 0);
  unsetenv("PATH");
  assert_int_equal(spawn_word("true"), 0);
  setenv("PATH", kept, 1);
  free(folder);
  lab_xfree(kept);
}

static void many_and_long_words(void **state) {
  enum { WORDS = 20000 };
  char *argv[WORDS + 1], text[64];
  pid_t pid;
  int status, ends[2];
  (void)state;
  for (int i = 0; i < WORDS; i++)
    argv[i] = "word";
  argv[0] = "sh";
  argv[1] = "-c";
  argv[2] = "echo $#";
  argv[WORDS] = NULL;
  assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
  const lab_spawn_options o = {.file = "sh", .argv = argv, .out = ends[1]};
  assert_int_equal(lab_spawn(&pid, &o), 0);
  close(ends[1]);
  ssize_t n = read(ends[0], text, sizeof text - 1);
  close(ends[0]);
  text[n > 0 ? n : 0] = '\0';
  assert_int_equal(strtol(text, NULL, 10), WORDS - 4);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  char *huge = malloc(4 << 20);
  assert_non_null(huge);
  memset(huge, 'x', 4 << 20);
  huge[(4 << 20) - 1] = '\0';
  argv[2] = huge;
  argv[3] = NULL;
  const lab_spawn_options too_long = {.file = "sh", .argv = argv};
  assert_int_equal(lab_spawn(&pid, &too_long), -E2BIG);
  free(huge);
}

/* A shell takes the last one of a name, and getenv the first. */
static void variables_replace_others(void **state) {
  (void)state;
  assert_int_equal(setenv("LAB_SPAWN", "old", 1), 0);
  assert_int_equal(setenv("LAB_SPAWN_TOO", "stays", 1), 0);
  char replaced[] = "LAB_SPAWN=new", added[] = "LAB_SPAWN_NEW=1";
  char *const variables[] = {replaced, added};
  char **list = lab_spawn_environment(variables, 2);
  int names = 0, others = 0, news = 0;
  for (size_t i = 0; list[i]; i++) {
    names += strncmp(list[i], "LAB_SPAWN=", 10) == 0;
    news += list[i] == replaced || list[i] == added;
    others += strcmp(list[i], "LAB_SPAWN_TOO=stays") == 0;
  }
  lab_xfree(list);
  assert_int_equal(names, 1);
  assert_int_equal(news, 2);
  assert_int_equal(others, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(child_has_the_first_limit, spread),
      cmocka_unit_test(nobody_is_refused_meanwhile),
      cmocka_unit_test(signals_are_default_and_free),
      cmocka_unit_test(only_three_descriptors),
      cmocka_unit_test(only_three_without_close_range),
      cmocka_unit_test(three_descriptors_can_be_given),
      cmocka_unit_test(what_cannot_be_executed),
      cmocka_unit_test(path_is_searched),
      cmocka_unit_test(many_and_long_words),
      cmocka_unit_test(variables_replace_others),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
