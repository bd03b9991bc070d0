/* SPDX-License-Identifier: MIT
 * Where a table constructor stands.
 *
 * Lua's interpreter keeps its place, the pc, in a register, and notes it in the
 * call's record (from which lua_getinfo takes the line) before instructions
 * that may raise an error. Making a table is none of these: `{}` would be
 * charged to an earlier line, in a new call to that of the word "function".
 *
 * But making a table calls luaH_new, and the unwinder knows what the registers
 * that calls preserve held in its caller. Which one is the pc is up to who
 * compiled Lua, so a lesson teaches us: a chunk whose constructors are 4 and 5
 * instructions apart. The register that moves by just as much is the pc; the
 * word of the call's record that is near to it is where Lua notes it. Then each
 * place must give the constructor's line, or nothing was learnt, and lines stay
 * as Lua tells them.
 *
 * Threads: the VM's. */
#include "script/vm.h"

#include <string.h>

#include "stack/unwind.h"

enum {
  TABLES = 3,
  RECORD_WORDS = 6, /* of Lua's CallInfo, which is longer */
  INSTRUCTION = 4,  /* bytes */
};

static const char lesson_text[] = "local spot = ...\n"
                                  "local a = { 1 }\n"
                                  "local b = { 1 }\n"
                                  "local x = 1\n"
                                  "local c = { 1 }\n"
                                  "spot()\n";
static const int lines[TABLES] = {2, 3, 5};
/* NEWTABLE, EXTRAARG, LOADI, SETLIST; and LOADI for x */
static const uintptr_t apart[TABLES - 1] = {4 * INSTRUCTION, 5 * INSTRUCTION};

/* A table is made by two calls of the interpreter: the object, its array. */
enum { MAKES_OBJECT, MAKES_ARRAY, MAKERS };

typedef uintptr_t registers[LAB_UNWIND_REGS];

static struct lesson {
  lua_Alloc alloc;
  void *ud;
  size_t n[MAKERS];
  registers seen[MAKERS][TABLES];
} lesson;

static struct {
  bool known;
  size_t reg;  /* that is the pc */
  size_t word; /* of the call's record, that is the noted pc */
} learnt;

/* Who of the two the VM called: NATIVE's outermost frame. -1: neither. */
static int maker(const lab_frame *native, size_t n) {
  const char *name =
      n ? lab_code_name((uintptr_t)native[n - 1] - (n > 1), NULL) : NULL;
  if (name && strcmp(name, "luaH_new") == 0)
    return MAKES_OBJECT;
  return name && strcmp(name, "luaH_resize") == 0 ? MAKES_ARRAY : -1;
}

/* ---- the lesson ---------------------------------------------------------- */

static void *observe(void *ud, void *p, size_t old, size_t size) {
  lab_frame native[LAB_UNWIND_MAX];
  registers regs;
  (void)ud;
  if (size > 0) {
    int who = maker(native, lab_unwind_to_vm(native, LAB_UNWIND_MAX, regs));
    if (who >= 0 && lesson.n[who] < TABLES)
      memcpy(lesson.seen[who][lesson.n[who]++], regs, sizeof regs);
  }
  return lesson.alloc(lesson.ud, p, old, size);
}

static bool moves_as_pc(size_t reg) {
  for (int who = 0; who < MAKERS; who++)
    for (size_t i = 0; i + 1 < TABLES; i++)
      if (lesson.n[who] != TABLES ||
          lesson.seen[who][i + 1][reg] - lesson.seen[who][i][reg] != apart[i])
        return false;
  return true;
}

static uintptr_t *record_of(const lua_Debug *ar) {
  return (uintptr_t *)(void *)ar->i_ci;
}

/* Whether the lines are right if the pc is REG and WORD is where it is noted.
 */
static bool gives_lines(lua_State *L, lua_Debug *ar, size_t reg, size_t word) {
  uintptr_t *noted = &record_of(ar)[word], was = *noted;
  bool good = true;
  for (int who = 0; who < MAKERS; who++)
    for (size_t i = 0; i < TABLES; i++) {
      *noted = lesson.seen[who][i][reg];
      lua_getinfo(L, "l", ar);
      good = good && ar->currentline == lines[i];
    }
  *noted = was;
  return good;
}

/* Called at the lesson's end, a few instructions behind its last table. */
static int spot(lua_State *L) {
  lua_Debug ar;
  if (!lua_getstack(L, 1, &ar))
    return 0;
  for (size_t reg = 0; reg < LAB_UNWIND_REGS; reg++)
    for (size_t word = 0; word < RECORD_WORDS && moves_as_pc(reg); word++) {
      uintptr_t last = lesson.seen[MAKES_ARRAY][TABLES - 1][reg];
      if (record_of(&ar)[word] - last < 8 * INSTRUCTION &&
          gives_lines(L, &ar, reg, word)) {
        learnt.reg = reg;
        learnt.word = word;
        learnt.known = true;
      }
    }
  return 0;
}

void lab_pc_learn(lua_State *L) {
  memset(&lesson, 0, sizeof lesson);
  learnt.known = false;
  if (luaL_loadstring(L, lesson_text) != LUA_OK)
    lua_error(L);
  lua_pushcfunction(L, spot);
  lesson.alloc = lua_getallocf(L, &lesson.ud);
  lua_setallocf(L, observe, NULL);
  int status = lua_pcall(L, 1, 0, 0);
  lua_setallocf(L, lesson.alloc, lesson.ud);
  if (status != LUA_OK)
    lua_error(L);
}

/* ---- its use ------------------------------------------------------------- */

void lab_pc_note(lua_State *L, const lab_frame *native, size_t n,
                 const uintptr_t regs[LAB_UNWIND_REGS]) {
  lua_Debug ar;
  if (learnt.known && maker(native, n) >= 0 && lua_getstack(L, 0, &ar))
    record_of(&ar)[learnt.word] = regs[learnt.reg];
}
