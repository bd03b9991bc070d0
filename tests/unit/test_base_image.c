/* SPDX-License-Identifier: MIT
 * Code and data that the program's files have leave the process, and are read
 * again when they are used. What somebody has written into code stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/image.h"

/* Bytes of files that are in this process's memory. */
static size_t read_file_memory(void) {
  char line[256];
  unsigned long kib = 0;
  FILE *f = fopen("/proc/self/status", "re");
  assert_non_null(f);
  while (fgets(line, sizeof line, f))
    if (sscanf(line, "RssFile: %lu kB", &kib) == 1)
      break;
  fclose(f);
  assert_true(kib > 0);
  return kib * 1024;
}

/* Adds up the bytes of all segments that can't be written, and so has all of
 * them read. */
__attribute__((no_sanitize("address"))) static int
sum_file(struct dl_phdr_info *file, size_t size, void *arg) {
  (void)size;
  if (file->dlpi_addr == getauxval(AT_SYSINFO_EHDR))
    return 0; /* the vDSO is no file's */
  for (unsigned i = 0; i < file->dlpi_phnum; i++) {
    const ElfW(Phdr) *segment = &file->dlpi_phdr[i];
    const unsigned char *p =
        (const unsigned char *)(file->dlpi_addr + segment->p_vaddr);
    if (segment->p_type == PT_LOAD && !(segment->p_flags & PF_W))
      for (size_t k = 0; k < segment->p_memsz; k++)
        *(uint64_t *)arg = *(uint64_t *)arg * 31 + p[k];
  }
  return 0;
}

static uint64_t sum_image(void) {
  uint64_t sum = 0;
  dl_iterate_phdr(sum_file, &sum);
  return sum;
}

static void what_is_not_used_leaves_and_comes_back(void **state) {
  (void)state;
  const uint64_t sum = sum_image();
  const size_t before = read_file_memory();
  const size_t released = lab_image_release();
  const size_t after = read_file_memory();
  assert_true(released > 0);
  /* What is used meanwhile is back. */
  assert_true(after < before && before - after >= released / 3);
  assert_true(sum_image() == sum);
  assert_true(read_file_memory() > after);
}

/* As a debugger writes a breakpoint. */
static void code_that_was_written_stays(void **state) {
  (void)state;
  unsigned char *at = (unsigned char *)(uintptr_t)sum_file;
  unsigned char *page = (unsigned char *)((uintptr_t)at & ~(uintptr_t)4095);
  const unsigned char real = *at;
  int memory = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
  assert_true(memory >= 0);
  assert_int_equal(pwrite(memory, &(unsigned char){0xcc}, 1, (off_t)at), 1);
  lab_image_release();
  assert_int_equal(*(volatile unsigned char *)at, 0xcc);
  assert_int_equal(pwrite(memory, &real, 1, (off_t)at), 1);
  assert_int_equal(madvise(page, 4096, MADV_DONTNEED), 0);
  assert_int_equal(*(volatile unsigned char *)at, real);
  close(memory);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_not_used_leaves_and_comes_back),
      cmocka_unit_test(code_that_was_written_stays),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
