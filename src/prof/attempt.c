/* SPDX-License-Identifier: MIT
 * See attempt.h. The numbers are a counter's, mixed with a key of the process,
 * so that they can be told from others without a list of them. */
#include "prof/attempt.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/hash.h"

enum { KNOWN_MAX = 65536 };

static uint64_t key; /* set before the first number is shown */
static _Atomic uint64_t count, present_id, present_since;

static uint64_t number_of(uint64_t nth) {
  uint64_t id = lab_hash_u64(key + nth);
  return id ? id : 1;
}

/* The kernel may refuse random bytes, in a sandbox: the clock is then all that
 * tells two processes apart. */
static void make_key(void) {
  if (getrandom(&key, sizeof key, GRND_NONBLOCK) != (ssize_t)sizeof key)
    key = lab_hash_u64(lab_clock_real() ^ (uint64_t)(uintptr_t)&key);
}

void lab_attempt_begin(void) {
  uint64_t nth = atomic_load(&count) + 1;
  if (nth == 1)
    make_key();
  atomic_store(&present_since, lab_clock_mono());
  atomic_store(&count, nth);
  atomic_store(&present_id, number_of(nth));
}

lab_attempt lab_attempt_now(void) {
  return (lab_attempt){.id = atomic_load(&present_id),
                       .since = atomic_load(&present_since)};
}

bool lab_attempt_is_own(uint64_t id) {
  uint64_t n = atomic_load(&count);
  for (uint64_t i = 0; i < KNOWN_MAX && i < n; i++)
    if (number_of(n - i) == id)
      return true;
  return false;
}

void lab_attempt_text(uint64_t id, char out[LAB_ATTEMPT_TEXT]) {
  snprintf(out, LAB_ATTEMPT_TEXT, "%016" PRIx64, id);
}

void lab_attempt_write(uint64_t id, char out[LAB_ATTEMPT_COMMENT]) {
  memcpy(out, LAB_ATTEMPT_MARK, sizeof LAB_ATTEMPT_MARK - 1);
  lab_attempt_text(id, out + sizeof LAB_ATTEMPT_MARK - 1);
}

uint64_t lab_attempt_parse(const char *comment) {
  uint64_t id;
  int end = 0;
  size_t mark = sizeof LAB_ATTEMPT_MARK - 1;
  if (strncmp(comment, LAB_ATTEMPT_MARK, mark) != 0 ||
      strspn(comment + mark, "0123456789abcdef") != 16 ||
      sscanf(comment + mark, "%16" SCNx64 "%n", &id, &end) != 1 ||
      comment[mark + 16] != '\0')
    return 0;
  return id;
}
