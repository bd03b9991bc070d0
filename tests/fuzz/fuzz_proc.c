/* SPDX-License-Identifier: MIT
 * Takes any bytes for texts of /proc: a process's stat and a line of its maps.
 * Checked: numbers that are written in are read out, whatever the program's
 * name and the file's path are; what is refused leaves the result as it was;
 * and a mapping isn't empty. */
#include <stdio.h>

#include "base/proc_text.h"
#include "input.h"

/* A name that the program gave itself can't forge numbers. */
static void check_forged_stat(const char *name, fuzz_input *in) {
  char text[512];
  lab_proc_stat out;
  long long numbers[4];
  for (int i = 0; i < 4; i++)
    numbers[i] = (long long)(fuzz_number(in) >> 1);
  snprintf(text, sizeof text,
           "7 (%.15s) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 %lld 0 %lld "
           "%lld %lld 18446744073709551615 1 1 0 0 0 0 0",
           name, numbers[0], numbers[1], numbers[2], numbers[3]);
  LAB_ASSERT(lab_proc_parse_stat(text, &out));
  LAB_ASSERT(out.threads == (uint64_t)numbers[0] &&
             out.start_ticks == (uint64_t)numbers[1] &&
             out.virtual_bytes == (uint64_t)numbers[2] &&
             out.rss_pages == (uint64_t)numbers[3]);
}

static void check_stat(const char *text) {
  lab_proc_stat out, before;
  memset(&before, 0x55, sizeof before);
  out = before;
  if (!lab_proc_parse_stat(text, &out))
    LAB_ASSERT(memcmp(&out, &before, sizeof out) == 0);
  else
    LAB_ASSERT(out.threads >> 63 == 0 && out.rss_pages >> 63 == 0);
}

static void check_io(const char *text) {
  lab_proc_io out;
  if (lab_proc_parse_io(text, &out))
    LAB_ASSERT((out.reads | out.writes) >> 63 == 0);
}

/* In a path the kernel writes a newline as \012. */
static void check_written_map(char *path, fuzz_input *in) {
  char line[640];
  lab_proc_map out;
  uint64_t start = fuzz_number(in), offset = fuzz_number(in);
  uint64_t limit = start + 1 + fuzz_byte(in);
  bool executable = fuzz_byte(in) % 2;
  path[strcspn(path, "\n")] = '\0';
  if (limit <= start)
    return;
  snprintf(line, sizeof line, "%llx-%llx r-%cp %08llx fe:01 1234%*s/%s\n",
           (unsigned long long)start, (unsigned long long)limit,
           executable ? 'x' : '-', (unsigned long long)offset, 12, "", path);
  LAB_ASSERT(lab_proc_parse_map(line, &out));
  LAB_ASSERT(out.start == start && out.limit == limit && out.offset == offset &&
             out.executable == executable);
  LAB_ASSERT(out.path[0] == '/' && strcmp(out.path + 1, path) == 0);
}

static void check_map(char *line) {
  lab_proc_map out;
  size_t len = strlen(line);
  if (!lab_proc_parse_map(line, &out))
    return;
  LAB_ASSERT(out.start < out.limit);
  LAB_ASSERT(out.path > line && out.path <= line + len);
  LAB_ASSERT(!strchr(out.path, '\n') && out.path[0] != ' ');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz_input in = fuzz_open(data, size);
  bool generated = fuzz_byte(&in) % 2;
  char *text = generated ? fuzz_text(&in, NULL) : fuzz_rest(&in, NULL);
  if (generated) {
    check_forged_stat(text, &in);
    check_written_map(text, &in);
  } else {
    check_stat(text);
    check_io(text);
    check_map(text);
  }
  free(text);
  return 0;
}
