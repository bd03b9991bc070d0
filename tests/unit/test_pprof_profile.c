/* SPDX-License-Identifier: MIT
 * The builder: what was put in is read back from its bytes. */
#include "pprof/encode.h"
#include "pprof/profile.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pprof_decode.h"

static const lab_profile_type cpu_types[] = {{"samples", "count"},
                                             {"cpu", "nanoseconds"}};
static const lab_profile_config cpu = {.types = cpu_types,
                                       .ntypes = 2,
                                       .period_type = {"cpu", "nanoseconds"},
                                       .period = 10000000};

static const int64_t one[] = {1, 10000000};

/* The profile's bytes, decoded; valid until the next call. */
static const pb_profile *decoded(const lab_profile *p) {
  static lab_buf raw;
  static pb_profile d;
  lab_buf_free(&raw);
  if (!p)
    return NULL;
  assert_int_equal(lab_profile_finish_raw(p, &raw), 0);
  pb_decode(raw.data, raw.len, &d);
  return &d;
}

static int forget_decoded(void **state) {
  (void)state;
  decoded(NULL);
  return 0;
}

/* N places in functions of their own, ids 1 to N. */
static void add_locations(lab_profile *p, int64_t n) {
  char name[] = "fn.a";
  for (int64_t i = 1; i <= n; i++, name[3]++) {
    uint64_t f = lab_profile_function(p, name, "/src/lab.lua", i * 10);
    assert_int_equal(lab_profile_location(p, 0, 0, f, i * 10 + 1), i);
  }
}

static void header_fields(void **state) {
  (void)state;
  static const char *const comments[] = {"first", "second", NULL};
  lab_profile_config config = cpu;
  config.default_type = "cpu";
  config.time_ns = 1531407824000000000;
  config.duration_ns = 30000000000;
  config.comments = comments;
  lab_profile *p = lab_profile_new(&config);
  const pb_profile *d = decoded(p);
  assert_int_equal(d->ntypes, 2);
  pb_assert_string(d, d->types[0].type, "samples");
  pb_assert_string(d, d->types[0].unit, "count");
  pb_assert_string(d, d->types[1].type, "cpu");
  pb_assert_string(d, d->types[1].unit, "nanoseconds");
  pb_assert_string(d, d->period_type.type, "cpu");
  pb_assert_string(d, d->period_type.unit, "nanoseconds");
  pb_assert_string(d, d->default_type, "cpu");
  assert_int_equal(d->period, 10000000);
  assert_int_equal(d->time_ns, 1531407824000000000);
  assert_int_equal(d->duration_ns, 30000000000);
  assert_int_equal(d->ncomments, 2);
  pb_assert_string(d, d->comments[1], "second");
  lab_profile_free(p);
}

static void empty_profile(void **state) {
  (void)state;
  lab_profile *p = lab_profile_new(&cpu);
  const pb_profile *d = decoded(p);
  assert_int_equal(d->nsamples, 0);
  assert_int_equal(d->default_type, 0);
  assert_int_equal(d->ncomments, 0);
  lab_profile_free(p);
  lab_profile_free(NULL);
}

static void mappings(void **state) {
  (void)state;
  lab_profile *p = lab_profile_new(&cpu);
  assert_int_equal(
      lab_profile_mapping(p, 0x400000, 0x500000, 0x1000, "/bin/lab", "abcd"),
      1);
  assert_int_equal(
      lab_profile_mapping(p, 0x7f0000000000, 0x7f0000001000, 0, "libc", NULL),
      2);
  uint64_t l = lab_profile_location(p, 2, 0x7f0000000123, 0, 0);
  lab_profile_sample(p, &l, 1, one, NULL, 0);
  const pb_profile *d = decoded(p);
  assert_int_equal(d->nmappings, 2);
  const pb_mapping *m = &d->mappings[0];
  assert_int_equal(m->start, 0x400000);
  assert_int_equal(m->limit, 0x500000);
  assert_int_equal(m->offset, 0x1000);
  pb_assert_string(d, m->file, "/bin/lab");
  pb_assert_string(d, m->build_id, "abcd");
  for (int i = 0; i < 4; i++)
    assert_int_equal(m->has[i], 1);
  pb_assert_string(d, d->mappings[1].build_id, "");
  assert_int_equal(d->locations[0].mapping, 2);
  assert_int_equal(d->locations[0].address, 0x7f0000000123);
  assert_int_equal(d->locations[0].nlines, 0);
  lab_profile_free(p);
}

