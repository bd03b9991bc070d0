/* SPDX-License-Identifier: MIT
 * See process.h. */
#include "base/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/proc_text.h"

static int stat_fd = -1, io_fd = -1;
static uint64_t start_ns;      /* since 1970 */
static uint64_t start_boot_ns; /* since the machine started */

enum { TEXT_MAX = 1024 };

/* FD's text, 0-terminated: "" if it can't be read. */
static const char *read_proc_text(int fd, char text[TEXT_MAX]) {
  ssize_t n = pread(fd, text, TEXT_MAX - 1, 0);
  text[n > 0 ? n : 0] = '\0';
  return text;
}

/* False: it can't be read. */
static bool read_stat(lab_proc_stat *out) {
  char text[TEXT_MAX];
  return lab_proc_parse_stat(read_proc_text(stat_fd, text), out);
}

int lab_process_open(void) {
  if (stat_fd >= 0)
    return 0;
  stat_fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
  if (stat_fd < 0)
    return -errno;
  io_fd = open("/proc/self/io", O_RDONLY | O_CLOEXEC);
  lab_proc_stat now = {0};
  uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);
  read_stat(&now);
  /* Computed once, so that they never change. */
  start_boot_ns = now.start_ticks * (LAB_SECOND / hz);
  start_ns = lab_clock_real() + start_boot_ns - lab_clock_read(CLOCK_BOOTTIME);
  return 0;
}

/* The number of open descriptors. Since Linux 6.2 it is the folder's size; to
 * list 20,000 of them takes 20 ms. Before, it is the number of its entries but
 * ".", ".." and the one by which it is read. If the folder can't be opened
 * because there is no free descriptor, all of LIMIT are open. */
static uint64_t count_fds(uint64_t limit) {
  struct stat folder;
  if (stat("/proc/self/fd", &folder) == 0 && folder.st_size > 0)
    return (uint64_t)folder.st_size;
  DIR *dir = opendir("/proc/self/fd");
  if (!dir)
    return errno == EMFILE ? limit : 0;
  uint64_t n = 0;
  while (readdir(dir))
    n++;
  closedir(dir);
  return n - 3;
}

static uint64_t get_limit(int resource) {
  struct rlimit limit;
  if (getrlimit(resource, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
    return UINT64_MAX;
  return limit.rlim_cur;
}

static uint64_t to_ns(struct timeval t) {
  return (uint64_t)t.tv_sec * LAB_SECOND + (uint64_t)t.tv_usec * 1000;
}

static void read_usage(lab_process *p) {
  struct rusage usage;
  if (getrusage(RUSAGE_SELF, &usage) < 0)
    return;
  p->user_ns = to_ns(usage.ru_utime);
  p->system_ns = to_ns(usage.ru_stime);
  p->minor_faults = (uint64_t)usage.ru_minflt;
  p->major_faults = (uint64_t)usage.ru_majflt;
}

void lab_process_read(lab_process *p) {
  lab_proc_stat now;
  char text[TEXT_MAX];
  memset(p, 0, sizeof *p);
  lab_proc_parse_io(read_proc_text(io_fd, text), &p->io);
  if (read_stat(&now)) {
    p->threads = now.threads;
    p->virtual_bytes = now.virtual_bytes;
    p->rss = now.rss_pages * (uint64_t)sysconf(_SC_PAGESIZE);
  }
  p->start_ns = start_ns;
  uint64_t boot_ns = lab_clock_read(CLOCK_BOOTTIME);
  if (start_ns > 0 && boot_ns > start_boot_ns)
    p->age_ns = boot_ns - start_boot_ns;
  p->cpu_ns = lab_clock_process_cpu();
  read_usage(p);
  p->max_fds = get_limit(RLIMIT_NOFILE);
  p->max_virtual_bytes = get_limit(RLIMIT_AS);
  p->fds = count_fds(p->max_fds);
}

/* ---- waiting for a processor --------------------------------------------- */

/* The second number of a thread's schedstat; negative: there is none. */
static int64_t read_thread_wait(int tasks, const char *tid) {
  char path[64], text[128];
  unsigned long long ran, waited;
  snprintf(path, sizeof path, "%.32s/schedstat", tid);
  int fd = openat(tasks, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return -1;
  ssize_t n = read(fd, text, sizeof text - 1);
  close(fd);
  if (n <= 0)
    return -1;
  text[n] = '\0';
  return sscanf(text, "%llu %llu", &ran, &waited) == 2 ? (int64_t)waited : -1;
}

int64_t lab_process_waited(pid_t pid) {
  char path[64] = "/proc/self/task";
  if (pid > 0)
    snprintf(path, sizeof path, "/proc/%ld/task", (long)pid);
  DIR *tasks = opendir(path);
  int64_t sum = -1;
  if (!tasks)
    return -1;
  for (const struct dirent *e; (e = readdir(tasks));) {
    int64_t ns =
        e->d_name[0] == '.' ? -1 : read_thread_wait(dirfd(tasks), e->d_name);
    if (ns >= 0)
      sum = (sum < 0 ? 0 : sum) + ns;
  }
  closedir(tasks);
  return sum;
}

bool lab_process_is_asleep(pid_t tid) {
  char path[64], text[TEXT_MAX];
  lab_proc_stat now;
  snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)tid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return true;
  bool is_read = lab_proc_parse_stat(read_proc_text(fd, text), &now);
  close(fd);
  return !is_read || now.state != 'R';
}

/* ---- the limit of descriptors -------------------------------------------- */

enum { RAISED_MAX = 65536 };

static rlim_t first_soft_limit; /* 0: it has not been raised */

void lab_process_restore_fds(void) {
  int error = errno;
  struct rlimit limit;
  if (first_soft_limit > 0 && getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = first_soft_limit;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  errno = error;
}

void lab_process_raise_fds(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
    return;
  rlim_t soft = limit.rlim_cur;
  limit.rlim_cur =
      limit.rlim_max < RAISED_MAX ? limit.rlim_max : (rlim_t)RAISED_MAX;
  if (soft >= limit.rlim_cur ||
      pthread_atfork(NULL, NULL, lab_process_restore_fds) != 0)
    return;
  if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
    first_soft_limit = soft;
}
