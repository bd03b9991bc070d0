/* SPDX-License-Identifier: MIT
 * See luanames.h. One pass over the tokens finds all names; no parser is
 * needed.
 *
 * In a statement, the name follows the word `function`. Otherwise the function
 * is a value: if the token before it is the '=' of an assignment, or a ','
 * after one, the name is what stands before the '='. Besides, the nesting must
 * be known: which table constructor a field belongs to, and which function an
 * anonymous one is in. So there is a stack of scopes. The tokens { ( [ function
 * do if repeat push one, and their ends pop it.
 *
 *   local function f, local f = function     f
 *   function M.a:b, M.a.b = function         M.a:b, M.a.b
 *   t = { g = function, ["g h"] = function } t.g, t["g h"]
 *   return { g = function }                  g
 *   without a name, in f, in the chunk       f.func1, <main>.func1
 *   the second one of a name in the chunk    f#2
 *   a function in that one                   f#2.func1 */
#include "stack/luanames.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/table.h"
#include "stack/lualex.h"

enum {
  MAX_DEPTH = 256,  /* of scopes with a name; Lua itself allows 200 */
  MAX_TARGETS = 16, /* of an assignment */
  MAX_PARTS = 32,   /* of a name such as a.b.c */
  NUMBER_MAX = 11,  /* "#" and the digits of an unsigned */
};

typedef struct function {
  lab_luaname name;
  unsigned closures; /* anonymous functions in it so far */
  unsigned number;   /* the last one given to others of its name */
} function;

typedef struct scope {
  enum { BLOCK, FUNCTION, TABLE, BRACKET } kind;
  size_t assign;   /* the '=' of the assignment we are in, or 0 */
  size_t item;     /* which of its values comes next */
  size_t function; /* FUNCTION: its index */
  char table[LAB_LUANAME_MAX];
} scope;

typedef struct names {
  const lab_token *tokens; /* the last one is END */
  size_t count;
  function *functions; /* [0] is the chunk itself */
  size_t nfunctions, cap;
  lab_table places;        /* from a name to its function's place + 1 */
  unsigned cut_number;     /* the last one of a name that was cut for it */
  scope scopes[MAX_DEPTH]; /* [0] is the chunk's */
  size_t depth;            /* may exceed MAX_DEPTH; scopes beyond aren't kept */
} names;

/* ---- small helpers ------------------------------------------------------- */

typedef struct text {
  char s[LAB_LUANAME_MAX];
  size_t len;
} text;

static void add_text(text *t, const char *s, size_t len) {
  for (size_t i = 0; i < len && t->len < sizeof t->s - 1; i++) {
    unsigned char c = (unsigned char)s[i];
    t->s[t->len++] = (char)(c < 0x20 || c == 0x7f ? '?' : c);
  }
  t->s[t->len] = '\0';
}

static bool is_this_token(const names *n, size_t i, const char *word) {
  return lab_token_is(&n->tokens[i], word);
}

static bool is_any_token(const names *n, size_t i, const char *const *words) {
  for (; *words; words++)
    if (is_this_token(n, i, *words))
      return true;
  return false;
}

static bool is_identifier(const names *n, size_t i) {
  static const char *const keywords[] = {
      "and",      "break",  "do",   "else", "elseif", "end",   "false", "for",
      "function", "goto",   "if",   "in",   "local",  "nil",   "not",   "or",
      "repeat",   "return", "then", "true", "until",  "while", NULL};
  return n->tokens[i].kind == LAB_TOKEN_NAME && !is_any_token(n, i, keywords);
}

static scope *get_scope(names *n) {
  return &n->scopes[n->depth < MAX_DEPTH ? n->depth : MAX_DEPTH - 1];
}

static scope *push_scope(names *n, int kind) {
  n->depth++;
  scope *s = get_scope(n);
  if (n->depth < MAX_DEPTH) {
    s->kind = kind;
    s->assign = s->item = 0;
    s->table[0] = '\0';
  }
  return s;
}

static void pop_scope(names *n) {
  if (n->depth > 0)
    n->depth--;
}

