/* SPDX-License-Identifier: MIT
 * See parts.h. cmake/LabEmbed.cmake makes the arrays. */
#include "scenario/parts.h"

#include <lauxlib.h>
#include <string.h>

#define PARTS(X)                                                               \
  X(answers)                                                                   \
  X(catalog)                                                                   \
  X(check)                                                                     \
  X(claim)                                                                     \
  X(classes)                                                                   \
  X(data)                                                                      \
  X(fields)                                                                    \
  X(folders)                                                                   \
  X(judge)                                                                     \
  X(kit)                                                                       \
  X(lesson)                                                                    \
  X(lines)                                                                     \
  X(main)                                                                      \
  X(measure)                                                                   \
  X(naive)                                                                     \
  X(new)                                                                       \
  X(proof)                                                                     \
  X(prove)                                                                     \
  X(reader)                                                                    \
  X(sandbox)                                                                   \
  X(sentence)                                                                  \
  X(source)                                                                    \
  X(steps)                                                                     \
  X(templates)                                                                 \
  X(visit)

#define DECLARE(name)                                                          \
  extern const char lab_lua_##name[];                                          \
  extern const size_t lab_lua_##name##_len;
PARTS(DECLARE)

static const struct {
  const char *name, *text;
  const size_t *len;
} parts[] = {
#define ROW(name) {#name, lab_lua_##name, &lab_lua_##name##_len},
    PARTS(ROW)};

lab_part lab_part_find(const char *name) {
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
    if (strcmp(parts[i].name, name) == 0)
      return (lab_part){parts[i].name, parts[i].text, *parts[i].len};
  return (lab_part){0};
}

void lab_part_push(lua_State *L, const char *name) {
  lab_part part = lab_part_find(name);
  if (!part.text)
    luaL_error(L, "there is no part '%s'", name);
  lua_pushfstring(L, "=%s.lua", name);
  int failed =
      luaL_loadbufferx(L, part.text, part.len, lua_tostring(L, -1), "t");
  lua_remove(L, -2);
  if (failed)
    lua_error(L);
}

int lab_host_part(lua_State *L) {
  lab_part_push(L, luaL_checkstring(L, 1));
  return 1;
}
