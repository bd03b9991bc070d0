/* SPDX-License-Identifier: MIT
 * See pattern.h. */
#include "vm/pattern.h"

#include <ctype.h>
#include <lauxlib.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>

#include "vm/preempt.h"

typedef lab_pattern_text text;
enum { OPENED, CLOSED, LONGEST, SHORTEST, OPTIONAL }; /* kinds of choices */
/* Between two looks: steps, of which a long item is several; characters; bytes
 * that are compared. */
enum { STEPS = 4096, STEP = 8, SCAN = 1 << 16, COMPARED = 1 << 20 };

/* ---- single characters --------------------------------------------------- */

/* The end of the set at P, after its '['. */
static text find_set_end(const lab_pattern *m, text p) {
  text look = p + SCAN;
  if (*p == '^')
    p++;
  for (bool first = true;; first = false) {
    if (p > look) {
      lab_lua_look_around(m->L);
      look = p + SCAN;
    }
    if (p >= m->pend)
      luaL_error(m->L, "malformed pattern (missing ']')");
    if (!first && *p == ']')
      return p + 1;
    if (*p++ == '%' && p < m->pend)
      p++;
  }
}

/* The end of the single-character item at P. */
static text find_item_end(const lab_pattern *m, text p) {
  unsigned char c = *p++;
  if (c == '[')
    return find_set_end(m, p);
  if (c != '%')
    return p;
  if (p == m->pend)
    luaL_error(m->L, "malformed pattern (ends with '%%')");
  return p + 1;
}

/* CLASSES has the letters of a pattern's classes. kinds[c] has a bit for each
 * class that the character C is in, and classes[x] the bit of the class that
 * "%x" means; 0: X is no such letter. One look is enough for a character. */
static const char CLASSES[] = "acdglpsuwx";
static unsigned short kinds[UCHAR_MAX + 1], classes[UCHAR_MAX + 1];

static bool is_of_kind(int c, char letter) {
  switch (letter) {
  case 'a':
    return isalpha(c);
  case 'c':
    return iscntrl(c);
  case 'd':
    return isdigit(c);
  case 'g':
    return isgraph(c);
  case 'l':
    return islower(c);
  case 'p':
    return ispunct(c);
  case 's':
    return isspace(c);
  case 'u':
    return isupper(c);
  case 'w':
    return isalnum(c);
  default:
    return isxdigit(c);
  }
}

static void note_classes(void) {
  for (int i = 0; CLASSES[i]; i++) {
    unsigned short bit = (unsigned short)(1u << i);
    classes[(int)CLASSES[i]] = classes[toupper(CLASSES[i])] = bit;
    for (int c = 0; c <= UCHAR_MAX; c++)
      if (is_of_kind(c, CLASSES[i]))
        kinds[c] |= bit;
  }
}

void lab_pattern_init(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, note_classes);
}

/* An upper-case class is all the others. */
static inline bool is_in_class(int c, int class) {
  if (classes[class] == 0)
    return class == c;
  bool others = !(class & 0x20);
  return ((kinds[c] & classes[class]) != 0) != others;
}

/* P is at '[', LAST at the ']'. */
static inline bool is_in_set(const lab_pattern *m, int c, text p, text last) {
  bool found = true;
  text look = p + SCAN;
  if (*++p == '^') {
    found = false;
    p++;
  }
  for (; p < last; p++) {
    if (p > look) {
      lab_lua_look_around(m->L);
      look = p + SCAN;
    }
    if (*p == '%') {
      if (is_in_class(c, *++p))
        return found;
    } else if (p[1] == '-' && p + 2 < last) {
      if (p[0] <= c && c <= p[2])
        return found;
      p += 2;
    } else if (*p == c) {
      return found;
    }
  }
  return !found;
}

static inline bool is_of_item(const lab_pattern *m, int c, text p, text ep) {
  switch (*p) {
  case '.':
    return true;
  case '%':
    return is_in_class(c, p[1]);
  case '[':
    return is_in_set(m, c, p, ep - 1);
  default:
    return *p == c;
  }
}

/* ---- many characters ----------------------------------------------------- */

/* The first place from AT on, before STOP, that is (or isn't) of the item. */
static inline text skip_part(const lab_pattern *m, text at, text stop, text p,
                             text ep, bool of) {
  unsigned char c = *p;
  if (c == '[')
    while (at < stop && is_in_set(m, *at, p, ep - 1) == of)
      at++;
  else if (c == '%')
    while (at < stop && is_in_class(*at, p[1]) == of)
      at++;
  else
    while (at < stop && (*at == c || c == '.') == of)
      at++;
  return at;
}

