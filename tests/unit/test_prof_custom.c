/* SPDX-License-Identifier: MIT
 * Custom profiles: what was added and not removed, under whatever numbers; how
 * long they are shown, and held; and memory that a step may not have. */
#include "prof_worker.h"

#include <errno.h>
#include <pthread.h>

#include "base/rng.h"
#include "prof/custom.h"
#include "prof/registry.h"

enum { FIRST = 1, SECOND = 2, THREADS = 4, ROUNDS = 20000 };

static const char WHAT[] = "What is here.";

/* ---- memory of the step -------------------------------------------------- */

static size_t counted, most = SIZE_MAX;

static void *count_realloc(void *p, size_t old, size_t size) {
  if (counted - old + size > most)
    return NULL;
  counted = counted - old + size;
  return realloc(p, size);
}

static void count_free(void *p, size_t size) {
  counted -= size;
  free(p);
}

/* ---- reading ------------------------------------------------------------- */

static fx_profile *read_profile(const char *name) {
  const lab_profile_kind *kind = lab_registry_find(name);
  assert_non_null(kind);
  void *s = kind->take(kind);
  lab_buf out = LAB_BUF_INIT;
  assert_int_equal(kind->write(s, NULL, &out), 0);
  kind->free(s);
  lab_registry_release(kind);
  return fx_read(&out);
}

static int64_t count_of(const char *name, const char *function) {
  fx_profile *p = read_profile(name);
  int64_t n = fx_cum(p, function, 0);
  fx_free(p);
  return n;
}

static void assert_shown(const char *const *names) {
  const lab_profile_kind *kinds[LAB_REGISTRY_MAX];
  size_t n = lab_registry_list(kinds);
  for (size_t i = 0; i < n; i++) {
    assert_non_null(names[i]);
    assert_string_equal(kinds[i]->name, names[i]);
    lab_registry_release(kinds[i]);
  }
  assert_null(names[n]);
}

/* ---- tests --------------------------------------------------------------- */

static void what_is_there(void **state) {
  (void)state;
  uint32_t a = worker_stack("openConnection"), b = worker_stack("retry");
  lab_custom *c = lab_custom_new("db.Connections", WHAT, 0);
  int64_t first = lab_custom_add(c, a, 0);
  for (int i = 0; i < 9; i++)
    assert_true(lab_custom_add(c, a, 0) > first);
  int64_t other = lab_custom_add(c, b, 0);
  assert_int_equal(lab_custom_count(c), 11);
  assert_int_equal(count_of("db.Connections", "openConnection"), 10);
  assert_int_equal(count_of("db.Connections", "retry"), 1);
  lab_custom_remove(c, (size_t)first);
  lab_custom_remove(c, (size_t)first); /* once */
  lab_custom_remove(c, 1 << 20);
  assert_int_equal(lab_custom_count(c), 10);
  assert_int_equal(lab_custom_add(c, b, 0),
                   first); /* the number serves again */
  lab_custom_remove(c, (size_t)other);
  assert_int_equal(count_of("db.Connections", "openConnection"), 9);
  assert_int_equal(count_of("db.Connections", "retry"), 1);
  fx_profile *p = read_profile("db.Connections");
  assert_int_equal(p->nsamples, 2);
  assert_int_equal(p->period, 1);
  fx_free(p);
  lab_custom_end(c);
}

/* Against an array of flags: no number is given twice, and none far beyond what
 * is there. */
static void numbers_are_used_again(void **state) {
  (void)state;
  enum { MOST = 500 };
  bool there[MOST] = {false};
  unsigned count = 0;
  uint64_t rng = 7;
  lab_custom *c = lab_custom_new("db.Connections", WHAT, 0);
  for (int i = 0; i < 100000; i++) {
    unsigned at = (unsigned)(lab_rng_next(&rng) % MOST);
    if (there[at]) {
      lab_custom_remove(c, at);
      there[at] = false;
      count--;
    } else if (count < MOST / 2) {
      int64_t number = lab_custom_add(c, 1, 0);
      assert_in_range(number, 0, MOST / 2 - 1);
      assert_false(there[number]);
      there[number] = true;
      count++;
    }
    assert_int_equal(lab_custom_count(c), count);
  }
  lab_custom_end(c);
}

