/* SPDX-License-Identifier: MIT
 * Names of Lua functions. The lines are those that `luac -l` prints for the
 * same text: Lua counts a function statement from its first word, any other
 * function from its parenthesis. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "guard_page.h"
#include "stack/luanames.h"
#include "stack/sources.h"

typedef struct expected {
  int line;
  const char *name;
} expected;

static void check_names(const char *text, size_t len, const expected *want,
                        size_t count) {
  lab_luaname *found;
  size_t n = lab_luanames_find(text, len, &found);
  for (size_t i = 0; i < n && i < count; i++) {
    assert_int_equal(found[i].line, want[i].line);
    assert_int_equal(found[i].order, i > 0 && want[i - 1].line == want[i].line
                                         ? found[i - 1].order + 1
                                         : 0);
    assert_string_equal(found[i].name, want[i].name);
  }
  assert_int_equal(n, count);
  lab_xfree(found);
}

/* The text is next to an inaccessible page, and has no final 0. */
static void check(const char *text, const expected *want, size_t count) {
  size_t len = strlen(text);
  guard_page g;
  guard_page_open(&g, len);
  check_names(guard_page_end(&g, text, len), len, want, count);
  check_names(guard_page_begin(&g, text, len), len, want, count);
  guard_page_close(&g);
}

#define CHECK(text, ...)                                                       \
  do {                                                                         \
    const expected want[] = {__VA_ARGS__};                                     \
    check(text, want, sizeof want / sizeof *want);                             \
  } while (0)

static void test_statements(void **state) {
  (void)state;
  CHECK("local function leakMemory(size)\n"
        "end\n"
        "function global() end\n"
        "function M.a.b:c() end\n"
        "M.handler = function() end\n"
        "local h <const> = function() end\n"
        "M['quoted'] = function() end\n"
        "M[\"two words\"].x = function() end\n"
        "list[1] = function() end\n"
        "call().field = function() end\n",
        {1, "leakMemory"}, {3, "global"}, {4, "M.a.b:c"}, {5, "M.handler"},
        {6, "h"}, {7, "M.quoted"}, {8, "M[\"two words\"].x"}, {9, "list[1]"},
        {10, "field"});
}

static void test_several_targets(void **state) {
  (void)state;
  CHECK("local a, b <close>, c =\n"
        "function() return 1, 2 end,\n"
        "f(1, 2),\n"
        "function() end\n"
        "x.y, z = 0,\n"
        "function() end\n"
        "print(1,\n"
        "function() end)\n",
        {2, "a"}, {4, "c"}, {6, "z"}, {8, "<main>.func1"});
}

static void test_tables(void **state) {
  (void)state;
  CHECK("local scenario = {\n"
        "  request = function(ctx) return ctx end,\n"
        "  [\"weird key\"] = function() end, [\"tame\"] =\n"
        "    function() end,\n"
        "  inner = { go = function() end };\n"
        "  function() end,\n"
        "  name = \"function\", last = function() end\n"
        "}\n"
        "return {\n"
        "  request = function() end,\n"
        "  routes = { [\"/report\"] = function() end },\n"
        "}\n",
        {2, "scenario.request"}, {3, "scenario[\"weird key\"]"},
        {4, "scenario.tame"}, {5, "scenario.inner.go"}, {6, "<main>.func1"},
        {7, "scenario.last"}, {10, "request"}, {11, "routes[\"/report\"]"});
}

static void test_anonymous(void **state) {
  (void)state;
  CHECK("local function work()\n"
        "  for i = 1, 5 do lab.go(function()\n"
        "    while true do if x then wait(function() end)\n"
        "    end end end)\n"
        "  end\n"
        "  repeat local inner = function() end until true\n"
        "  return x == 1 and\n"
        "    function() end\n"
        "end\n"
        "table.sort(t, function(a, b) return a < b end)\n"
        "return function() end\n",
        {1, "work"}, {2, "work.func1"}, {3, "work.func1.func1"}, {6, "inner"},
        {8, "work.func2"}, {10, "<main>.func1"}, {11, "<main>.func2"});
}

