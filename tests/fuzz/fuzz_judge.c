/* SPDX-License-Identifier: MIT
 * Takes any bytes for an answer: '{' begins JSON, anything else is a form.
 * There are no scenarios, so a good answer finds no lesson. Checked: it is
 * refused with a text, for that reason or as malformed, and no error of Lua's
 * comes through. */
#include "base/buf.h"
#include "diagnosis/judge.h"
#include "input.h"
#include "mem/mem.h"

static bool has_text(const lab_buf *b, const char *text) {
  return b->len && memmem(b->data, b->len, text, strlen(text));
}

/* A refusal quotes what it refuses, decoded: then a place in a Lua file may be
 * the input's own. */
static bool may_name_lua(const uint8_t *data, size_t size) {
  return size && (memmem(data, size, "lua", 3) || memchr(data, '%', size) ||
                  memmem(data, size, "\\u", 2));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static bool ready;
  if (!ready)
    LAB_ASSERT(lab_mem_init() == 0);
  ready = true;
  lab_buf out = LAB_BUF_INIT;
  lab_judge_result result;
  lab_judge_question q = {
      .submission = (const char *)data,
      .len = size,
      .is_json = size > 0 && data[0] == '{',
      .form = size > 1 && data[1] % 2 == 0 ? LAB_JUDGE_JSON : LAB_JUDGE_TEXT};
  lab_judge_answer(&q, &result, &out);
  LAB_ASSERT(result.status == 400 || result.status == 404);
  LAB_ASSERT(result.verdict[0] == '\0' && out.len > 0);
  LAB_ASSERT(!has_text(&out, ".lua:") || may_name_lua(data, size));
  lab_buf_free(&out);
  return 0;
}