/* ---- names that stand before the function -------------------------------- */

/* If tokens [ X ] end at I, where X is one token: the index of '[', else 0. */
static size_t find_subscript(const names *n, size_t i) {
  return i >= 2 && is_this_token(n, i, "]") && is_this_token(n, i - 2, "[")
             ? i - 2
             : 0;
}

/* The first token of the variable that ends at token I: a, a.b.c, a["k"].d, or
 * the key of a table's field. Returns I + 1 if there is none. */
static size_t find_variable_start(const names *n, size_t i) {
  size_t start = i + 1;
  for (int part = 0; part < MAX_PARTS; part++) {
    size_t bracket = find_subscript(n, i);
    if (!bracket && !is_identifier(n, i))
      break;
    start = bracket ? bracket : i;
    bool dot = start >= 2 && (is_this_token(n, start - 1, ".") ||
                              is_this_token(n, start - 1, ":"));
    if (start < 1 || (!bracket && !dot))
      break;
    i = start - (bracket ? 1 : 2);
  }
  return start;
}

static bool is_name(const char *s, size_t len) {
  lab_lexer lx;
  lab_lexer_init(&lx, s, len);
  lab_token t = lab_lexer_next(&lx);
  return t.kind == LAB_TOKEN_NAME && t.len == len;
}

/* Writes ["key"] as .key if Lua allows that, else with its brackets. */
static void add_subscript(const names *n, size_t key, text *out) {
  const lab_token *t = &n->tokens[key];
  bool quoted = t->kind == LAB_TOKEN_STRING && t->text[0] != '[' && t->len >= 2;
  const char *s = t->text + quoted;
  size_t len = t->len - (quoted ? 2 : 0);
  if (quoted && is_name(s, len)) {
    add_text(out, ".", out->len > 0);
    add_text(out, s, len);
    return;
  }
  add_text(out, "[\"", 1 + quoted);
  add_text(out, s, len);
  add_text(out, quoted ? "\"]" : "]", 1 + quoted);
}

static void add_variable(const names *n, size_t start, size_t end, text *out) {
  for (size_t i = start; i <= end; i++) {
    if (is_this_token(n, i, "[") && i + 2 <= end) {
      add_subscript(n, i + 1, out);
      i += 2;
    } else {
      add_text(out, n->tokens[i].text, n->tokens[i].len);
    }
  }
}

typedef struct target {
  size_t start, end;
} target;

/* The targets of the assignment whose '=' is token ASSIGN, last one first. */
static size_t find_targets(const names *n, size_t assign, bool one,
                           target out[MAX_TARGETS]) {
  size_t count = 0;
  for (size_t end = assign; end > 0 && count < MAX_TARGETS;) {
    end--;
    if (end >= 3 && is_this_token(n, end, ">") &&
        is_this_token(n, end - 2, "<"))
      end -= 3; /* local x <const> */
    size_t start = find_variable_start(n, end);
    if (start > end)
      break;
    out[count++] = (target){start, end};
    if (one || start == 0 || !is_this_token(n, start - 1, ","))
      break;
    end = start - 1;
  }
  return count;
}

/* The name that the value beginning at token I is assigned to, or "". */
static text find_assigned_name(names *n, size_t i) {
  text name = {.len = 0};
  const scope *s = get_scope(n);
  if (s->assign == 0 || i == 0 ||
      !(is_this_token(n, i - 1, "=") || is_this_token(n, i - 1, ",")) ||
      n->depth >= MAX_DEPTH)
    return name;
  target list[MAX_TARGETS];
  bool field = s->kind == TABLE;
  size_t count = find_targets(n, s->assign, field, list);
  if (s->item >= count)
    return name;
  const target *t = &list[count - 1 - s->item];
  if (field && s->table[0]) {
    add_text(&name, s->table, strlen(s->table));
    if (!is_this_token(n, t->start, "["))
      add_text(&name, ".", 1);
  }
  add_variable(n, t->start, t->end, &name);
  return name;
}

/* ---- functions ----------------------------------------------------------- */

