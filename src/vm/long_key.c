/* SPDX-License-Identifier: MIT
 * See long_key.h.
 *
 * Until a string has its hash, the seed stands in the hash's place, and `extra`
 * is 0. Lua sets the hash first: a string that is left in between would get
 * another one the next time, and no table would have it as a key. */
#include "vm/long_key.h"

#include <stddef.h>

#include "vm/lualayout.h"

enum { LONG = 1 << 16 }; /* bytes: they are hashed in 0.1 ms */

static __thread __attribute__((tls_model("initial-exec"))) struct {
  lab_layout_string *string; /* NULL: none is being hashed */
  unsigned seed;
} noted;

const char lab_long_key_noted[] = "__wrap_luaS_hashlongstr";

unsigned __real_luaS_hashlongstr(lab_layout_string *s);
unsigned __wrap_luaS_hashlongstr(lab_layout_string *s);

unsigned __wrap_luaS_hashlongstr(lab_layout_string *s) {
  if (!lab_layout_fits() || s->extra || s->u.long_length < LONG)
    return __real_luaS_hashlongstr(s);
  noted.seed = s->hash;
  noted.string = s;
  unsigned hash = __real_luaS_hashlongstr(s);
  noted.string = NULL;
  return hash;
}

bool lab_long_key_give_up(void) {
  lab_layout_string *s = noted.string;
  if (!s)
    return false;
  if (!s->extra)
    s->hash = noted.seed;
  noted.string = NULL;
  return true;
}
