/* SPDX-License-Identifier: MIT
 * Refuses one allocation of a unit test, for torture.lua.
 *
 * The linker sends every call of an allocator in the test program, in the
 * lab's libraries and in Lua through here (--wrap, see CMakeLists.txt). Shared
 * libraries, such as libc and cmocka, keep their own. Without the variable
 * LAB_REFUSE nothing changes.
 *
 *   LAB_REFUSE=N     the Nth allocation of the process returns NULL; 0 refuses
 *                    nothing and counts
 *   LAB_REFUSE=N+    so does the one after it: Lua collects garbage and asks
 *                    again before it gives up
 *   LAB_REFUSE_TO=F  the report is appended to the file F, not to stderr:
 *                    "refused N SIZE" and the stack at that moment, "made M"
 *                    when the program ends by exit(), and "aborted FILE" when
 *                    FILE, the program or a library, calls abort()
 *   LAB_REFUSE_STACKS=F  writes N to F for each allocation whose innermost
 *                    callers made none before
 *   LAB_REFUSE_STOP=N  the program ends with status 0 at its Nth allocation,
 *                    and reports "stopped"
 *   LAB_REFUSE_CPU=MS  so it does at its first allocation after so many
 *                    milliseconds of CPU time
 *
 * The count is one for all threads. Where threads race, the Nth allocation may
 * be another one in the next run. */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* The names that the linker knows. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);
#if LAB_ALLOC_JEMALLOC
void *__real_mallocx(size_t size, int flags);
void *__real_rallocx(void *p, size_t size, int flags);
void *__wrap_mallocx(size_t size, int flags);
void *__wrap_rallocx(void *p, size_t size, int flags);
#endif

/* NEAR frames tell two callers apart, also in a deep recursion of Lua's. */
enum {
  NEAR = 12,
  DEEP = 24,
  KNOWN_MAX = 1 << 16,
  LINE_MAX_LENGTH = 1024,
  BROKEN_REPORT = 99
};

static bool active;
static uint64_t first = 1, last; /* the allocations to refuse: none */
static uint64_t stop = UINT64_MAX;
static uint64_t cpu_ms; /* or 0: no limit */
static const char *report_path;
static FILE *stacks;
static _Atomic uint64_t made;

/* ---- reports ------------------------------------------------------------- */

/* The file is open for the moment only: some tests count descriptors. Others
 * leave none free: then the limit is what it may be for that moment, too. */
static int open_report(void) {
  struct rlimit limit, most;
  int fd = open(report_path, O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd >= 0 || errno != EMFILE || getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return fd;
  most = limit;
  most.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &most);
  fd = open(report_path, O_WRONLY | O_APPEND | O_CLOEXEC);
  setrlimit(RLIMIT_NOFILE, &limit);
  return fd;
}

static void append_report(const char *line, size_t len) {
  int fd = report_path ? open_report() : STDERR_FILENO;
  if (fd < 0 || write(fd, line, len) != (ssize_t)len)
    _exit(BROKEN_REPORT); /* torture.lua must not miss a line */
  if (report_path)
    close(fd);
}

/* For gdb: break report_refusal. The addresses are offsets in the program, as
 * addr2line takes them. */
static __attribute__((noinline)) void report_refusal(uint64_t n, size_t size) {
  void *frames[DEEP];
  char line[LINE_MAX_LENGTH];
  int count = backtrace(frames, DEEP);
  int len = snprintf(line, sizeof line, "refused %llu %zu at",
                     (unsigned long long)n, size);
  Dl_info own, other;
  dladdr(&made, &own);
  for (int i = 0; i < count; i++)
    if (dladdr(frames[i], &other) && other.dli_fbase == own.dli_fbase)
      len += snprintf(line + len, sizeof line - (size_t)len, " 0x%zx",
                      (size_t)((char *)frames[i] - (char *)own.dli_fbase - 1));
  line[len++] = '\n';
  append_report(line, (size_t)len);
}