static void functions_are_interned(void **state) {
  (void)state;
  lab_profile *p = lab_profile_new(&cpu);
  uint64_t f = lab_profile_function(p, "<main step-4.lua>", "/s.lua", 3);
  assert_int_equal(f, 1);
  assert_int_equal(lab_profile_function(p, "<main step-4.lua>", "/s.lua", 4),
                   2);
  assert_int_equal(lab_profile_function(p, "<main step-4.lua>", "/t.lua", 3),
                   3);
  assert_int_equal(lab_profile_function(p, "memcpy", NULL, 0), 4);
  assert_int_equal(lab_profile_function(p, "memcpy", "", 0), 4);
  assert_int_equal(lab_profile_function(p, "<main step-4.lua>", "/s.lua", 3),
                   f);
  const pb_profile *d = decoded(p);
  assert_int_equal(d->nfunctions, 4);
  pb_assert_string(d, d->functions[0].name, "<main step-4.lua>");
  pb_assert_string(d, d->functions[0].file, "/s.lua");
  assert_int_equal(d->functions[0].start_line, 3);
  for (size_t i = 0; i < d->nfunctions; i++)
    assert_int_equal(d->functions[i].system_name, 0);
  lab_profile_free(p);
}

static void locations_are_interned(void **state) {
  (void)state;
  lab_profile *p = lab_profile_new(&cpu);
  uint64_t f = lab_profile_function(p, "f", "/f.lua", 1);
  uint64_t g = lab_profile_function(p, "g", "/f.lua", 9);
  assert_int_equal(lab_profile_location(p, 0, 0, f, 2), 1);
  assert_int_equal(lab_profile_location(p, 0, 0, f, 3), 2);
  assert_int_equal(lab_profile_location(p, 0, 0, g, 2), 3);
  assert_int_equal(lab_profile_location(p, 0, 64, g, 2), 4);
  assert_int_equal(lab_profile_location(p, 0, 0, f, 2), 1);
  const pb_profile *d = decoded(p);
  assert_int_equal(d->nlocations, 4);
  assert_int_equal(d->locations[2].function, g);
  assert_int_equal(d->locations[2].line, 2);
  assert_int_equal(d->locations[2].nlines, 1);
  assert_int_equal(d->locations[3].address, 64);
  lab_profile_free(p);
}

static void equal_samples_add_up(void **state) {
  (void)state;
  lab_profile *p = lab_profile_new(&cpu);
  add_locations(p, 3);
  static const uint64_t a[] = {1, 2, 3}, b[] = {3, 2, 1};
  static const int64_t negative[] = {-5, -50000000};
  lab_profile_sample(p, a, 3, one, NULL, 0);
  lab_profile_sample(p, b, 3, one, NULL, 0);
  lab_profile_sample(p, a, 3, one, NULL, 0);
  lab_profile_sample(p, a, 2, one, NULL, 0); /* a prefix is another stack */
  lab_profile_sample(p, b, 3, negative, NULL, 0);
  const pb_profile *d = decoded(p);
  assert_int_equal(d->nsamples, 3);
  assert_int_equal(d->samples[0].nframes, 3);
  assert_memory_equal(d->samples[0].frames, a, sizeof a);
  assert_int_equal(d->samples[0].values[0], 2);
  assert_int_equal(d->samples[0].values[1], 20000000);
  assert_memory_equal(d->samples[1].frames, b, sizeof b);
  assert_int_equal(d->samples[1].values[0], -4);
  assert_int_equal(d->samples[1].values[1], -40000000);
  assert_int_equal(d->samples[2].nframes, 2);
  lab_profile_free(p);
}

static void labels_keep_samples_apart(void **state) {
  (void)state;
  static const lab_profile_label ab[] = {{.key = "step", .str = "mutex"},
                                         {.key = "bytes", .num = 512}};
  static const lab_profile_label ba[] = {{.key = "bytes", .num = 512},
                                         {.key = "step", .str = "mutex"}};
  static const lab_profile_label other = {
      .key = "bytes", .num = 512, .num_unit = "kilobytes"};
  lab_profile *p = lab_profile_new(&cpu);
  add_locations(p, 1);
  static const uint64_t stack[] = {1};
  lab_profile_sample(p, stack, 1, one, NULL, 0);
  lab_profile_sample(p, stack, 1, one, ab, 2);
  lab_profile_sample(p, stack, 1, one, ba, 2);
  lab_profile_sample(p, stack, 1, one, &ba[0], 1);
  lab_profile_sample(p, stack, 1, one, &other, 1);
  const pb_profile *d = decoded(p);
  assert_int_equal(d->nsamples, 4);
  assert_int_equal(d->samples[0].nlabels, 0);
  assert_int_equal(d->samples[1].values[0], 2);
  assert_int_equal(d->samples[1].nlabels, 2);
  const pb_label *l = d->samples[1].labels;
  pb_assert_string(d, l[0].key, "step");
  pb_assert_string(d, l[0].str, "mutex");
  pb_assert_string(d, l[1].key, "bytes");
  assert_int_equal(l[1].str, 0);
  assert_int_equal(l[1].num, 512);
  assert_int_equal(l[1].unit, 0);
  pb_assert_string(d, d->samples[3].labels[0].unit, "kilobytes");
  lab_profile_free(p);
}