static text make_anonymous_name(names *n) {
  size_t d = n->depth < MAX_DEPTH ? n->depth : MAX_DEPTH - 1;
  while (n->scopes[d].kind != FUNCTION)
    d--; /* it ends: the chunk's scope is a function's */
  function *outer = &n->functions[n->scopes[d].function];
  char number[32];
  int len = snprintf(number, sizeof number, ".func%u", ++outer->closures);
  text name = {.len = 0};
  size_t room = sizeof name.s - 1 - (size_t)len;
  size_t outer_len = strlen(outer->name.name);
  add_text(&name, outer->name.name, outer_len < room ? outer_len : room);
  add_text(&name, number, (size_t)len);
  return name;
}

static text read_statement_name(const names *n, size_t i) {
  text name = {.len = 0};
  for (; is_identifier(n, i) || is_this_token(n, i, ".") ||
         is_this_token(n, i, ":");
       i++)
    add_text(&name, n->tokens[i].text, n->tokens[i].len);
  return name;
}

/* The function that has this name, or NULL. */
static function *find_by_name(names *n, const char *name, uint64_t hash) {
  lab_table_walk walk = lab_table_find(&n->places, hash);
  for (uint32_t id; (id = lab_table_next(&walk));)
    if (strcmp(n->functions[id - 1].name.name, name) == 0)
      return &n->functions[id - 1];
  return NULL;
}

static void number_name(char out[LAB_LUANAME_MAX], const text *name,
                        unsigned number) {
  char end[NUMBER_MAX + 1];
  size_t len = (size_t)snprintf(end, sizeof end, "#%u", number);
  size_t room = LAB_LUANAME_MAX - 1 - len;
  size_t at = name->len < room ? name->len : room;
  memcpy(out, name->s, at);
  memcpy(out + at, end, len + 1);
}

/* Profiles merge functions of one name. So the second one of a name gets its
 * number at once, and what is within it has the number in its name, too. The
 * number isn't the line: it stays when lines above are added. Names that are
 * cut for it may be alike, so they share their numbers. */
static void name_function(names *n, function *f, const text *name) {
  char *out = f->name.name;
  memcpy(out, name->s, name->len + 1);
  uint64_t hash = lab_hash_bytes(out, name->len, 0);
  function *first = find_by_name(n, out, hash);
  bool is_cut = name->len + NUMBER_MAX >= LAB_LUANAME_MAX;
  while (first && find_by_name(n, out, hash)) {
    unsigned *last = is_cut ? &n->cut_number : &first->number;
    *last = *last ? *last + 1 : 2;
    number_name(out, name, *last);
    hash = lab_hash_bytes(out, strlen(out), 0);
  }
  lab_table_add(&n->places, hash, (uint32_t)(f - n->functions) + 1);
}

static size_t add_function(names *n, int line, const text *name) {
  if (n->nfunctions == n->cap) {
    n->cap = n->cap ? n->cap * 2 : 32;
    n->functions = lab_xrealloc(n->functions, n->cap * sizeof *n->functions);
  }
  function *f = &n->functions[n->nfunctions];
  f->name.line = line;
  f->closures = f->number = 0;
  name_function(n, f, name);
  return n->nfunctions++;
}

/* Token I is `function`. Lua counts a function statement from that word, any
 * other function from its parenthesis. */
static void begin_function(names *n, size_t i) {
  bool statement = is_identifier(n, i + 1);
  bool local = i > 0 && is_this_token(n, i - 1, "local");
  text name =
      statement ? read_statement_name(n, i + 1) : find_assigned_name(n, i);
  if (name.len == 0)
    name = make_anonymous_name(n);
  int line = n->tokens[i].line;
  if (!statement)
    line = n->tokens[i + 1].line;
  else if (local)
    line = n->tokens[i + 2].line;
  size_t index = add_function(n, line, &name);
  push_scope(n, FUNCTION)->function = index;
}

static void begin_table(names *n, size_t i) {
  text name = find_assigned_name(n, i);
  scope *s = push_scope(n, TABLE);
  if (n->depth < MAX_DEPTH && name.len)
    memcpy(s->table, name.s, name.len + 1);
}

