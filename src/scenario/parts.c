/* SPDX-License-Identifier: MIT
 * See parts.h. cmake/LabEmbed.cmake makes the arrays. */
#include "scenario/parts.h"

#include <lauxlib.h>
#include <string.h>

#define PARTS(X)                                                               \
  X(against)                                                                   \
  X(allowed)                                                                   \
  X(answer)                                                                    \
  X(answers)                                                                   \
  X(catalog)                                                                   \
  X(check)                                                                     \
  X(claim)                                                                     \
  X(classes)                                                                   \
  X(data)                                                                      \
  X(diagnosis)                                                                 \
  X(doctor)                                                                    \
  X(evidence)                                                                  \
  X(faults)                                                                    \
  X(feedback)                                                                  \
  X(fields)                                                                    \
  X(fixture)                                                                   \
  X(folders)                                                                   \
  X(giving)                                                                    \
  X(grounds)                                                                   \
  X(jobs)                                                                      \
  X(json)                                                                      \
  X(judge)                                                                     \
  X(junk)                                                                      \
  X(kept)                                                                      \
  X(kit)                                                                       \
  X(left)                                                                      \
  X(lesson)                                                                    \
  X(lines)                                                                     \
  X(main)                                                                      \
  X(measure)                                                                   \
  X(naive)                                                                     \
  X(new)                                                                       \
  X(page)                                                                      \
  X(page_api)                                                                  \
  X(parts)                                                                     \
  X(progress)                                                                  \
  X(probes)                                                                    \
  X(proof)                                                                     \
  X(prove)                                                                     \
  X(reader)                                                                    \
  X(reason)                                                                    \
  X(record)                                                                    \
  X(remedy)                                                                    \
  X(repair)                                                                    \
  X(request)                                                                   \
  X(sandbox)                                                                   \
  X(sentence)                                                                  \
  X(shell)                                                                     \
  X(source)                                                                    \
  X(step_load)                                                                 \
  X(spoilers)                                                                  \
  X(steps)                                                                     \
  X(student)                                                                   \
  X(submission)                                                                \
  X(tags)                                                                      \
  X(templates)                                                                 \
  X(tool)                                                                      \
  X(verdict)                                                                   \
  X(visit)                                                                     \
  X(vocabulary)                                                                \
  X(wrap)

#define DECLARE(name)                                                          \
  extern const char lab_lua_##name[];                                          \
  extern const size_t lab_lua_##name##_len;
#define NAME(name) #name,
#define TEXT(name) lab_lua_##name,
#define LENGTH(name) &lab_lua_##name##_len,

lab_part lab_part_find(const char *name) {
  PARTS(DECLARE)
  static const char *const names[] = {PARTS(NAME)};
  static const char *const texts[] = {PARTS(TEXT)};
  static const size_t *const lengths[] = {PARTS(LENGTH)};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(names[i], name) == 0)
      return (lab_part){names[i], texts[i], *lengths[i]};
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