static __attribute__((destructor)) void report_made(void) {
  char line[64];
  if (!active)
    return;
  active = false;
  if (stacks)
    fclose(stacks);
  int len = snprintf(line, sizeof line, "made %llu\n",
                     (unsigned long long)atomic_load(&made));
  append_report(line, (size_t)len);
}

/* Also libraries call this abort. cmocka's call is a test's expectation that
 * failed: its own words may be cut, for it prints no more than 1 KiB. It must
 * be a shared library for that, as Debian's is: the selftest finds out. */
_Noreturn void abort(void) {
  void (*real)(void) = (void (*)(void))dlsym(RTLD_NEXT, "abort");
  char line[LINE_MAX_LENGTH];
  Dl_info caller;
  if (active && dladdr(__builtin_return_address(0), &caller)) {
    const char *slash = strrchr(caller.dli_fname, '/');
    int len = snprintf(line, sizeof line, "aborted %.200s\n",
                       slash ? slash + 1 : caller.dli_fname);
    append_report(line, (size_t)len);
  }
  if (real)
    real();
  _exit(BROKEN_REPORT);
}

static uint64_t hash_stack(void) {
  void *frames[NEAR];
  int count = backtrace(frames, NEAR);
  uint64_t hash = 14695981039346656037u; /* FNV-1a */
  for (int i = 0; i < count; i++)
    hash = (hash ^ (uintptr_t)frames[i]) * 1099511628211u;
  return hash | 1;
}

/* A set that only grows. When it is full, every stack counts as known. */
static bool is_new_stack(uint64_t hash) {
  static _Atomic uint64_t known[KNOWN_MAX];
  for (size_t i = 0; i < KNOWN_MAX; i++) {
    uint64_t there = 0;
    if (atomic_compare_exchange_strong(&known[(hash + i) % KNOWN_MAX], &there,
                                       hash))
      return true;
    if (there == hash)
      return false;
  }
  return false;
}

/* ---- the refusal --------------------------------------------------------- */

static uint64_t read_cpu_clock(void) {
  struct timespec used;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return (uint64_t)used.tv_sec * 1000 + (uint64_t)used.tv_nsec / 1000000;
}

static bool is_refused(size_t size) {
  if (!active)
    return false;
  uint64_t n = atomic_fetch_add(&made, 1) + 1;
  if (stacks && is_new_stack(hash_stack()))
    fprintf(stacks, "%llu\n", (unsigned long long)n);
  if (n == stop || (cpu_ms > 0 && read_cpu_clock() >= cpu_ms)) {
    append_report("stopped\n", strlen("stopped\n"));
    report_made();
    _exit(0);
  }
  if (n < first || n > last)
    return false;
  report_refusal(n, size);
  return true;
}

static __attribute__((constructor)) void read_settings(void) {
  const char *number = getenv("LAB_REFUSE");
  const char *stacks_path = getenv("LAB_REFUSE_STACKS");
  const char *stop_at = getenv("LAB_REFUSE_STOP");
  const char *stop_cpu = getenv("LAB_REFUSE_CPU");
  if (!number)
    return;
  char *end;
  uint64_t n = strtoull(number, &end, 10);
  if (n > 0) {
    first = n;
    last = n + (*end == '+');
  }
  if (stop_at)
    stop = strtoull(stop_at, NULL, 10);
  if (stop_cpu)
    cpu_ms = strtoull(stop_cpu, NULL, 10);
  report_path = getenv("LAB_REFUSE_TO");
  if (stacks_path)
    stacks = fopen(stacks_path, "we");
  active = true;
}

void *__wrap_malloc(size_t size) {
  return is_refused(size) ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
  return is_refused(count * size) ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size) {
  return is_refused(size) ? NULL : __real_realloc(p, size);
}

#if LAB_ALLOC_JEMALLOC
void *__wrap_mallocx(size_t size, int flags) {
  return is_refused(size) ? NULL : __real_mallocx(size, flags);
}

void *__wrap_rallocx(void *p, size_t size, int flags) {
  return is_refused(size) ? NULL : __real_rallocx(p, size, flags);
}
#endif
