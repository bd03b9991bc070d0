/* SPDX-License-Identifier: MIT
 * The goroutine profile's three forms, from pictures made by hand: counts,
 * deltas, order, states in Go's words, minutes, creators; and that a dump in
 * parts is the dump. */
#include "prof_worker.h"

#include "prof/goroutine.h"
#include "prof/goroutine_awaited.h"
#include "prof/label.h"
#include "stack/sources.h"

static const char source[] = "local function startTasks()\n"
                             "  lab.go(function()\n"
                             "    quit:recv()\n"
                             "  end)\n"
                             "end\n";

static uint32_t lua_function(int defined) {
  return lab_func_lua("@/app/x.lua", 11, defined, 0);
}

/* lab.Channel.recv <- main.startTasks.func1. */
static uint32_t task_stack(void) {
  lab_frame frames[] = {
      lab_frame_script(lab_func_pseudo("lab.Channel.recv"), 0),
      lab_frame_script(lua_function(2), 3)};
  return lab_stack_intern(frames, 2);
}

/* lab.go <- main.startTasks. */
static uint32_t creator_stack(void) {
  lab_frame frames[] = {
      lab_frame_script(lab_func_c(&source, "lab.go", false), 0),
      lab_frame_script(lua_function(1), 2)};
  return lab_stack_intern(frames, 2);
}

static void add(lab_goroutines *g, uint64_t id, lab_task_state state,
                lab_wait wait, uint16_t minutes, uint32_t stack) {
  lab_goroutine one = {.id = id,
                       .stack = stack,
                       .label = lab_label_intern(0, "workers", "/"),
                       .minutes = minutes,
                       .state = (uint8_t)state,
                       .wait = (uint8_t)wait};
  lab_goroutines_add(g, &one);
}

static lab_goroutines *picture(unsigned n) {
  lab_goroutines *g = lab_goroutines_new("goroutine");
  for (unsigned i = 1; i <= n; i++)
    add(g, i, LAB_TASK_WAITING, LAB_WAIT_RECEIVE, 0,
        i % 3 ? task_stack() : worker_stack("other"));
  return g;
}

static char *dump(const lab_goroutines *g, size_t part) {
  lab_goroutine_reader *r = lab_goroutine_reader_new(g);
  lab_buf all = LAB_BUF_INIT, out = LAB_BUF_INIT;
  bool more = true;
  while (more) {
    lab_buf_clear(&out);
    more = lab_goroutine_read(r, &out, part);
    lab_buf_append(&all, out.data, out.len);
  }
  lab_goroutine_reader_free(r);
  lab_buf_free(&out);
  lab_buf_putc(&all, '\0');
  return all.data;
}

/* ---- counts -------------------------------------------------------------- */

static fx_profile *written(const lab_goroutines *now,
                           const lab_goroutines *before) {
  lab_buf out = LAB_BUF_INIT;
  assert_int_equal(lab_goroutines_write(now, before, &out), 0);
  return fx_read(&out);
}

static void counts_are_exact(void **state) {
  (void)state;
  lab_goroutines *g = picture(9000);
  assert_int_equal(lab_goroutines_count(g), 9000);
  fx_profile *p = written(g, NULL);
  assert_int_equal(p->nsamples, 2);
  assert_int_equal(fx_cum(p, NULL, 0), 9000);
  assert_int_equal(fx_cum(p, "main.startTasks.func1", 0), 6000);
  assert_int_equal(fx_flat(p, "other", 0), 3000);
  assert_true(fx_has_label(p, &p->samples[0], "step", "workers"));
  assert_int_equal(p->period, 1);
  fx_free(p);
  lab_goroutines_free(g);
}

static void delta_has_what_changed(void **state) {
  (void)state;
  lab_goroutines *before = picture(3), *now = picture(5);
  fx_profile *p = written(now, before);
  assert_int_equal(p->nsamples, 1);
  assert_int_equal(fx_cum(p, "main.startTasks.func1", 0), 2);
  fx_free(p);
  p = written(before, now);
  assert_int_equal(fx_cum(p, NULL, 0), -2);
  fx_free(p);
  lab_goroutines_free(before);
  lab_goroutines_free(now);
}

static void nothing_is_a_profile_too(void **state) {
  (void)state;
  lab_goroutines *g = lab_goroutines_new("goroutine");
  fx_profile *p = written(g, NULL);
  assert_int_equal(p->nsamples, 0);
  fx_free(p);
  char *text = dump(g, 100);
  assert_string_equal(text, "");
  lab_xfree(text);
  lab_goroutines_free(g);
}