static void test_not_code(void **state) {
  (void)state;
  CHECK("#!/usr/bin/lua function no() end\n"
        "-- function no() end\n"
        "--[==[ function no() end ]]\n"
        "function no() end ]==]\n"
        "local s = 'function no() end' .. \"\\\"function no() end\"\n"
        "s = [[ function no() end\n"
        "]] .. [=[ ]] function no() end ]=]\n"
        "s = 'escaped\\\n"
        "line' .. 'and \\z\n"
        "\n"
        "   blanks' .. '\\'' local n = 0x1p+4 .. 3e-2\n"
        "local function yes() end\n",
        {12, "yes"});
}

static void test_lines_as_lua_counts(void **state) {
  (void)state;
  CHECK("local function\r\n"
        "f\r\n"
        "() end\r\n"
        "function\r"
        "g\r"
        "() end\r"
        "h = function\n\r"
        "() end\n\r"
        "first = function() return function() end end\n",
        {3, "f"}, {4, "g"}, {8, "h"}, {9, "first"}, {9, "first.func1"});
}

/* All functions of a chunk, each with a name of its own, also within others. */
static void test_equal_names(void **state) {
  (void)state;
  CHECK("local function work() return function() end end\n"
        "local function other() end\n"
        "local function work()\n"
        "  local inner = function() end\n"
        "  return function() return function() end end\n"
        "end\n"
        "function work() local inner = function() end end\n"
        "t = { work = function() end }\n"
        "t.work = function() end\n",
        {1, "work"}, {1, "work.func1"}, {2, "other"}, {3, "work#2"},
        {4, "inner"}, {5, "work#2.func1"}, {5, "work#2.func1.func1"},
        {7, "work#3"}, {7, "inner#2"}, {8, "t.work"}, {9, "t.work#2"});
}

/* What is cut may be equal to a shorter name with its number. */
static void test_equal_cut_names(void **state) {
  (void)state;
  enum { SHORT = LAB_LUANAME_MAX - 3, LONG = 2 * LAB_LUANAME_MAX };
  char text[4 * LONG + 100], *at = text;
  lab_luaname *found;
  char x[LONG + 1];
  memset(x, 'x', LONG);
  x[LONG] = '\0';
  for (int i = 0; i < 4; i++)
    at += snprintf(at, LONG + 20, "%s=function()end\n",
                   x + (i % 2 ? LONG - SHORT : 0));
  size_t n = lab_luanames_find(text, (size_t)(at - text), &found);
  assert_int_equal(n, 4);
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < i; j++)
      assert_string_not_equal(found[i].name, found[j].name);
  lab_xfree(found);
}

/* All functions of a line, in their order, each with a name of its own. */
static void test_one_line(void **state) {
  (void)state;
  CHECK("local f = function() end local function g() return function() end end "
        "local t = {f = function() end, function() end, function() end} "
        "setmetatable(t, {__index = function() end, __add = function() end}) "
        "setmetatable(g, {__index = function() end}) f = function() end "
        "return function() end, function()\n"
        "end, function() end, function() local f = function() end "
        "local f = function() end end\n",
        {1, "f"}, {1, "g"}, {1, "g.func1"}, {1, "t.f"}, {1, "<main>.func1"},
        {1, "<main>.func2"}, {1, "__index"}, {1, "__add"}, {1, "__index#2"},
        {1, "f#2"}, {1, "<main>.func3"}, {1, "<main>.func4"},
        {2, "<main>.func5"}, {2, "<main>.func6"}, {2, "f#3"}, {2, "f#4"});
}

static void test_many_on_one_line(void **state) {
  (void)state;
  enum { MANY = 50000 };
  static char text[MANY * 20];
  size_t len = 0;
  for (int i = 0; i < MANY; i++)
    len += (size_t)snprintf(text + len, sizeof text - len, "f=function()end ");
  lab_luaname *found;
  assert_int_equal(lab_luanames_find(text, len, &found), MANY);
  assert_string_equal(found[0].name, "f");
  assert_string_equal(found[MANY - 1].name, "f#50000");
  assert_int_equal(found[MANY - 1].order, MANY - 1);
  lab_xfree(found);
  memset(text, 'x', LAB_LUANAME_MAX);
  len = LAB_LUANAME_MAX;
  len += (size_t)snprintf(text + len, 16, "=function()end ");
  memcpy(text + len, text, len);
  assert_int_equal(lab_luanames_find(text, 2 * len, &found), 2);
  assert_int_equal(strlen(found[1].name), LAB_LUANAME_MAX - 1);
  assert_string_equal(found[1].name + LAB_LUANAME_MAX - 4, "x#2");
  lab_xfree(found);
}

