/* SPDX-License-Identifier: MIT
 * lab.OpenFiles: what is open is told once, whoever opened and closed it; and
 * both forms of the profile say the same. */
#include "prof_worker.h"

#include <pthread.h>

#include "prof/files.h"
#include "prof/label.h"
#include "prof/registry.h"

enum { THREADS = 4, ROUNDS = 20000, LEFT = 5 };

static const lab_profile_kind *kind;

static fx_profile *read_now(void) {
  void *s = kind->take(kind);
  lab_buf out = LAB_BUF_INIT;
  assert_int_equal(kind->write(s, NULL, &out), 0);
  kind->free(s);
  return fx_read(&out);
}

static void stacks_of_what_is_open(void **state) {
  (void)state;
  uint32_t a = worker_stack("createFiles"), b = worker_stack("readConfig");
  uint32_t label = lab_label_intern(0, "receipts", "/");
  for (int fd = 10; fd < 15; fd++)
    lab_files_opened(fd, a, label);
  lab_files_opened(300, b, 0);
  lab_files_closed(12);
  lab_files_closed(12);
  lab_files_closed(5000);
  lab_files_closed(-1);
  lab_files_opened(-1, a, 0);
  assert_int_equal(kind->count(kind), 5);
  lab_files_opened(14, b, 0); /* the number was given to another file */
  assert_int_equal(kind->count(kind), 5);

  fx_profile *p = read_now();
  assert_int_equal(fx_cum(p, "createFiles", 0), 3);
  assert_int_equal(fx_cum(p, "readConfig", 0), 2);
  assert_int_equal(fx_cum(p, NULL, 0), 5);
  assert_int_equal(p->nsamples, 2);
  assert_true(fx_has_label(p, &p->samples[0], "step", "receipts"));
  assert_int_equal(p->period, 1);
  fx_free(p);
}

static void text_says_the_same(void **state) {
  (void)state;
  void *s = kind->take(kind);
  lab_buf out = LAB_BUF_INIT;
  kind->write_text(s, 1, &out);
  lab_buf_putc(&out, '\0');
  kind->free(s);
  assert_ptr_equal(strstr(out.data, "lab.OpenFiles profile: total 5\n3 @ 0x"),
                   out.data);
  assert_non_null(strstr(out.data, "\n2 @ 0x"));
  assert_non_null(strstr(out.data, "\tcreateFiles+0x0"));
  lab_buf_free(&out);
  for (int fd = 0; fd < 400; fd++)
    lab_files_closed(fd);
  assert_int_equal(kind->count(kind), 0);
  fx_profile *p = read_now();
  assert_int_equal(p->nsamples, 0);
  fx_free(p);
}

static void *open_and_close(void *arg) {
  int fd = 1000 + (int)(intptr_t)arg;
  for (int i = 0; i < ROUNDS; i++) {
    lab_files_opened(fd, 1, 0);
    lab_files_closed(fd);
  }
  for (int i = 1; i <= LEFT; i++)
    lab_files_opened(fd + 100 * i, 1, 0);
  return NULL;
}

static void any_thread(void **state) {
  (void)state;
  pthread_t threads[THREADS];
  for (intptr_t i = 0; i < THREADS; i++)
    assert_int_equal(
        pthread_create(&threads[i], NULL, open_and_close, (void *)i), 0);
  for (int i = 0; i < 100; i++)
    kind->free(kind->take(kind));
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  assert_int_equal(kind->count(kind), THREADS * LEFT);
}

static int find_kind(void **state) {
  (void)state;
  lab_registry_add_files();
  kind = lab_registry_find("lab.OpenFiles");
  return kind ? 0 : -1;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(stacks_of_what_is_open),
      cmocka_unit_test(text_says_the_same),
      cmocka_unit_test(any_thread),
  };
  return cmocka_run_group_tests(tests, find_kind, NULL);
}
