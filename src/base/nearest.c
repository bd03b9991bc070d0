/* SPDX-License-Identifier: MIT
 * See nearest.h. The number of mistakes between two words is their edit
 * distance with transpositions (optimal string alignment). It is computed with
 * the usual table, of which only three rows are kept. */
#include "base/nearest.h"

#include <ctype.h>
#include <string.h>

enum { WORD_MAX = 63 };

static int is_same_letter(char a, char b) {
  return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static size_t get_least(size_t a, size_t b) {
  return a < b ? a : b;
}

/* Both words must have at most WORD_MAX letters. */
static size_t count_mistakes(const char *a, size_t na, const char *b,
                             size_t nb) {
  size_t rows[3][WORD_MAX + 1];
  for (size_t j = 0; j <= nb; j++)
    rows[0][j] = j;
  for (size_t i = 1; i <= na; i++) {
    size_t *row = rows[i % 3];
    const size_t *up = rows[(i - 1) % 3], *two_up = rows[(i + 1) % 3];
    row[0] = i;
    for (size_t j = 1; j <= nb; j++) {
      row[j] = up[j - 1] + !is_same_letter(a[i - 1], b[j - 1]);
      row[j] = get_least(row[j], get_least(up[j], row[j - 1]) + 1);
      if (i > 1 && j > 1 && is_same_letter(a[i - 1], b[j - 2]) &&
          is_same_letter(a[i - 2], b[j - 1]))
        row[j] = get_least(row[j], two_up[j - 2] + 1);
    }
  }
  return rows[na % 3][nb];
}

const char *lab_nearest(const char *word, const char *const *known, size_t n) {
  const char *best = NULL;
  size_t fewest = WORD_MAX, len = strlen(word);
  for (size_t i = 0; i < n; i++) {
    size_t other = strlen(known[i]);
    if (len > WORD_MAX || other > WORD_MAX)
      continue;
    size_t count = count_mistakes(word, len, known[i], other);
    size_t most = (other + 2) / 3;
    if (count <= most && count < other && count < fewest) {
      best = known[i];
      fewest = count;
    }
  }
  return best;
}