static void text_has_records(void **state) {
  (void)state;
  lab_goroutines *g = picture(5);
  add(g, 6, LAB_TASK_RUNNABLE, LAB_WAIT_NONE, 0, 0);
  lab_buf out = LAB_BUF_INIT;
  lab_goroutines_write_text(g, &out);
  lab_buf_putc(&out, '\0');
  const char *head = "goroutine profile: total 6\n4 @ 0x";
  assert_memory_equal(out.data, head, strlen(head));
  assert_non_null(strstr(
      out.data, "\n# labels: {\"route\":\"/\", \"step\":\"workers\"}\n#\t0x"));
  assert_non_null(
      strstr(out.data, "\tmain.startTasks.func1+0x1\t/app/x.lua:3\n"));
  assert_non_null(strstr(out.data, "\t[unknown]+0x0"));
  lab_buf_free(&out);
  lab_goroutines_free(g);
}

/* ---- single tasks -------------------------------------------------------- */

static void dump_is_in_gos_form(void **state) {
  (void)state;
  lab_goroutines *g = lab_goroutines_new("goroutine");
  lab_goroutine one = {.id = 34,
                       .creator = 17,
                       .stack = task_stack(),
                       .created_by = creator_stack(),
                       .minutes = 2,
                       .state = LAB_TASK_WAITING,
                       .wait = LAB_WAIT_MUTEX};
  lab_goroutines_add(g, &one);
  char *text = dump(g, 1000);
  assert_string_equal(text, "goroutine 34 [sync.Mutex.Lock, 2 minutes]:\n"
                            "lab.Channel.recv(...)\n"
                            "\t?:0 +0x0\n"
                            "main.startTasks.func1(...)\n"
                            "\t/app/x.lua:3 +0x1\n"
                            "created by main.startTasks in goroutine 17\n"
                            "\t/app/x.lua:2 +0x1\n"
                            "\n");
  lab_xfree(text);
  lab_goroutines_free(g);
}

static void states_in_words(void **state) {
  (void)state;
  lab_goroutines *g = lab_goroutines_new("goroutine");
  uint32_t s = task_stack();
  add(g, 1, LAB_TASK_RUNNING, LAB_WAIT_NONE, 0, s);
  add(g, 2, LAB_TASK_RUNNABLE, LAB_WAIT_NONE, 0, s);
  add(g, 3, LAB_TASK_WAITING, LAB_WAIT_SELECT, 1, s);
  add(g, 4, LAB_TASK_WAITING, LAB_WAIT_WORKER, 65535, s);
  add(g, 5, LAB_TASK_WAITING, LAB_WAIT_NONE, 0, s);
  char *text = dump(g, 1 << 20);
  assert_non_null(strstr(text, "goroutine 1 [running]:\n"));
  assert_non_null(strstr(text, "goroutine 2 [runnable]:\n"));
  assert_non_null(strstr(text, "goroutine 3 [select, 1 minutes]:\n"));
  assert_non_null(strstr(text, "goroutine 4 [syscall, 65535 minutes]:\n"));
  assert_non_null(strstr(text, "goroutine 5 [waiting]:\n"));
  lab_xfree(text);
  lab_goroutines_free(g);
}

/* ---- locks --------------------------------------------------------------- */

/* The number of a lock in G that N tasks have, from FIRST on. */
static uint32_t add_lock(lab_goroutines *g, const void *lock, const char *name,
                         uint64_t first, size_t n, bool reading) {
  lab_lock_view view = {
      .held = n, .waiting = *name ? 3 : 6, .reading = reading};
  for (size_t i = 0; i < n && i < LAB_LOCK_SHOWN; i++)
    view.holders[i].task = first + i;
  uint32_t number = lab_awaited_add_lock(g, lock, &view);
  lab_awaited_set_name(g, number, name, strlen(name));
  return number;
}

static void add_waiter(lab_goroutines *g, uint64_t id, uint32_t number) {
  lab_goroutine one = {.id = id,
                       .stack = task_stack(),
                       .state = LAB_TASK_WAITING,
                       .wait = LAB_WAIT_MUTEX,
                       .awaited = number};
  lab_goroutines_add(g, &one);
}

