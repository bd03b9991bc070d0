/* SPDX-License-Identifier: MIT
 * See spawn.h. As posix_spawn does it: the child runs in this process's memory,
 * on a stack of its own, and the calling thread stands still until exec. Only
 * so can the child give itself another limit of descriptors, for which
 * posix_spawn has no attribute: to lower that of the whole process meanwhile
 * would refuse descriptors to other threads.
 *
 * The child calls the kernel and nothing that takes a lock or changes memory
 * that others see. Signals: a handler of this process must not run in it, so
 * all are blocked until it has none. */
#include "base/spawn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/process.h"

enum { STACK_BYTES = 64 << 10, SIGNALS = 64, KERNEL_SIGSET = SIGNALS / 8 };

/* ThreadSanitizer takes every child for one that has a memory of its own, and
 * tells it to watch nothing any more. Here that would be said of the calling
 * thread: its locks were not seen from then on, and what it shares with others
 * was reported. So the sanitizer doesn't see the child: the C library has a
 * second name for clone, and what is called until exec isn't watched. */
#ifdef __SANITIZE_THREAD__
int __clone(int (*fn)(void *), void *stack, int flags, void *arg, ...);
#define CLONE_UNSEEN __clone
#define UNSEEN __attribute__((no_sanitize("thread")))
#else
#define CLONE_UNSEEN clone
#define UNSEEN
#endif

/* AddressSanitizer marks parts of the stack on which a function runs, and takes
 * the marks away when it returns. The child's never do; who gets this memory
 * later, for something else, was told that it may not use it. */
#ifdef __SANITIZE_ADDRESS__
void __asan_unpoison_memory_region(const volatile void *p, size_t size);
#define UNMARK_STACK __asan_unpoison_memory_region
#else
#define UNMARK_STACK(p, size)
#endif

/* Shared with the child. */
typedef struct spawning {
  const lab_spawn_options *options;
  const char *path; /* where programs are looked for */
  int error;        /* errno of the step that failed, or 0 */
} spawning;

/* ---- in the child -------------------------------------------------------- */

/* NAME: of a descriptor, in /proc; "." and ".." are none. */
UNSEEN static void close_listed(const char *name, int kept) {
  int fd = 0;
  for (; *name >= '0' && *name <= '9'; name++)
    fd = 10 * fd + *name - '0';
  if (fd > 2 && fd != kept)
    close(fd);
}

/* Those that this process has: of those that it may have there can be
 * a thousand millions. False: there is no /proc. */
UNSEEN static bool close_by_list(void) {
  _Alignas(struct dirent64) char list[2048];
  long n;
  close(3); /* so there is one for the list, as above */
  int folder = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0)
    return false;
  while ((n = syscall(SYS_getdents64, folder, list, sizeof list)) > 0)
    for (long at = 0; at < n;) {
      const struct dirent64 *entry = (const void *)(list + at);
      close_listed(entry->d_name, folder);
      at += entry->d_reclen;
    }
  close(folder);
  return n == 0;
}

/* Without close_range: a kernel before 5.9, or a filter that forbids it. */
static bool close_others(void) {
  struct rlimit limit;
  if (close_by_list())
    return true;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
    return false;
  for (int fd = 3; (rlim_t)fd < limit.rlim_cur; fd++)
    close(fd);
  return true;
}

/* Those of the options are above 2: lab_init opens 0 to 2 before anything else
 * does. Where one is 0 it is /dev/null, until 0 itself becomes another. */
static bool set_descriptors(const lab_spawn_options *o) {
  close(0); /* so there is one for open, also if this process has all */
  if (open("/dev/null", O_RDWR) != 0 || dup2(o->out, 1) < 0 ||
      dup2(o->err, 2) < 0 || dup2(o->in, 0) < 0)
    return false;
  return syscall(SYS_close_range, 3U, ~0U, 0U) == 0 || close_others();
}

/* Default actions for all signals, then none is blocked. The kernel is called
 * directly: sanitizers keep what goes through sigaction, and would believe that
 * this process has no handlers any more. */
static bool reset_signals(void) {
  static const unsigned long default_action[8], none[2];
  for (int sig = 1; sig <= SIGNALS; sig++)
    if (sig != SIGKILL && sig != SIGSTOP &&
        syscall(SYS_rt_sigaction, sig, default_action, NULL, KERNEL_SIGSET) < 0)
      return false;
  return syscall(SYS_rt_sigprocmask, SIG_SETMASK, none, NULL, KERNEL_SIGSET) ==
         0;
}

/* Executes FILE in the folder FOLDER of LEN bytes. Returns only if that fails;
 * errno says why. */
UNSEEN static void execute_in(const char *folder, size_t len,
                              const lab_spawn_options *o, char *const *envp) {
  char path[PATH_MAX];
  size_t name = strlen(o->file);
  if (len + 1 + name >= sizeof path) {
    errno = ENAMETOOLONG;
    return;
  }
  memcpy(path, folder, len);
  if (len > 0)
    path[len++] = '/';
  memcpy(path + len, o->file, name + 1);
  execve(path, o->argv, envp);
}

