-- SPDX-License-Identifier: MIT
-- What selftest.lua plants. A case has two sets of changes to the tree, `bad`
-- and its good twin, and what must be said of the bad one. A change is {path,
-- text}, or {path, old text, new text}. The marks that the style test looks for
-- are written in two parts here.
local M = {}

local MAIN, TEXT_C, TEXT_H = "src/app/main.c", "src/base/text.c", "src/base/text.h"
local STYLE = {}
M.style = STYLE

local C = "/* SPDX-License-Identifier: MIT\n * A part of the tree. */\n"

-- A small tree with nothing wrong in it.
M.tree = {
  ["CMakeLists.txt"] = "# How it is built.\nlab_module(base LIBS m)\n" ..
    "lab_module(mem DEPS base)\nlab_module(app DEPS mem LIBS m)\n",
  ["lua/main.lua"] = "-- SPDX-License-Identifier: MIT\n-- The application.\n",
  ["tools/start"] = "#!/bin/sh\n# SPDX-License-Identifier: MIT\n# Starts it.\n",
  ["scenarios/00/scenario.lua"] = "return {}\n",
  [MAIN] = C .. [[
#include <stdio.h>

#include "base/text.h"

int main(int argc, char **argv) {
  printf("%zu\n", argc > 1 ? lab_text_size(argv[1]) : 0);
  return 0;
}
]],
  [TEXT_C] = C .. [[
#include "base/text.h"

#include <string.h>

static size_t count_bytes(const char *text) {
  return strlen(text); /* a " and a { in a comment */
}

size_t lab_text_size(const char *text) {
  return text[0] == '"' ? 0 : count_bytes(text);
}
]],
  [TEXT_H] = C .. [[
#ifndef LAB_BASE_TEXT_H
#define LAB_BASE_TEXT_H

#include <stddef.h>

/* Bytes of a text. */
size_t lab_text_size(const char *text);

#endif
]],
}

-- A header with the include guard NAME.
local function guard(name, text)
  return ("%s#ifndef %s\n#define %s\n%s#endif\n"):format(C, name, name, text)
end

local function add(name, bad, good, expect)
  STYLE[#STYLE + 1] = { name = name, bad = bad, good = good,
    expect = type(expect) == "table" and expect or { expect } }
end

-- ---- lines ------------------------------------------------------------------

local function lua_lines(n) return { "lua/main.lua", M.tree["lua/main.lua"] .. ("\n"):rep(n - 2) } end
add("file length", { lua_lines(501) }, { lua_lines(500) },
  "lua/main.lua:501: the file has 501 lines, 500 at most; move a part that has " ..
  "a name of its own into a new file [file-length]")

local function c_line(n) return { MAIN, "  return 0;", "  /* " .. ("x"):rep(n - 8) .. " */\n  return 0;" } end
add("columns of C", { c_line(81) }, { c_line(80) },
  "src/app/main.c:9: the line has 81 columns, 80 at most; wrap it [line-length]")

local function lua_line(n)
  return { "lua/main.lua", "The application.", "The text. " .. ("é"):rep(n - 13) }
end
add("columns of Lua", { lua_line(121) }, { lua_line(120) },
  "lua/main.lua:2: the line has 121 columns, 120 at most; wrap it [line-length]")

add("white space at the end", { { "tools/start", "it.\n", "it. \n" } }, {},
  "tools/start:3: there is white space at the end of the line; delete it [white-space]")
add("a tab", { { MAIN, "  return 0;", "\treturn 0;" } }, { { MAIN, "%zu\\n", "%zu\\t\\n" } },
  "src/app/main.c:9: there is a tab; indent with spaces, and write \\t in a string [white-space]")
add("no newline at the end", { { "lua/main.lua", "application.\n", "application." } }, {},
  "lua/main.lua:2: the last line has no newline at its end; add one [white-space]")

add("no licence", { { "tools/start", "# SPDX-License-Identifier: MIT\n", "" } }, {},
  "tools/start:2: the licence is missing; begin the file with a comment, " ..
  "SPDX-License-Identifier: MIT [licence]")
add("no first comment", { { "lua/main.lua", "-- The application.\n", "print 'hello you'\n" } },
  { { "lua/main.lua", "application.\n", "application.\nprint 'hello you'\n" } },
  "lua/main.lua:2: the file doesn't say what it is; add a comment at its top that " ..
  "does [first-comment]")
add("no first comment in CMake", { { "CMakeLists.txt", "# How it is built.\n", "" } }, {},
  "CMakeLists.txt:1: the file doesn't say what it is; add a comment at its top that " ..
  "does [first-comment]")

