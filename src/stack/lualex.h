/* SPDX-License-Identifier: MIT
 * Splits Lua source into tokens, as far as luanames.c needs them.
 *
 * It accepts any bytes and never fails: text that isn't Lua gives tokens that
 * make no sense. Internal to src/stack. Threads: one at a time per lexer. */
#ifndef LAB_STACK_LUALEX_H
#define LAB_STACK_LUALEX_H

#include <stdbool.h>
#include <stddef.h>

typedef enum lab_token_kind {
  LAB_TOKEN_END,
  LAB_TOKEN_NAME,   /* also keywords */
  LAB_TOKEN_STRING, /* with its quotes or brackets */
  LAB_TOKEN_NUMBER,
  LAB_TOKEN_SIGN, /* one character */
} lab_token_kind;

typedef struct lab_token {
  lab_token_kind kind;
  const char *text; /* points into the source */
  size_t len;
  int line; /* of its end, as Lua counts */
} lab_token;

typedef struct lab_lexer {
  const char *at, *end;
  int line;
} lab_lexer;

/* Begins with the LEN bytes of TEXT, which must stay. A first line that begins
 * with '#' is skipped. */
void lab_lexer_init(lab_lexer *lx, const char *text, size_t len);
/* The next token; at the end, LAB_TOKEN_END each time. */
lab_token lab_lexer_next(lab_lexer *lx);

/* True if T is the name, keyword or sign WORD. */
bool lab_token_is(const lab_token *t, const char *word);

#endif
