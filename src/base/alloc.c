/* SPDX-License-Identifier: MIT
 * See alloc.h. */
#include "base/alloc.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/log.h"

static lab_allocator current = {malloc, realloc, free};

void lab_alloc_install(const lab_allocator *allocator) {
  current = *allocator;
}

static void *realloc_counted(void *p, size_t old, size_t size) {
  (void)old;
  return realloc(p, size);
}

static void free_counted(void *p, size_t size) {
  (void)size;
  free(p);
}

static lab_counted_allocator counted = {realloc_counted, free_counted};

void lab_alloc_install_counted(const lab_counted_allocator *allocator) {
  counted = *allocator;
}

void *lab_counted_realloc(void *p, size_t old, size_t size) {
  return counted.realloc(p, old, size);
}

void lab_counted_free(void *p, size_t size) {
  if (p)
    counted.free(p, size);
}

/* ---- the end ------------------------------------------------------------- */

enum { RESERVE = 1 << 20, WRITER_MS = 20, OTHERS_MS = 2000 };

static void (*at_end)(void);
static void *reserve = MAP_FAILED; /* only addresses: for libc, at the end */

void lab_alloc_at_end(void (*give_back)(void)) {
  at_end = give_back;
  reserve = mmap(NULL, RESERVE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* One thread does it; others that come here wait for the end, which comes in
 * any case. */
static void give_back_once(void) {
  static atomic_flag begun = ATOMIC_FLAG_INIT;
  if (atomic_flag_test_and_set(&begun)) {
    poll(NULL, 0, OTHERS_MS);
    return;
  }
  if (reserve != MAP_FAILED)
    munmap(reserve, RESERVE);
  if (at_end)
    at_end();
  poll(NULL, 0, WRITER_MS); /* the log's thread may have earlier lines */
}

/* Nothing here may allocate or take a lock: the caller may hold any. */
static _Noreturn void die_of_memory(size_t size) {
  char text[160];
  char name[16] = ""; /* prctl's size */
  prctl(PR_GET_NAME, name);
  int n = snprintf(text, sizeof text,
                   LAB_OUT_OF_MEMORY "%zu more bytes for the lab's own use, on "
                                     "thread %s\n",
                   size, name);
  int fd = lab_log_fd();
  lab_log_write_last(STDERR_FILENO, text, (size_t)n);
  if (fd != STDERR_FILENO)
    lab_log_write_last(fd, text, (size_t)n);
  give_back_once();
  _exit(LAB_OUT_OF_MEMORY_STATUS);
}

static void *check_or_die(void *p, size_t size) {
  if (!p)
    die_of_memory(size);
  return p;
}

void *lab_try_malloc(size_t size) {
  return current.alloc(size ? size : 1);
}

void *lab_try_zalloc(size_t size) {
  void *p = lab_try_malloc(size);
  if (p)
    memset(p, 0, size);
  return p;
}

void *lab_try_realloc(void *p, size_t size) {
  return current.realloc(p, size ? size : 1);
}

void *lab_xmalloc(size_t size) {
  return check_or_die(lab_try_malloc(size), size);
}

void *lab_xcalloc(size_t count, size_t size) {
  size_t total;
  if (__builtin_mul_overflow(count, size, &total))
    check_or_die(NULL, SIZE_MAX);
  return memset(lab_xmalloc(total), 0, total);
}

void *lab_xrealloc(void *p, size_t size) {
  return check_or_die(lab_try_realloc(p, size), size);
}

char *lab_xmemdup0(const char *s, size_t len) {
  char *copy = lab_xmalloc(len + 1);
  memcpy(copy, s, len);
  copy[len] = '\0';
  return copy;
}

char *lab_xstrdup(const char *s) {
  return lab_xmemdup0(s, strlen(s));
}

void lab_xfree(void *p) {
  if (p)
    current.free(p);
}