static void visits(void **state) {
  (void)state;
  lab_registry_mark(0);
  lab_custom *always = lab_custom_new("lab.Always", WHAT, 0);
  lab_custom *old = lab_custom_new("db.Connections", WHAT, FIRST);
  assert_shown((const char *const[]){"lab.Always", NULL});
  assert_null(lab_registry_find("db.Connections"));
  lab_registry_mark(FIRST);
  assert_shown((const char *const[]){"db.Connections", "lab.Always", NULL});
  assert_int_equal(lab_custom_add(old, worker_stack("late"), 0), 0);
  lab_registry_mark(0); /* it is left, and its tasks go on */
  assert_shown((const char *const[]){"lab.Always", NULL});
  lab_custom *new = lab_custom_new("db.Connections", WHAT, SECOND);
  lab_custom *more = lab_custom_new("db.Another", WHAT, SECOND);
  lab_registry_mark(SECOND);
  assert_shown((const char *const[]){"db.Another", "db.Connections",
                                     "lab.Always", NULL});
  assert_int_equal(lab_custom_add(old, worker_stack("late"), 0), 1);
  assert_int_equal(count_of("db.Connections", NULL), 0);
  assert_int_equal(lab_custom_add(new, worker_stack("present"), 0), 0);
  lab_custom_end(old);
  assert_int_equal(count_of("db.Connections", "present"), 1);
  lab_custom_end(new);
  lab_custom_end(more);
  lab_custom_end(always);
  assert_shown((const char *const[]){NULL});
}

/* Who has found it may read it to the end, though nothing is in it then. */
static void held_beyond_its_end(void **state) {
  (void)state;
  lab_registry_mark(FIRST);
  lab_custom *c = lab_custom_new("db.Connections", WHAT, FIRST);
  assert_int_equal(lab_custom_add(c, worker_stack("open"), 0), 0);
  const lab_profile_kind *kind = lab_registry_find("db.Connections");
  void *before = kind->take(kind);
  assert_true(counted > 0);
  lab_custom_end(c);
  assert_int_equal(counted, 0); /* the step's memory is given back at once */
  assert_null(lab_registry_find("db.Connections"));
  void *after = kind->take(kind);
  assert_int_equal(kind->count(kind), 0);
  lab_registry_release(kind);
  lab_buf text = LAB_BUF_INIT;
  kind = NULL;
  lab_custom *other = lab_custom_new("x.Y", WHAT, 0);
  kind = lab_registry_find("x.Y");
  kind->write_text(before, 1, &text);
  kind->write_text(after, 1, &text);
  lab_buf_putc(&text, '\0');
  assert_non_null(strstr(text.data, "db.Connections profile: total 1\n1 @ "));
  assert_non_null(strstr(text.data, "db.Connections profile: total 0\n"));
  kind->free(before);
  kind->free(after);
  lab_registry_release(kind);
  lab_custom_end(other);
  lab_buf_free(&text);
}

static void memory_that_the_step_has_not(void **state) {
  (void)state;
  lab_registry_mark(FIRST);
  lab_custom *c = lab_custom_new("db.Connections", WHAT, FIRST);
  most = 10000;
  int64_t number = 0, n = 0;
  while ((number = lab_custom_add(c, 1, 0)) >= 0)
    assert_int_equal(number, n++);
  assert_int_equal(number, -ENOMEM);
  assert_true(n > 100 && n < 10000);
  assert_int_equal(lab_custom_count(c), n);
  assert_true(counted <= most);
  lab_custom_remove(c, 5);
  assert_int_equal(lab_custom_add(c, 1, 0), 5); /* there is room for one */
  assert_int_equal(lab_custom_add(c, 1, 0), -ENOMEM);
  most = SIZE_MAX;
  assert_int_equal(lab_custom_add(c, 1, 0), n);
  lab_custom_end(c);
  assert_int_equal(counted, 0);
}

static atomic_bool enough;

static void *read_again_and_again(void *arg) {
  (void)arg;
  while (!atomic_load(&enough)) {
    const lab_profile_kind *kind = lab_registry_find("db.Connections");
    if (!kind)
      continue;
    kind->free(kind->take(kind));
    (void)kind->count(kind);
    lab_registry_release(kind);
  }
  return NULL;
}

/* Readers on other threads, while profiles come, are filled, and go. */
static void readers_while_it_comes_and_goes(void **state) {
  (void)state;
  pthread_t threads[THREADS];
  atomic_store(&enough, false);
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(
        pthread_create(&threads[i], NULL, read_again_and_again, NULL), 0);
  for (uint32_t visit = 1; visit <= ROUNDS / 100; visit++) {
    lab_custom *c = lab_custom_new("db.Connections", WHAT, visit);
    lab_registry_mark(visit);
    for (int i = 0; i < 200; i++)
      assert_int_equal(lab_custom_add(c, 1, 0), i);
    for (size_t i = 0; i < 100; i++)
      lab_custom_remove(c, 2 * i);
    assert_int_equal(lab_custom_count(c), 100);
    lab_custom_end(c);
  }
  atomic_store(&enough, true);
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  assert_int_equal(counted, 0);
}

static int count_memory(void **state) {
  (void)state;
  static const lab_counted_allocator counting = {count_realloc, count_free};
  lab_alloc_install_counted(&counting);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_there),
      cmocka_unit_test(numbers_are_used_again),
      cmocka_unit_test(visits),
      cmocka_unit_test(held_beyond_its_end),
      cmocka_unit_test(memory_that_the_step_has_not),
      cmocka_unit_test(readers_while_it_comes_and_goes),
  };
  return cmocka_run_group_tests(tests, count_memory, NULL);
}
