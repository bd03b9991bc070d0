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

static int stat_fd = -1;
static uint64_t start_ns;      /* since 1970 */
static uint64_t start_boot_ns; /* since the machine started */

/* Reads /proc/self/stat, which proc(5) describes. *START is when the process
 * started, in clock ticks since the machine did. The fields are read from the
 * third one on: the second is the program's name in parentheses, which may hold
 * spaces and parentheses itself, so the last parenthesis in the text ends it.
 */
static void read_stat(lab_process *p, uint64_t *start) {
  char text[1024];
  ssize_t n = pread(stat_fd, text, sizeof text - 1, 0);
  if (n <= 0)
    return;
  text[n] = '\0';
  const char *rest = strrchr(text, ')');
  unsigned long long threads, ticks, size;
  long long pages;
  if (!rest || sscanf(rest,
                      ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u "
                      "%*d %*d %*d %*d %llu %*d %llu %llu %lld",
                      &threads, &ticks, &size, &pages) != 4)
    return;
  *start = ticks;
  p->threads = threads;
  p->virtual_bytes = size;
  p->rss = (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

int lab_process_open(void) {
  if (stat_fd >= 0)
    return 0;
  stat_fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
  if (stat_fd < 0)
    return -errno;
  lab_process now;
  uint64_t ticks = 0, hz = (uint64_t)sysconf(_SC_CLK_TCK);
  read_stat(&now, &ticks);
  /* Computed once, so that they never change. */
  start_boot_ns = ticks * (LAB_SECOND / hz);
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

void lab_process_read(lab_process *p) {
  uint64_t ticks;
  memset(p, 0, sizeof *p);
  read_stat(p, &ticks);
  p->start_ns = start_ns;
  uint64_t boot_ns = lab_clock_read(CLOCK_BOOTTIME);
  if (start_ns > 0 && boot_ns > start_boot_ns)
    p->age_ns = boot_ns - start_boot_ns;
  p->cpu_ns = lab_clock_process_cpu();
  p->max_fds = get_limit(RLIMIT_NOFILE);
  p->max_virtual_bytes = get_limit(RLIMIT_AS);
  p->fds = count_fds(p->max_fds);
}

/* ---- the limit of descriptors -------------------------------------------- */

enum { RAISED_MAX = 65536 };

static rlim_t first_soft_limit; /* 0: it has not been raised */
static rlim_t raised_soft_limit;

void lab_process_lower_fds(bool lowered) {
  struct rlimit limit;
  if (first_soft_limit == 0 || getrlimit(RLIMIT_NOFILE, &limit) < 0)
    return;
  limit.rlim_cur = lowered ? first_soft_limit : raised_soft_limit;
  setrlimit(RLIMIT_NOFILE, &limit);
}

/* In the child, between fork and exec: async-signal-safe; errno stays. */
static void restore_fd_limit(void) {
  int error = errno;
  lab_process_lower_fds(true);
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
      pthread_atfork(NULL, NULL, restore_fd_limit) != 0)
    return;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
    return;
  first_soft_limit = soft;
  raised_soft_limit = limit.rlim_cur;
}
