/* SPDX-License-Identifier: MIT
 * Takes any bytes for a query. Checked: each pair stands in the text, in its
 * order; the good ones, encoded anew and read again, are the same; and the
 * others are malformed. */
#include <errno.h>

#include "base/buf.h"
#include "http/query.h"
#include "input.h"

static void encode_text(const lab_buf *text, lab_buf *out) {
  static const char digits[] = "0123456789abcdefABCDEF";
  for (size_t i = 0; i < text->len; i++) {
    unsigned char c = (unsigned char)text->data[i];
    size_t low =
        (c & 15) > 9 && i % 2 ? (c & 15) + 6 : c & 15; /* either case */
    const char escape[] = {'%', digits[c >> 4], digits[low]};
    lab_buf_append(out, escape, sizeof escape);
  }
}

static bool is_same(const lab_buf *a, const lab_buf *b) {
  return a->len == b->len &&
         (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

/* All good pairs, encoded: "%61=%62&"...  Returns how many. */
static size_t encode_pairs(lab_http_str rest, lab_buf *out) {
  lab_buf key = LAB_BUF_INIT, value = LAB_BUF_INIT;
  const char *at = rest.data;
  size_t n = 0;
  for (int rc; (rc = lab_http_next_pair(&rest, &key, &value));) {
    LAB_ASSERT(rc == 1 || rc == -EINVAL);
    LAB_ASSERT(rest.data > at);
    LAB_ASSERT(key.len + value.len <= (size_t)(rest.data - at));
    at = rest.data;
    if (rc < 0)
      continue;
    encode_text(&key, out);
    lab_buf_putc(out, '=');
    encode_text(&value, out);
    lab_buf_putc(out, '&');
    n++;
  }
  LAB_ASSERT(rest.len == 0);
  lab_buf_free(&key);
  lab_buf_free(&value);
  return n;
}

static bool is_escape(const char *at, size_t left) {
  static const char hex[] = "0123456789abcdefABCDEF";
  return left >= 3 && at[1] && strchr(hex, at[1]) && at[2] &&
         strchr(hex, at[2]);
}

static bool is_good_pair(const char *text, size_t len) {
  for (size_t i = 0; i < len; i++)
    if (text[i] == ';' || (text[i] == '%' && !is_escape(text + i, len - i)))
      return false;
  return len > 0;
}

static size_t count_good_pairs(const char *text, size_t len) {
  size_t n = 0, first = 0;
  for (size_t i = 0; i <= len; i++)
    if (i == len || text[i] == '&') {
      n += is_good_pair(text + first, i - first);
      first = i + 1;
    }
  return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  lab_buf once = LAB_BUF_INIT, twice = LAB_BUF_INIT;
  char *text = malloc(size + (size == 0)); /* without a final 0 */
  if (size > 0)
    memcpy(text, data, size);
  size_t n = encode_pairs((lab_http_str){text, size}, &once);
  LAB_ASSERT(n == count_good_pairs(text, size));
  lab_http_str again = {once.len ? once.data : "", once.len};
  LAB_ASSERT(encode_pairs(again, &twice) == n && is_same(&once, &twice));
  lab_buf_free(&once);
  lab_buf_free(&twice);
  free(text);
  return 0;
}