add("a left-over mark", { { "lua/main.lua", "The application.", "The application. TO" .. "DO: all" } },
  { { "lua/main.lua", "The application.", "The application, TO" .. "DOS-" .. "XX" .. "XX" } },
  "lua/main.lua:2: a left-over mark, TO" .. "DO; do what it says, or delete it [left-over]")
add("a path of a machine", { { MAIN, "%zu", "/ho" .. "me/me %zu" } },
  { { MAIN, "%zu", "/x/ho" .. "me/me %zu" },
    { "tests/unit/x.lua", M.tree["lua/main.lua"] .. "print '/t" .. "mp/'\n" } },
  "src/app/main.c:8: a path of one machine, /ho" .. "me/; ask the environment or the " ..
  "caller for it [machine-path]")

-- ---- C ----------------------------------------------------------------------

local function long_main(n) return { MAIN, "  return 0;\n", ("  (void)argc;\n"):rep(n - 4) .. "  return 0;\n" } end
add("function length", { long_main(61) }, { long_main(60) },
  "src/app/main.c:7: main has 61 lines, 60 at most; give a part of it a name of its " ..
  "own [function-length]")

add("one-word static", { { TEXT_C, "count_bytes(const", "count(const" }, { TEXT_C, ": count_bytes", ": count" } },
  { { TEXT_C, "count_bytes(const", "count_it(const" }, { TEXT_C, ": count_bytes", ": count_it" } },
  "src/base/text.c:7: the static function count is called by one word; give it a verb " ..
  "and a noun [one-word-static]")

for name, advice in pairs {
  sprintf = "it can write past the end; use snprintf",
  vsprintf = "it can write past the end; use vsnprintf",
  strcpy = "it can write past the end; use snprintf, or memcpy with the length",
  strcat = "it can write past the end; use snprintf",
  strncpy = "it may leave the 0 out; use snprintf, or memcpy with the length",
  strtok = "it has one state for all threads; use strcspn or strchr",
  atoi = "it doesn't tell errors; use strtol and check the end",
  atol = "it doesn't tell errors; use strtol and check the end",
  gets = "it can write past the end; use fgets",
  alloca = "it can use up the stack; use an array of fixed size or the heap",
  system = "it runs a shell; use posix_spawn or uv_spawn",
  uv_queue_work = "nobody counts the pool's threads; use lab_work_begin",
  uv_getaddrinfo = "nobody counts the pool's threads; use lab_http_lookup_begin",
} do
  add("banned: " .. name, { { MAIN, "  return 0;", "  return " .. name .. "(argv[0]);" } },
    { { MAIN, "  return 0;", ("  /* %s(x) */\n  puts(\"%s(x)\");\n  return x->%s(y) + my_%s(z) + a.%s(b);")
      :format(name, name, name, name, name) } },
    ("src/app/main.c:9: %s: %s [banned-call]"):format(name, advice))
end

local CLOCK = { "src/base/clock.c", C .. "static int count_bytes(void) {\n  return 1;\n}\n" }
add("two statics of one name", { CLOCK },
  { { "src/base/clock.c", C .. "static int count_ticks(void) {\n  return 1;\n}\n" },
    { "tests/unit/test_clock.c", CLOCK[2] } },
  "src/base/text.c:7: 2 static functions are called count_bytes, another one in " ..
  "src/base/clock.c:3, and profiles add them up; give each a name of its own [twin-static]")

add("braces that don't match", { { MAIN, "int main(int argc, char **argv) {\n",
  "#ifdef A\nint main(int argc, char **argv) {\n#else\nint main(void) {\n#endif\n" } },
  { { MAIN, "int main(int argc, char **argv) {\n",
    "#ifdef A\nint main(int argc, char **argv)\n#else\nint main(void)\n#endif\n{\n" } },
  "src/app/main.c:1: its braces don't match, so its functions weren't checked; keep " ..
  "both in one branch of an #if [unreadable]")

-- ---- headers ----------------------------------------------------------------

add("include guard", { { TEXT_H, "#ifndef LAB_BASE_TEXT_H", "#ifndef LAB_TEXT_H" } },
  { { "include/lab/lab.h", guard("LAB_H", "") } },
  "src/base/text.h:3: the include guard is not LAB_BASE_TEXT_H; begin with #ifndef and " ..
  "#define of it [include-guard]")