/* The same in each folder of PATH, until one has it. */
UNSEEN static void execute_by_path(const spawning *s, char *const *envp) {
  bool denied = false;
  for (const char *folder = s->path;; folder++) {
    const char *end = strchrnul(folder, ':');
    execute_in(folder, (size_t)(end - folder), s->options, envp);
    if (errno == EACCES)
      denied = true;
    else if (errno != ENOENT && errno != ENOTDIR && errno != ENAMETOOLONG)
      return;
    folder = end;
    if (*end == '\0')
      break;
  }
  errno = denied ? EACCES : ENOENT;
}

UNSEEN static int run_spawned(void *arg) {
  spawning *s = arg;
  const lab_spawn_options *o = s->options;
  char *const *envp = o->envp ? o->envp : environ;
  errno = 0;
  if (setsid() >= 0 && set_descriptors(o) && reset_signals()) {
    lab_process_restore_fds();
    if (strchr(o->file, '/'))
      execve(o->file, o->argv, envp);
    else
      execute_by_path(s, envp);
  }
  s->error = errno;
  _exit(127);
}

/* ---- in this process ----------------------------------------------------- */

/* Starts it with all signals blocked. */
static int clone_blocked(pid_t *pid, spawning *s) {
  char *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED)
    return -errno;
  *pid = CLONE_UNSEEN(run_spawned, stack + STACK_BYTES,
                      CLONE_VM | CLONE_VFORK | SIGCHLD, s);
  int rc = *pid < 0 ? -errno : -s->error;
  if (*pid > 0 && s->error)
    waitpid(*pid, NULL, 0);
  UNMARK_STACK(stack, STACK_BYTES);
  munmap(stack, STACK_BYTES);
  return rc;
}

int lab_spawn(pid_t *pid, const lab_spawn_options *o) {
  sigset_t all, before;
  const char *path = getenv("PATH");
  spawning s = {.options = o, .path = path ? path : "/usr/bin:/bin"};
  sigfillset(&all);
  int rc = pthread_sigmask(SIG_SETMASK, &all, &before);
  if (rc)
    return -rc;
  rc = clone_blocked(pid, &s);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return rc;
}

static bool names_same_variable(const char *variable, const char *other) {
  size_t name = strcspn(variable, "=");
  return strncmp(variable, other, name) == 0 && other[name] == '=';
}

char **lab_spawn_environment(char *const *variables, size_t n) {
  size_t known = 0, used = 0;
  while (environ && environ[known])
    known++;
  char **list = lab_xcalloc(known + n + 1, sizeof *list);
  for (size_t i = 0; i < known; i++) {
    size_t j = 0;
    while (j < n && !names_same_variable(variables[j], environ[i]))
      j++;
    if (j == n)
      list[used++] = environ[i];
  }
  for (size_t i = 0; i < n; i++)
    list[used++] = variables[i];
  return list;
}

/* ---- this very program --------------------------------------------------- */

/* The pid of the process to which a program belongs that was started here, and
 * the file in which it tells its port. */
#define PARENT_VARIABLE "DIAGLAB_PARENT"
#define PORT_VARIABLE "DIAGLAB_PORT_FILE"

int lab_spawn_self(pid_t *pid, const lab_spawn_self_options *o) {
  char parent[64], tmpdir[PATH_MAX + 16], port[PATH_MAX + 32];
  char *variables[3] = {parent};
  size_t n = 1;
  snprintf(parent, sizeof parent, PARENT_VARIABLE "=%ld", (long)getpid());
  if (o->temp) {
    snprintf(tmpdir, sizeof tmpdir, "TMPDIR=%s", o->temp);
    variables[n++] = tmpdir;
  }
  if (o->port) {
    snprintf(port, sizeof port, PORT_VARIABLE "=%s", o->port);
    variables[n++] = port;
  }
  char **envp = lab_spawn_environment(variables, n);
  const lab_spawn_options options = {.file = "/proc/self/exe",
                                     .argv = o->argv,
                                     .envp = envp,
                                     .out = o->out,
                                     .err = o->out};
  int rc = lab_spawn(pid, &options);
  lab_xfree(envp);
  return rc;
}

static char port_file[PATH_MAX]; /* "": nobody wants to know */

void lab_spawn_follow_parent(void) {
  const char *value = getenv(PARENT_VARIABLE);
  if (!value)
    return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != (pid_t)strtol(value, NULL, 10))
    _exit(1); /* it has ended already */
  unsetenv(PARENT_VARIABLE);
  const char *file = getenv(PORT_VARIABLE);
  if (file)
    snprintf(port_file, sizeof port_file, "%s", file);
  unsetenv(PORT_VARIABLE); /* it isn't for this program's children */
}

void lab_spawn_tell_port(int port) {
  if (!port_file[0])
    return;
  int fd = open(port_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0)
    return;
  dprintf(fd, "%d\n", port);
  close(fd);
}