static text skip_characters(const lab_pattern *m, text at, text p, text ep,
                            bool of) {
  ptrdiff_t part = SCAN / ((ep - p) / STEP + 1) + 1;
  for (;;) {
    text stop = m->end - at > part ? at + part : m->end;
    at = skip_part(m, at, stop, p, ep, of);
    if (at < stop || at == m->end)
      return at;
    lab_lua_look_around(m->L);
  }
}

static ptrdiff_t measure_longest(const lab_pattern *m, text s, text p,
                                 text ep) {
  return *p == '.' ? m->end - s : skip_characters(m, s, p, ep, true) - s;
}

/* The end of the text of the %b item with its two characters at P, or NULL. */
static text find_balanced_end(lab_pattern *m, text s, text p) {
  if (p + 1 >= m->pend)
    luaL_error(m->L, "malformed pattern (missing arguments to '%%b')");
  if (s >= m->end || *s != *p)
    return NULL;
  ptrdiff_t depth = 1;
  for (ptrdiff_t n = 1; ++s < m->end; n++) {
    if (n % SCAN == 0)
      lab_lua_look_around(m->L);
    m->steps += n % STEP == 0;
    if (*s == p[1]) {
      if (--depth == 0)
        return s + 1;
    } else if (*s == *p) {
      depth++;
    }
  }
  return NULL;
}

/* ---- choices and captures ------------------------------------------------ */

static void push_choice(lab_pattern *m, lab_pattern_choice choice) {
  if (m->height == LAB_PATTERN_DEPTH)
    luaL_error(m->L, "pattern too complex");
  m->choices[m->height++] = choice;
}

static void open_capture(lab_pattern *m, text s, ptrdiff_t len) {
  if (m->level >= LAB_PATTERN_CAPTURES)
    luaL_error(m->L, "too many captures");
  m->captures[m->level].at = s;
  m->captures[m->level++].len = len;
  push_choice(m, (lab_pattern_choice){.kind = OPENED});
}

static void close_capture(lab_pattern *m, text s) {
  int l = m->level - 1;
  while (l >= 0 && m->captures[l].len != LAB_CAPTURE_OPEN)
    l--;
  if (l < 0)
    luaL_error(m->L, "invalid pattern capture");
  m->captures[l].len = s - m->captures[l].at;
  push_choice(m, (lab_pattern_choice){.kind = CLOSED, .i = l});
}

/* The end of what the capture DIGIT has matched, if it stands at S again. */
static text match_capture_again(lab_pattern *m, text s, int digit) {
  int l = digit - '1';
  if (l < 0 || l >= m->level || m->captures[l].len == LAB_CAPTURE_OPEN)
    luaL_error(m->L, "invalid capture index %%%d", l + 1);
  text at = m->captures[l].at;
  ptrdiff_t len = m->captures[l].len;
  if (len < 0 || m->end - s < len)
    return NULL;
  for (ptrdiff_t n; len > 0; s += n, at += n, len -= n) {
    n = len < COMPARED ? len : COMPARED;
    if (memcmp(at, s, (size_t)n) != 0)
      return NULL;
    m->steps += n / 64;
    if (n == COMPARED)
      lab_lua_look_around(m->L);
  }
  return s;
}

/* Takes back what was done since the last choice, and takes the next one; false
 * if there is none. */
static bool retry_choice(lab_pattern *m, text *s, text *p) {
  for (; m->height > 0; m->height--) {
    lab_pattern_choice *c = &m->choices[m->height - 1];
    switch (c->kind) {
    case OPENED:
      m->level--;
      continue;
    case CLOSED:
      m->captures[c->i].len = LAB_CAPTURE_OPEN;
      continue;
    case LONGEST:
      if (c->i == 0)
        continue;
      *s = c->s + --c->i;
      break;
    case SHORTEST:
      m->steps += (c->ep - c->p) / STEP;
      if (c->s >= m->end || !is_of_item(m, *c->s, c->p, c->ep))
        continue;
      *s = ++c->s;
      break;
    default:
      *s = c->s;
      m->height--;
    }
    *p = c->ep + 1;
    return true;
  }
  return false;
}

/* ---- items --------------------------------------------------------------- */

/* %f at P - 2: whether a frontier is at S. */
static bool is_frontier(lab_pattern *m, text s, text *p) {
  if (**p != '[')
    luaL_error(m->L, "missing '[' after '%%f' in pattern");
  text set = *p;
  *p = find_item_end(m, set);
  m->steps += (*p - set) / STEP;
  return !is_in_set(m, s == m->begin ? 0 : s[-1], set, *p - 1) &&
         is_in_set(m, s == m->end ? 0 : *s, set, *p - 1);
}

/* An item that isn't one character: true if *P is at one. Then it is behind the
 * item, and *S behind its text, or NULL if it doesn't match. */