local function many(n)
  local header, code, calls = "", "", ""
  for i = 1, n do
    header = header .. ("int lab_number_%d(void);\n"):format(i)
    code = code .. ("int lab_number_%d(void) {\n  return %d;\n}\n"):format(i, i)
    calls = calls .. ("  lab_number_%d();\n"):format(i)
  end
  return { { TEXT_H, "\n#endif", header .. "\n#endif" },
    { TEXT_C, "size_t lab_text_size", code .. "size_t lab_text_size" },
    { MAIN, "  return 0;\n", calls .. "  return 0;\n" } }
end
add("functions of a header", many(20), many(19),
  "src/base/text.h:1: the header declares 21 functions, 20 at most; give each .c a " ..
  "header of its own [header-functions]")

add("own header", { { TEXT_C, '#include "base/text.h"\n\n', "" } }, {},
  "src/base/text.c:1: it doesn't include its own header; #include \"base/text.h\" " ..
  "first [own-header-first]")
local ORDER = "; first the own header, then <system> headers, then \"module/...\", each sorted [include-order]"
add("own header after others", { { TEXT_C, '#include "base/text.h"\n\n#include <string.h>\n',
  '#include <string.h>\n\n#include "base/text.h"\n' } }, {},
  "src/base/text.c:5: base/text.h is included after string.h" .. ORDER)
add("includes not sorted", { { MAIN, "#include <stdio.h>\n", "#include <stdlib.h>\n#include <stdio.h>\n" } },
  { { MAIN, "#include <stdio.h>\n", "#include <stdio.h>\n#include <stdlib.h>\n\n#include <a.h>\n" } },
  "src/app/main.c:4: stdio.h is included after stdlib.h" .. ORDER)
add("no empty line between includes", { { MAIN, "#include <stdio.h>\n\n", "#include <stdio.h>\n" } }, {},
  "src/app/main.c:4: base/text.h begins another kind of include; put an empty line " ..
  "before it [include-order]")

-- ---- symbols ----------------------------------------------------------------

local DECLARED = { TEXT_H, "\n#endif", "int lab_text_spare(void);\n\n#endif" }
local DEFINED = { TEXT_C, "size_t lab_text_size", "int lab_text_spare(void) {\n  return 1;\n}\n\nsize_t lab_text_size" }
local USED = { MAIN, "return 0;", "return lab_text_spare();" }
local USED_INSIDE = { TEXT_C, "? 0 :", "? lab_text_spare() :" }
local USED_IN_TEST = { "tests/unit/test_base_text.c", C .. "int main(void) {\n  return lab_text_spare();\n}\n" }

add("declared, not defined", { DECLARED, USED }, { DECLARED, DEFINED, USED },
  "src/base/text.h:10: lab_text_spare is declared, but nothing defines it; delete the " ..
  "declaration [not-defined]")
add("defined, not declared", { DEFINED, USED_INSIDE },
  { DEFINED, { TEXT_C, "int lab_text_spare", "static int lab_text_spare" }, USED_INSIDE },
  "src/base/text.c:11: lab_text_spare isn't static and no header declares it; make it " ..
  "static [not-declared]")
add("used in one file", { DECLARED, DEFINED, USED_INSIDE },
  { DECLARED, DEFINED, USED_INSIDE, { "tools/gdb/lab.py",
    "# SPDX-License-Identifier: MIT\n# For gdb.\nx = 'lab_text_spare'\n" } },
  "src/base/text.c:11: no other file uses lab_text_spare; make it static and take it " ..
  "out of the header [used-in-one-file]")
add("used nowhere", { DECLARED, DEFINED },
  { { "include/lab/lab.h", guard("LAB_H", "int lab_text_spare(void);\n") }, DEFINED },
  "src/base/text.c:11: lab_text_spare is used nowhere; delete it [unused]")
local INLINE = { TEXT_H, "\n#endif",
  "static inline int lab_one(void) {\n  return 1;\n}\n\n#endif" }
add("an inline function used nowhere", { INLINE },
  { INLINE, { MAIN, "return 0;", "return lab_one();" } },
  "src/base/text.h:10: lab_one is used nowhere; delete it [unused]")
local MACRO = { TEXT_H, "\n#endif", "#define LAB_ONE(x) (x)\n\n#endif" }
add("a macro used nowhere", { MACRO }, { MACRO, { MAIN, "return 0;", "return LAB_ONE(0);" } },
  "src/base/text.h:10: LAB_ONE is used nowhere; delete it [unused]")
