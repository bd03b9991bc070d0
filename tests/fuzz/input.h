/* SPDX-License-Identifier: MIT
 * What harnesses share: the function that the fuzzer calls, and a reader that
 * makes values out of an input's bytes. When the bytes are used up, numbers are
 * 0 and texts are empty. */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

typedef struct fuzz_input {
  const uint8_t *at, *end;
} fuzz_input;

static inline fuzz_input fuzz_open(const uint8_t *data, size_t size) {
  return (fuzz_input){data, data + size};
}

static inline size_t fuzz_left(const fuzz_input *in) {
  return (size_t)(in->end - in->at);
}

static inline uint8_t fuzz_byte(fuzz_input *in) {
  return in->at < in->end ? *in->at++ : 0;
}

static inline unsigned fuzz_below(fuzz_input *in, unsigned n) {
  return fuzz_byte(in) % n;
}

/* A byte says how many bytes the number has, so that small ones are short. */
static inline uint64_t fuzz_number(fuzz_input *in) {
  uint64_t n = 0;
  for (unsigned left = fuzz_byte(in) % 9; left > 0; left--)
    n = n << 8 | fuzz_byte(in);
  return n;
}

/* A copy of the next LEN bytes at most, and a final 0 that isn't counted in
 * *SIZE (which may be NULL). The caller frees it. */
static inline char *fuzz_copy(fuzz_input *in, size_t len, size_t *size) {
  if (len > fuzz_left(in))
    len = fuzz_left(in);
  char *text = malloc(len + 1);
  if (len > 0)
    memcpy(text, in->at, len);
  text[len] = '\0';
  in->at += len;
  if (size)
    *size = len;
  return text;
}

/* The same; its length is in the first byte. */
static inline char *fuzz_text(fuzz_input *in, size_t *size) {
  size_t len = fuzz_byte(in);
  return fuzz_copy(in, len, size);
}

/* All that is left. */
static inline char *fuzz_rest(fuzz_input *in, size_t *size) {
  return fuzz_copy(in, fuzz_left(in), size);
}

#endif