static void zero_samples_go_when_asked(void **state) {
  (void)state;
  static const int64_t minus[] = {-1, -10000000}, half[] = {-1, 0};
  static const uint64_t stacks[] = {1, 2};
  for (int drop = 0; drop <= 1; drop++) {
    lab_profile_config config = cpu;
    config.drop_zero = drop;
    lab_profile *p = lab_profile_new(&config);
    add_locations(p, 2);
    lab_profile_sample(p, &stacks[0], 1, one, NULL, 0);
    lab_profile_sample(p, &stacks[0], 1, minus, NULL, 0);
    lab_profile_sample(p, &stacks[1], 1, one, NULL, 0);
    lab_profile_sample(p, &stacks[1], 1, half, NULL, 0);
    const pb_profile *d = decoded(p);
    assert_int_equal(d->nsamples, drop ? 1 : 2);
    assert_int_equal(d->samples[d->nsamples - 1].values[0], 0);
    assert_int_equal(d->samples[d->nsamples - 1].values[1], 10000000);
    lab_profile_free(p);
  }
}

static void sums_wrap_around(void **state) {
  (void)state;
  static const int64_t most[] = {INT64_MAX, 1};
  static const uint64_t stack[] = {1};
  lab_profile *p = lab_profile_new(&cpu);
  add_locations(p, 1);
  lab_profile_sample(p, stack, 1, most, NULL, 0);
  lab_profile_sample(p, stack, 1, one, NULL, 0);
  assert_true(decoded(p)->samples[0].values[0] == INT64_MIN);
  lab_profile_free(p);
}

static void finish_can_be_repeated(void **state) {
  (void)state;
  static const uint64_t stack[] = {2, 1};
  lab_buf first = LAB_BUF_INIT, again = LAB_BUF_INIT;
  lab_profile *p = lab_profile_new(&cpu);
  add_locations(p, 2);
  lab_profile_sample(p, stack, 2, one, NULL, 0);
  assert_int_equal(lab_profile_finish_raw(p, &first), 0);
  assert_int_equal(lab_profile_finish_raw(p, &again), 0);
  assert_int_equal(first.len, again.len);
  assert_memory_equal(first.data, again.data, first.len);
  lab_profile_sample(p, stack, 1, one, NULL, 0);
  assert_int_equal(decoded(p)->nsamples, 2);
  lab_profile_free(p);
  lab_buf_free(&first);
  lab_buf_free(&again);
}

static void sample_at_location_0(lab_profile *p) {
  static const uint64_t stack[] = {1, 0};
  lab_profile_sample(p, stack, 2, one, NULL, 0);
}

static void sample_at_unknown_location(lab_profile *p) {
  static const uint64_t stack[] = {3};
  lab_profile_sample(p, stack, 1, one, NULL, 0);
}

static void label_without_key(lab_profile *p) {
  static const uint64_t stack[] = {1};
  static const lab_profile_label l = {.key = "", .num = 1};
  lab_profile_sample(p, stack, 1, one, &l, 1);
}

static void location_in_unknown_function(lab_profile *p) {
  lab_profile_location(p, 0, 0, 3, 1);
}

static void location_in_unknown_mapping(lab_profile *p) {
  lab_profile_location(p, 1, 64, 0, 0);
}

/* In a child, silently and without a core file. */
static void assert_aborts(void (*mistake)(lab_profile *), lab_profile *p) {
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    signal(SIGABRT, SIG_DFL);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    fclose(stderr);
    mistake(p);
    _exit(0);
  }
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void mistakes_abort(void **state) {
  (void)state;
  lab_profile *p = lab_profile_new(&cpu);
  add_locations(p, 2);
  assert_aborts(sample_at_location_0, p);
  assert_aborts(sample_at_unknown_location, p);
  assert_aborts(label_without_key, p);
  assert_aborts(location_in_unknown_function, p);
  assert_aborts(location_in_unknown_mapping, p);
  lab_profile_free(p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(header_fields),
      cmocka_unit_test(empty_profile),
      cmocka_unit_test(mappings),
      cmocka_unit_test(functions_are_interned),
      cmocka_unit_test(locations_are_interned),
      cmocka_unit_test(equal_samples_add_up),
      cmocka_unit_test(labels_keep_samples_apart),
      cmocka_unit_test(zero_samples_go_when_asked),
      cmocka_unit_test(sums_wrap_around),
      cmocka_unit_test(finish_can_be_repeated),
      cmocka_unit_test(mistakes_abort),
  };
  return cmocka_run_group_tests(tests, NULL, forget_decoded);
}