/* ---- the pass ------------------------------------------------------------ */

static void visit_word(names *n, size_t i) {
  static const char *const statements[] = {
      "break", "do",     "else",   "elseif", "end",   "for",   "goto", "if",
      "local", "repeat", "return", "then",   "until", "while", NULL};
  if (is_this_token(n, i, "function")) {
    begin_function(n, i);
    return;
  }
  if (!is_any_token(n, i, statements))
    return;
  if (is_this_token(n, i, "end") || is_this_token(n, i, "until"))
    pop_scope(n);
  else if (is_this_token(n, i, "do") || is_this_token(n, i, "if") ||
           is_this_token(n, i, "repeat"))
    push_scope(n, BLOCK);
  else
    get_scope(n)->assign = 0; /* an assignment ends where a statement begins */
}

static void visit_sign(names *n, size_t i) {
  scope *s = get_scope(n);
  switch (n->tokens[i].text[0]) {
  case '=':
    s->assign = i;
    s->item = 0;
    break;
  case ',':
    s->item++;
    if (s->kind == TABLE)
      s->assign = 0;
    break;
  case ';':
    s->assign = 0;
    break;
  case '{':
    begin_table(n, i);
    break;
  case '(':
  case '[':
    push_scope(n, BRACKET);
    break;
  case '}':
  case ')':
  case ']':
    pop_scope(n);
    break;
  }
}

static lab_token *read_tokens(const char *source, size_t len, size_t *count) {
  lab_lexer lx;
  lab_lexer_init(&lx, source, len);
  lab_token *tokens = NULL;
  size_t n = 0, cap = 0;
  do {
    if (n + 2 >= cap) {
      cap = cap ? cap * 2 : 256;
      tokens = lab_xrealloc(tokens, cap * sizeof *tokens);
    }
    tokens[n] = lab_lexer_next(&lx);
  } while (tokens[n++].kind != LAB_TOKEN_END);
  tokens[n] = tokens[n + 1] = tokens[n - 1]; /* for those who look ahead */
  *count = n;
  return tokens;
}

/* By line, then in the order of the text. */
static int compare_order(const void *a, const void *b) {
  const lab_luaname *x = a, *y = b;
  if (x->line != y->line)
    return x->line < y->line ? -1 : 1;
  return (x->order > y->order) - (x->order < y->order);
}

/* LIST is in the order of the text. */
static void count_order(lab_luaname *list, size_t count) {
  for (size_t i = 0; i < count; i++)
    list[i].order =
        i > 0 && list[i].line == list[i - 1].line ? list[i - 1].order + 1 : 0;
}

static size_t collect_names(names *n, lab_luaname **out) {
  size_t count = n->nfunctions - 1; /* without the chunk itself */
  lab_luaname *list = lab_xmalloc(count * sizeof *list);
  for (size_t i = 0; i < count; i++) {
    list[i] = n->functions[i + 1].name;
    list[i].order = (int)i;
  }
  qsort(list, count, sizeof *list, compare_order);
  count_order(list, count);
  *out = list;
  return count;
}

size_t lab_luanames_find(const char *source, size_t len, lab_luaname **out) {
  names *n = lab_xcalloc(1, sizeof *n);
  lab_token *tokens = read_tokens(source, len, &n->count);
  n->tokens = tokens;
  text chunk = {.len = 0};
  add_text(&chunk, "<main>", 6);
  n->scopes[0].kind = FUNCTION;
  n->scopes[0].function = add_function(n, 0, &chunk);
  for (size_t i = 0; i < n->count; i++) {
    if (tokens[i].kind == LAB_TOKEN_NAME)
      visit_word(n, i);
    else if (tokens[i].kind == LAB_TOKEN_SIGN)
      visit_sign(n, i);
  }
  size_t count = collect_names(n, out);
  lab_table_free(&n->places);
  lab_xfree(n->functions);
  lab_xfree(tokens);
  lab_xfree(n);
  return count;
}
