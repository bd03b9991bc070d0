/* SPDX-License-Identifier: MIT
 * See lualex.h. It allocates nothing, and looks at each byte once or twice. */
#include "stack/lualex.h"

#include <string.h>

/* <ctype.h> isn't used because Lua's identifiers don't depend on the locale. */
static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
static bool is_word_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         is_digit(c);
}
static bool is_newline(char c) {
  return c == '\n' || c == '\r';
}
static bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

static char peek_char(const lab_lexer *lx, size_t ahead) {
  return ahead < (size_t)(lx->end - lx->at) ? lx->at[ahead] : '\0';
}

/* Passes one character. "\r\n" and "\n\r" are one line end. */
static void pass_char(lab_lexer *lx) {
  char c = *lx->at++;
  if (!is_newline(c))
    return;
  char next = peek_char(lx, 0);
  if (is_newline(next) && next != c)
    lx->at++;
  lx->line++;
}

static void skip_line(lab_lexer *lx) {
  while (lx->at < lx->end && !is_newline(*lx->at))
    lx->at++;
}

void lab_lexer_init(lab_lexer *lx, const char *text, size_t len) {
  *lx = (lab_lexer){text, text + len, 1};
  if (peek_char(lx, 0) == '#')
    skip_line(lx);
}

/* The number of '=' in the long bracket that opens here (C is '[') or closes
 * here (C is ']'); -1 if there is none. */
static long get_bracket_level(const lab_lexer *lx, char c) {
  size_t level = 0;
  if (peek_char(lx, 0) != c)
    return -1;
  while (peek_char(lx, 1 + level) == '=')
    level++;
  return peek_char(lx, 1 + level) == c ? (long)level : -1;
}

/* Passes the long string or comment that begins here. */
static void skip_long(lab_lexer *lx, long level) {
  lx->at += level + 2;
  while (lx->at < lx->end) {
    if (get_bracket_level(lx, ']') == level) {
      lx->at += level + 2;
      return;
    }
    pass_char(lx);
  }
}

static void skip_comment(lab_lexer *lx) {
  lx->at += 2;
  long level = get_bracket_level(lx, '[');
  if (level >= 0)
    skip_long(lx, level);
  else
    skip_line(lx);
}

static void skip_blank(lab_lexer *lx) {
  while (lx->at < lx->end) {
    if (is_space(*lx->at))
      pass_char(lx);
    else if (peek_char(lx, 0) == '-' && peek_char(lx, 1) == '-')
      skip_comment(lx);
    else
      return;
  }
}

/* Passes what follows a backslash, as far as it may look like the string's
 * end. */
static void skip_escape(lab_lexer *lx) {
  if (lx->at == lx->end)
    return;
  bool blanks = *lx->at == 'z';
  pass_char(lx); /* a quote, or a line end */
  while (blanks && lx->at < lx->end && is_space(*lx->at))
    pass_char(lx);
}

/* Passes a short string. If its closing quote is missing, it ends with the
 * line. */
static void skip_string(lab_lexer *lx) {
  char quote = *lx->at++;
  while (lx->at < lx->end && !is_newline(*lx->at)) {
    char c = *lx->at++;
    if (c == quote)
      return;
    if (c == '\\')
      skip_escape(lx);
  }
}

static void skip_number(lab_lexer *lx) {
  while (is_word_char(peek_char(lx, 0)) || peek_char(lx, 0) == '.') {
    char c = *lx->at++;
    bool exponent = c == 'e' || c == 'E' || c == 'p' || c == 'P';
    if (exponent && (peek_char(lx, 0) == '+' || peek_char(lx, 0) == '-'))
      lx->at++;
  }
}

lab_token lab_lexer_next(lab_lexer *lx) {
  skip_blank(lx);
  lab_token t = {LAB_TOKEN_END, lx->at, 0, lx->line};
  if (lx->at == lx->end)
    return t;
  char c = *lx->at;
  long level = get_bracket_level(lx, '[');
  if (c == '"' || c == '\'') {
    t.kind = LAB_TOKEN_STRING;
    skip_string(lx);
  } else if (level >= 0) {
    t.kind = LAB_TOKEN_STRING;
    skip_long(lx, level);
  } else if (is_digit(c) || (c == '.' && is_digit(peek_char(lx, 1)))) {
    t.kind = LAB_TOKEN_NUMBER;
    skip_number(lx);
  } else if (is_word_char(c)) {
    t.kind = LAB_TOKEN_NAME;
    while (is_word_char(peek_char(lx, 0)))
      lx->at++;
  } else {
    t.kind = LAB_TOKEN_SIGN;
    lx->at++;
  }
  t.len = (size_t)(lx->at - t.text);
  t.line = lx->line;
  return t;
}

bool lab_token_is(const lab_token *t, const char *word) {
  return (t->kind == LAB_TOKEN_NAME || t->kind == LAB_TOKEN_SIGN) &&
         strlen(word) == t->len && memcmp(word, t->text, t->len) == 0;
}