/* What it waits for, and what it has itself, in any state. */
static void who_holds_what(void **state) {
  (void)state;
  lab_goroutines *g = lab_goroutines_new("goroutine");
  const char locks[17] = "";
  uint32_t a = add_lock(g, &locks[0], "a", 1, 1, false);
  uint32_t b = add_lock(g, &locks[1], "b", 2, 1, false);
  uint32_t crowded = add_lock(g, &locks[2], "", 3, 1, false);
  add_lock(g, &locks[3], "prices", 4, 6, true);
  add_lock(g, &locks[4], "own", 4, 1, false);
  lab_lock_view twice = {.held = 2, .waiting = 1, .size = 2};
  twice.holders[0].task = twice.holders[1].task = 3;
  lab_awaited_set_name(g, lab_awaited_add_lock(g, &locks[16], &twice), "pool",
                       4);
  add_lock(g, &locks[5], "nobody's", 0, 1, false);
  for (int i = 6; i < 16; i++)
    add_lock(g, &locks[i], "many", 5, 1, false);
  add_waiter(g, 1, b);
  add_waiter(g, 2, a);
  add_waiter(g, 11, b);
  add_waiter(g, 10, b);
  for (unsigned id = 20; id < 26; id++)
    add_waiter(g, id, crowded);
  add(g, 3, LAB_TASK_RUNNABLE, LAB_WAIT_NONE, 0, task_stack());
  add(g, 4, LAB_TASK_WAITING, LAB_WAIT_SLEEP, 2, task_stack());
  add(g, 5, LAB_TASK_RUNNING, LAB_WAIT_NONE, 0, task_stack());
  add(g, 9, LAB_TASK_RUNNING, LAB_WAIT_NONE, 0, task_stack());
  char *text = dump(g, 1 << 20);
  assert_non_null(strstr(text, "goroutine 1 [sync.Mutex.Lock (\"b\" held by "
                               "task 2 since "));
  assert_non_null(strstr(text, "; 3 wait; holds \"a\": 3 wait: tasks 2)]:\n"));
  assert_non_null(
      strstr(text, "; 3 wait; holds \"b\": 3 wait: tasks 1 10 11)]:\n"));
  assert_non_null(
      strstr(text, "goroutine 3 [runnable (holds a lock: 6 wait: tasks 20 21 "
                   "22 23 and others; holds \"pool\": 1 wait)]:\n"));
  assert_non_null(strstr(text, "goroutine 4 [sleep (reads \"prices\": 3 wait; "
                               "holds \"own\": 3 wait), 2 minutes]:\n"));
  const char *many = strstr(text, "goroutine 5 [running (");
  assert_non_null(many);
  int n = 0;
  for (const char *at = many; (at = strstr(at, "\"many\"")); at++)
    n++;
  assert_int_equal(n, 7); /* with "prices" there are eight */
  assert_non_null(strstr(many, "; and others)]:\n"));
  assert_non_null(
      strstr(text, "goroutine 9 [running]:\n")); /* a sixth reader */
  lab_xfree(text);
  lab_goroutines_free(g);
}

/* Recorded as they changed, shown by their ids; and parts are whole tasks. */
static void parts_are_in_order(void **state) {
  (void)state;
  enum { N = 1000 };
  lab_goroutines *g = lab_goroutines_new("goroutine");
  for (unsigned i = 0; i < N; i++)
    add(g, (i * 7919u) % N + 1, LAB_TASK_RUNNABLE, LAB_WAIT_NONE, 0,
        i % 2 ? task_stack() : worker_stack("other"));
  char *whole = dump(g, SIZE_MAX), *parts = dump(g, 1000);
  assert_string_equal(whole, parts);
  const char *at = whole;
  for (unsigned i = 1; i <= N; i++) {
    unsigned id = 0;
    assert_int_equal(sscanf(at, "goroutine %u ", &id), 1);
    assert_int_equal(id, i);
    at = strstr(at, "\n\n") + 2;
  }
  assert_int_equal(*at, '\0');
  lab_xfree(whole);
  lab_xfree(parts);
  lab_goroutines_free(g);
}

int main(void) {
  lab_sources_register("@/app/x.lua", "main", "/app/x.lua", source,
                       sizeof source - 1);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(counts_are_exact),
      cmocka_unit_test(delta_has_what_changed),
      cmocka_unit_test(nothing_is_a_profile_too),
      cmocka_unit_test(text_has_records),
      cmocka_unit_test(dump_is_in_gos_form),
      cmocka_unit_test(states_in_words),
      cmocka_unit_test(who_holds_what),
      cmocka_unit_test(parts_are_in_order),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