static size_t count_names(const char *text, size_t len) {
  lab_luaname *found;
  size_t n = lab_luanames_find(text, len, &found);
  lab_xfree(found);
  return n;
}

/* Every part of TEXT has at most MOST names, next to an inaccessible page. */
static void check_parts(const char *text, size_t len, size_t most) {
  guard_page g;
  guard_page_open(&g, len);
  for (size_t from = 0; from <= len; from++)
    for (size_t n = 0; from + n <= len; n++) {
      size_t names = count_names(guard_page_end(&g, text + from, n), n);
      assert_true(names <= most);
      assert_int_equal(count_names(guard_page_begin(&g, text + from, n), n),
                       names);
    }
  guard_page_close(&g);
}

/* Text that is cut off anywhere. */
static void test_any_text(void **state) {
  (void)state;
  const char text[] =
      "local t <const>, u = {[\"k\"]=function(a)return'\\z x'..\n"
      "[==[x]==]end},function()end--[[x]]goto a::a::";
  check_parts(text, sizeof text - 1, 2);
  const char ends[] = "#!x\r\n--[=[\n]=]x='\\\r\n'y=\"\\z\n \"z=0x1p-.5e+[[";
  check_parts(ends, sizeof ends - 1, 0);
}

static size_t nested(const char *piece, size_t times) {
  size_t len = strlen(piece);
  char *text = lab_xmalloc(len * times);
  for (size_t i = 0; i < times; i++)
    memcpy(text + i * len, piece, len);
  lab_luaname *found;
  size_t n = lab_luanames_find(text, len * times, &found);
  lab_xfree(found);
  lab_xfree(text);
  return n;
}

/* Twice each of many names that are as long as a name may be: their numbers
 * don't fit, so all are cut to the same. */
static size_t find_cut_names(int times) {
  lab_buf b = LAB_BUF_INIT;
  lab_buf_puts(&b, "local ");
  for (int i = 0; i < LAB_LUANAME_MAX - 8; i++)
    lab_buf_putc(&b, 'a');
  lab_buf_puts(&b, "={");
  for (int i = 0; i < times; i++)
    lab_buf_printf(&b, "k%05d=function()end,k%05d=function()end,\n", i, i);
  lab_buf_puts(&b, "}");
  lab_luaname *found;
  size_t n = lab_luanames_find(b.data, b.len, &found);
  lab_xfree(found);
  lab_buf_free(&b);
  return n;
}

/* Quadratic behaviour would take minutes here, not milliseconds. */
static void test_linear_time(void **state) {
  (void)state;
  enum { TIMES = 200000 };
  uint64_t start = lab_clock_thread_cpu();
  assert_int_equal(nested("x = function()\n", TIMES), TIMES);
  assert_int_equal(nested("a={b=", TIMES), 0);
  assert_int_equal(nested("[", TIMES), 0);
  assert_int_equal(nested("[=", TIMES), 0);
  assert_int_equal(nested("a.", TIMES), 0);
  assert_int_equal(nested("a,", TIMES), 0);
  assert_int_equal(nested("a,b=function()end\n", TIMES), TIMES);
  assert_int_equal(nested("--[==[", TIMES), 0);
  assert_int_equal(nested("'\\z \n", TIMES), 0);
  assert_int_equal(find_cut_names(50000), 100000);
  assert_true(lab_clock_thread_cpu() - start < 60 * LAB_SECOND);
}

/* ---- the registry
 * -------------------------------------------------------------- */

static void test_registry(void **state) {
  (void)state;
  const char text[] = "local function leakMemory() end\n"
                      "return {\n"
                      "request = function() end }\n";
  lab_sources_register("@/labs/03-leak/scenario.lua", "leak",
                       "/labs/03-leak/scenario.lua", text, strlen(text));
  const char *chunk = "@/labs/03-leak/scenario.lua", *path;
  assert_string_equal(lab_sources_name(chunk, 1, 0, &path), "leak.leakMemory");
  assert_string_equal(path, "/labs/03-leak/scenario.lua");
  assert_string_equal(lab_sources_name(chunk, 3, 0, NULL), "leak.request");
  assert_string_equal(lab_sources_name(chunk, 0, 0, NULL), "leak.<main>");
  assert_string_equal(lab_sources_name(chunk, 2, 0, &path),
                      "/labs/03-leak/scenario.lua:2");
  assert_string_equal(path, "/labs/03-leak/scenario.lua");
  assert_string_equal(lab_sources_name(chunk, 1, 1, NULL),
                      "/labs/03-leak/scenario.lua:1#2");
}

