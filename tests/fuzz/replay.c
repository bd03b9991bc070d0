/* SPDX-License-Identifier: MIT
 * Runs a harness on the files of its corpus, without a fuzzer: so each finding
 * whose input is kept there is a test of every build.
 *
 *   fuzz_<what> FOLDER    each file in it; a folder that isn't there is empty
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

/* The input's memory ends where the input does, so that a sanitizer sees a read
 * of one byte more. */
static int replay_file(const char *path) {
  struct stat st;
  FILE *f = fopen(path, "rb");
  if (!f || fstat(fileno(f), &st) < 0 || !S_ISREG(st.st_mode)) {
    if (f)
      fclose(f);
    return 0;
  }
  size_t size = (size_t)st.st_size;
  uint8_t *data = malloc(size + (size == 0));
  size_t n = fread(data, 1, size, f);
  fclose(f);
  fprintf(stderr, "%s\n", path); /* the last one is the one that failed */
  LLVMFuzzerTestOneInput(data, n);
  free(data);
  return 1;
}

static int replay_folder(const char *path) {
  char file[4096];
  struct dirent **entries;
  int count = 0, n = scandir(path, &entries, NULL, alphasort);
  for (int i = 0; i < n; i++) {
    snprintf(file, sizeof file, "%s/%s", path, entries[i]->d_name);
    count += replay_file(file);
    free(entries[i]);
  }
  if (n >= 0)
    free(entries);
  return count;
}

int main(int argc, char **argv) {
  if (argc != 2)
    return 2;
  if (LLVMFuzzerInitialize)
    LLVMFuzzerInitialize(&argc, &argv);
  LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
  printf("%d inputs\n", replay_folder(argv[1]));
  return 0;
}