add("exported for tests only", { DECLARED, DEFINED, USED_INSIDE, USED_IN_TEST },
  { DECLARED, DEFINED, USED, USED_IN_TEST },
  "src/base/text.c:11: lab_text_spare is exported for tests only; test it through what " ..
  "others call, and make it static [for-tests-only]")
add("used by tests only", { DECLARED, DEFINED, USED_IN_TEST }, { DECLARED, DEFINED, USED, USED_IN_TEST },
  "src/base/text.c:11: only tests use lab_text_spare; delete it with its test [for-tests-only]")

local OTHER = C .. "#include \"base/text.h\"\n\nint lab_text_spare(void) {\n  return 1;\n}\n"
add("no header of its own", { DECLARED, USED, { "src/base/spare.c", OTHER } },
  { { "src/base/spare.c", OTHER:gsub("text%.h", "spare.h") .. "" },
    { "src/base/spare.h", guard("LAB_BASE_SPARE_H", "int lab_text_spare(void);\n") },
    { MAIN, "#include \"base/text.h\"", "#include \"base/spare.h\"\n#include \"base/text.h\"" }, USED },
  "src/base/spare.c:5: lab_text_spare is declared in src/base/text.h; make " ..
  "src/base/spare.h, for this file's functions [no-own-header]")
add("two functions of one name", { DECLARED, DEFINED, USED, { "src/mem/text.c", OTHER } },
  { DECLARED, DEFINED, USED, { "src/base/text_libc.c", C .. OTHER:match "int.*" },
    { "src/base/text_libc.h", guard("LAB_BASE_TEXT_LIBC_H", "") },
    { "src/base/text_libc.c", "int lab", "#include \"base/text_libc.h\"\n\nint lab" } },
  { "src/mem/text.c:5: lab_text_spare is another function in src/base/text.c:11; give it " ..
    "a name of its own [twin-export]",
    "src/mem/text.c:5: lab_text_spare is declared in src/base/text.h; make src/mem/text.h, " ..
    "for this file's functions [no-own-header]" })

-- ---- structure --------------------------------------------------------------

