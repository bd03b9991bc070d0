/* SPDX-License-Identifier: MIT
 * Memory between two inaccessible pages, for testing parsers.
 *
 * A parser gets its input so that the last byte is the last one before an
 * inaccessible page, or so that the first byte is the first one after such a
 * page. A step of one byte outside the input then ends the test with SIGSEGV.
 *
 *   guard_page g;
 *   guard_page_open(&g, 4096);                       room for 4096 bytes
 *   parse(guard_page_end(&g, bytes, len), len);
 *   parse(guard_page_begin(&g, bytes, len), len);
 *   guard_page_close(&g);
 *
 * Each of these copies replaces the one before it. */
#ifndef TEST_GUARD_PAGE_H
#define TEST_GUARD_PAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct guard_page {
  char *map;   /* an inaccessible page, the room, an inaccessible page */
  size_t page; /* bytes of a page */
  size_t room; /* whole pages */
} guard_page;

static inline void guard_page_open(guard_page *g, size_t room) {
  g->page = (size_t)sysconf(_SC_PAGESIZE);
  g->room = (room + g->page) / g->page * g->page; /* at least one page */
  void *map = mmap(NULL, g->room + 2 * g->page, PROT_NONE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  assert_true(map != MAP_FAILED);
  g->map = map;
  assert_int_equal(mprotect(g->map + g->page, g->room, PROT_READ | PROT_WRITE),
                   0);
}

static inline void guard_page_close(guard_page *g) {
  assert_int_equal(munmap(g->map, g->room + 2 * g->page), 0);
}

/* Copies the bytes OFFSET bytes behind the begin of the room. The rest of the
 * room is filled with a byte that isn't 0, so that nothing ends there by
 * chance. */
static inline char *guard_page_put(guard_page *g, size_t offset,
                                   const void *bytes, size_t len) {
  char *room = g->map + g->page;
  assert_true(len <= g->room && offset <= g->room - len);
  memset(room, 0x5a, g->room);
  if (len > 0)
    memcpy(room + offset, bytes, len);
  return room + offset;
}

/* A copy that ends just before an inaccessible page. */
static inline char *guard_page_end(guard_page *g, const void *bytes,
                                   size_t len) {
  return guard_page_put(g, g->room - len, bytes, len);
}

/* A copy that begins just after an inaccessible page. */
static inline char *guard_page_begin(guard_page *g, const void *bytes,
                                     size_t len) {
  return guard_page_put(g, 0, bytes, len);
}

/* Copies of a string, with its final 0. */
static inline char *guard_page_end_string(guard_page *g, const char *s) {
  return guard_page_end(g, s, strlen(s) + 1);
}
static inline char *guard_page_begin_string(guard_page *g, const char *s) {
  return guard_page_begin(g, s, strlen(s) + 1);
}

#endif