static bool match_special(lab_pattern *m, text *s, text *p) {
  unsigned char c = **p, next = (*p)[1];
  if (c == '(') {
    bool position = next == ')';
    open_capture(m, *s, position ? LAB_CAPTURE_POSITION : LAB_CAPTURE_OPEN);
    *p += 1 + position;
  } else if (c == ')') {
    close_capture(m, *s);
    *p += 1;
  } else if (c == '$' && *p + 1 == m->pend) {
    *s = *s == m->end ? *s : NULL;
    *p += 1;
  } else if (c != '%') {
    return false;
  } else if (next == 'b') {
    *s = find_balanced_end(m, *s, *p + 2);
    *p += 4;
  } else if (next == 'f') {
    *p += 2;
    *s = is_frontier(m, *s, p) ? *s : NULL;
  } else if (isdigit(next)) {
    *s = match_capture_again(m, *s, next);
    *p += 2;
  } else {
    return false;
  }
  return true;
}

/* One character, with what stands behind it: *S is NULL if it doesn't match. */
static void match_single(lab_pattern *m, text *s, text *p) {
  text item = *p, ep = find_item_end(m, item), at = *s;
  m->steps += (ep - item) / STEP;
  bool matches = at < m->end && is_of_item(m, *at, item, ep);
  unsigned char suffix = *ep;
  *p = ep + 1;
  if (suffix != '*' && suffix != '?' && suffix != '-') {
    if (!matches) {
      *s = NULL;
      return;
    }
    *s = ++at;
    if (suffix != '+')
      *p = ep;
  }
  if (!matches)
    return;
  lab_pattern_choice choice = {at, item, ep, 0, OPTIONAL};
  if (suffix == '?') {
    *s = at + 1;
  } else if (suffix == '-') {
    choice.kind = SHORTEST;
  } else if (suffix == '*' || suffix == '+') {
    choice.kind = LONGEST;
    choice.i = measure_longest(m, at, item, ep);
    *s = at + choice.i;
  } else {
    return;
  }
  push_choice(m, choice);
}

/* Goes on from m->s and m->at. */
static lab_pattern_result run_match(lab_pattern *m) {
  text s = m->s, p = m->at;
  for (;;) {
    if (++m->steps >= STEPS) {
      lab_lua_look_around(m->L);
      m->steps = 0;
      if (m->may_pause && lab_preempt_is_slice_over() &&
          lab_lua_may_make_way(m->L)) {
        m->s = s;
        m->at = p;
        return LAB_PATTERN_PAUSED;
      }
    }
    if (p == m->pend) {
      m->s = s;
      return LAB_PATTERN_MATCHED;
    }
    if (!match_special(m, &s, &p))
      match_single(m, &s, &p);
    if (!s && !retry_choice(m, &s, &p))
      return LAB_PATTERN_FAILED;
  }
}

/* ---- searching ----------------------------------------------------------- */

void lab_pattern_begin(lab_pattern *m, lua_State *L, lab_pattern_text s,
                       size_t ls, lab_pattern_text p, size_t lp,
                       bool special_anchor) {
  m->L = L;
  m->begin = s;
  m->end = s + ls;
  m->pend = p + lp;
  m->anchored = special_anchor && *p == '^';
  m->p = p + m->anchored;
  m->may_pause = false;
  m->steps = 0;
}

void lab_pattern_restart(lab_pattern *m, lab_pattern_text s) {
  m->height = m->level = 0;
  m->from = m->s = s;
  m->at = m->p;
}

/* Where a match can begin from m->s on, for its first item must match a
 * character there; or the end. */
static text find_candidate(const lab_pattern *m) {
  text p = m->p;
  if (p == m->pend || (*p && strchr("$()", *p)) ||
      (*p == '%' && p[1] && strchr("bf0123456789", p[1])))
    return m->s;
  text ep = find_item_end(m, p);
  if (*ep == '*' || *ep == '?' || *ep == '-')
    return m->s;
  return skip_characters(m, m->s, p, ep, false);
}

lab_pattern_result lab_pattern_search(lab_pattern *m) {
  for (;;) {
    if (m->at == m->p && m->height == 0 && !m->anchored)
      m->from = m->s = find_candidate(m);
    lab_pattern_result r = run_match(m);
    if (r != LAB_PATTERN_FAILED || m->anchored || m->from == m->end)
      return r;
    lab_pattern_restart(m, m->from + 1);
  }
}

bool lab_pattern_is_special(lab_pattern_text p, size_t len) {
  for (size_t i = 0; i < len; i++)
    if (p[i] && strchr("^$*+?.([%-", p[i]))
      return true;
  return false;
}