-- A unit NAME of src/mem with one function that calls those of OTHERS.
local function unit(name, others)
  local includes, calls = { name }, ""
  for _, other in ipairs(others) do
    if other ~= name then includes[#includes + 1] = other end
    calls = calls .. ("  lab_%s();\n"):format(other)
  end
  table.sort(includes, function(a, b) return a ~= b and (a == name or b ~= name and a < b) end)
  for i, other in ipairs(includes) do includes[i] = ("#include \"mem/%s.h\"\n"):format(other) end
  includes[1] = includes[1] .. "\n"
  return { "src/mem/" .. name .. ".c", C .. table.concat(includes) ..
      ("\nvoid lab_%s(void) {\n%s}\n"):format(name, calls) },
    { "src/mem/" .. name .. ".h", guard(("LAB_MEM_%s_H"):format(name:upper()),
      ("void lab_%s(void);\n"):format(name)) }
end

-- A hub that uses N others, which use it.
local function hub(n)
  local changes, names = {}, {}
  for i = 1, n do
    names[i] = "leaf_" .. i
    table.move({ unit(names[i], { "hub" }) }, 1, 2, #changes + 1, changes)
  end
  table.move({ unit("hub", names) }, 1, 2, #changes + 1, changes)
  return changes
end
local circles = {}
for i = 1, 6 do
  circles[i] = ("src/mem/hub.c:%d: 6 of the 12 uses between files of src/mem point back, " ..
    "5 at most; break this circle: hub -> leaf_%d (lab_leaf_%d) -> hub (lab_hub) " ..
    "[circles-in-module]"):format(12 + i, i, i)
end
add("circles in a module", hub(6), hub(5), circles)

local APP = { "src/app/start.h", guard("LAB_APP_START_H", "int lab_start(void);\n") }
local START = { "src/app/start.c", C .. "#include \"app/start.h\"\n\n#include \"base/text.h\"\n\n" ..
  "int lab_start(void) {\n  return (int)lab_text_size(\"\");\n}\n" }
add("a circle of modules", { APP, START, { TEXT_C, "? 0 :", "? lab_start() :" },
  { TEXT_C, "#include <string.h>\n", "#include <string.h>\n\n#include \"app/start.h\"\n" } },
  { APP, START, { MAIN, "#include \"base/text.h\"", "#include \"app/start.h\"\n#include \"base/text.h\"" },
    { MAIN, "return 0;", "return lab_start();" } },
  "src/app/main.c:8: modules use each other in a circle: app -> base (lab_text_size) -> " ..
  "app (lab_start); let the lower one call back through a function pointer [module-circle]")

local INTERNAL = { "src/base/text_internal.h", guard("LAB_BASE_TEXT_INTERNAL_H", "") }
local INSIDE = "#include \"base/text.h\"\n#include \"base/text_internal.h\"\n"
add("a private header", { INTERNAL, { MAIN, "#include \"base/text.h\"\n", INSIDE } },
  { INTERNAL, { TEXT_C, "#include <string.h>\n",
    "#include <string.h>\n\n#include \"base/text_internal.h\"\n" } },
  "src/app/main.c:6: base/text_internal.h is private to base; call a function of its " ..
  "public headers instead [private-header]")

local STRUCT = { TEXT_H, "/* Bytes", [[
typedef struct lab_text {
  int length, width;
  /* Private to text.c. */
  int hidden;
  void (*called)(void);
} lab_text;

/* Bytes]] }
local function access(field) return { MAIN, "  return 0;", "  return ((lab_text *)argv)->" .. field .. ";" } end
add("a private field", { STRUCT, access "hidden" }, { STRUCT, access "width" },
  "src/app/main.c:9: hidden is a private field of lab_text in src/base/text.h; let that " ..
  "module have a function for what you need [private-field]")
add("a private function pointer", { STRUCT, access "called()" }, { STRUCT, access "hidden",
  { MAIN, "int main", "struct mine {\n  int hidden;\n};\n\nint main" } },
  "src/app/main.c:9: called is a private field of lab_text in src/base/text.h; let that " ..
  "module have a function for what you need [private-field]")

-- ---- tools/check-layers, with this table -------------------------------------

M.modules = "base:\nmem: base\napp: mem\n"
local function replace_cmake(old, new) return { "CMakeLists.txt", old, new } end
M.layers = {
  { name = "an upward include",
    bad = { { TEXT_C, "#include <string.h>", "#include \"app/start.h\"" } },
    good = { { "src/mem/mem.c", "#include \"base/text.h\"\n" } },
    expect = { "src/base/text.c:5: base may not include app; call back through a function " ..
      "pointer, or move the code up" } },
  { name = "the public interface",
    bad = { { "src/mem/mem.c", "#include \"diaglab/diaglab.h\"\n" } },
    good = { { MAIN, "base/text.h", "diaglab/diaglab.h" } },
    expect = { "src/mem/mem.c:1: mem may not include diaglab; call back through a function " ..
      "pointer, or move the code up" } },
  { name = "a folder without a place",
    bad = { { "src/extra/extra.c", "#include \"app/start.h\"\n" } },
    good = { { "src/mem/mem.c", "" } },
    expect = { "src/extra: the folder is not in the table of tools/check-layers; add it" } },
  { name = "a module that only CMake has",
    bad = { replace_cmake("lab_module(app", "lab_module(extra)\nlab_module(app") },
    good = { replace_cmake("lab_module(app", "# lab_module(extra)\nlab_module(app") },
    expect = { "tools/check-layers: the table has no module extra, but CMakeLists.txt has; add it" } },
  { name = "a module that only the table has",
    bad = { replace_cmake("lab_module(app DEPS mem LIBS m)\n", "") }, good = {},
    expect = { "CMakeLists.txt: there is no lab_module(app); add it, or take app out of " ..
      "the table of tools/check-layers" } },
  { name = "a link too many",
    bad = { replace_cmake("lab_module(base LIBS m)\nlab_module(mem DEPS base)",
      "lab_module(base)\nlab_module(extra)\nlab_module(mem DEPS base extra)") },
    good = { replace_cmake("app DEPS mem", "app DEPS mem base") },
    expect = { "tools/check-layers: the table has no module extra, but CMakeLists.txt has; add it",
      "CMakeLists.txt: app links extra, but the table of tools/check-layers doesn't have it; " ..
      "make them agree",
      "CMakeLists.txt: mem links extra, but the table of tools/check-layers doesn't have it; " ..
      "make them agree" } },
  { name = "a link too few",
    bad = { replace_cmake("app DEPS mem", "app DEPS base") },
    good = { replace_cmake("app DEPS mem", "app\n           DEPS base mem") },
    expect = { "CMakeLists.txt: app doesn't link mem, but the table of tools/check-layers " ..
      "has it; make them agree" } },
  { name = "a circle",
    bad = { replace_cmake("lab_module(base LIBS m)", "lab_module(base DEPS mem)") }, good = {},
    expect = { "CMakeLists.txt: base knows mem, which stands after it or nowhere; put mem first" } },
}

return M