/* Profiles are read in terminals, which obey what a name or a path says. */
static void test_plain(void **state) {
  (void)state;
  const char text[] = "t = { [\"\xc2\x9b"
                      "2J\"] = function() end,\n"
                      "[\"\x1b[31m\"] = function() end }";
  const char *path;
  lab_sources_register("@plain", "a\xc2\x9b", "/\x1b[31m\t\xc2\x9b.lua", text,
                       sizeof text - 1);
  assert_string_equal(lab_sources_name("@plain", 1, 0, &path),
                      "a\\xc2\\x9b.t[\"\\xc2\\x9b"
                      "2J\"]");
  assert_string_equal(path, "/\\x1b[31m\\x09\\xc2\\x9b.lua");
  assert_string_equal(lab_sources_name("@plain", 2, 0, NULL),
                      "a\\xc2\\x9b.t[\"?[31m\"]");
  lab_sources_register_late("@late", "a\xc2\x9b", "/\xc2\x9b.lua", text,
                            sizeof text - 1);
  lab_sources_name("@late", 1, 0, &path);
  assert_string_equal(path, "/\\xc2\\x9b.lua");
}

static void test_registered_again(void **state) {
  (void)state;
  lab_sources_register("@x.lua", "x", "/x.lua", "function a() end", 16);
  const char *before = lab_sources_name("@x.lua", 1, 0, NULL);
  lab_sources_register("@x.lua", "x", "/y.lua", "\nfunction b() end", 17);
  const char *path;
  assert_string_equal(lab_sources_name("@x.lua", 2, 0, &path), "x.b");
  assert_string_equal(path, "/y.lua");
  assert_string_equal(lab_sources_name("@x.lua", 1, 0, NULL), "x.lua:1");
  assert_string_equal(before, "x.a");
  lab_sources_register("@x.lua", "x", "/x.lua", "function a() end", 16);
  assert_ptr_equal(lab_sources_name("@x.lua", 1, 0, NULL), before);
}

static void test_unknown_chunk(void **state) {
  (void)state;
  const char *path;
  assert_string_equal(lab_sources_name("@/no.lua", 7, 0, &path), "/no.lua:7");
  assert_string_equal(path, "/no.lua");
  assert_string_equal(lab_sources_name("=stdin", 0, 0, &path), "stdin:0");
  assert_string_equal(path, "");
  assert_string_equal(lab_sources_name("return 1\nx", 1, 0, &path),
                      "[string \"return 1...\"]:1");
  assert_string_equal(lab_sources_name("@/no.lua", 7, 2, NULL), "/no.lua:7#3");
  assert_string_equal(lab_sources_name("return 1\nx", 1, 1, NULL),
                      "[string \"return 1...\"]:1#2");
  lab_sources_register("=one", "one", "/one", "f=function()end g=function()end",
                       31);
  assert_string_equal(lab_sources_name("=one", 1, 0, NULL), "one.f");
  assert_string_equal(lab_sources_name("=one", 1, 1, NULL), "one.g");
  char longer[5000];
  memset(longer, 'x', sizeof longer);
  longer[sizeof longer - 1] = '\0';
  assert_int_equal(strlen(lab_sources_name(longer, 1, 0, &path)), 60 + 16);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_statements),
      cmocka_unit_test(test_several_targets),
      cmocka_unit_test(test_tables),
      cmocka_unit_test(test_anonymous),
      cmocka_unit_test(test_not_code),
      cmocka_unit_test(test_lines_as_lua_counts),
      cmocka_unit_test(test_equal_names),
      cmocka_unit_test(test_equal_cut_names),
      cmocka_unit_test(test_one_line),
      cmocka_unit_test(test_many_on_one_line),
      cmocka_unit_test(test_any_text),
      cmocka_unit_test(test_linear_time),
      cmocka_unit_test(test_registry),
      cmocka_unit_test(test_plain),
      cmocka_unit_test(test_registered_again),
      cmocka_unit_test(test_unknown_chunk),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
