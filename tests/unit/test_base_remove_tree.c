/* SPDX-License-Identifier: MIT
 * Folders that are not easy to remove. The tests that need a user who isn't
 * root become one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/remove_tree.h"
#include "temp_name.h"

enum { NOBODY = 65534 };

static char dir[TEMP_NAME]; /* the test's, and where it is; removed is: */
static const char tree[] = "tree";

static int setup(void **state) {
  (void)state;
  if (!mkdtemp(write_temp_name(dir, "remove-tree")) || chdir(dir))
    return -1;
  return mkdir(tree, 0700);
}

static int teardown(void **state) {
  (void)state;
  return chdir("/") || lab_remove_tree(dir, NULL);
}

static void make_file(int at, const char *name) {
  int fd = openat(at, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  assert_true(fd >= 0);
  close(fd);
}

static int open_dir(int at, const char *name) {
  int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  assert_true(fd >= 0);
  return fd;
}

/* Makes the folder NAME in the folder FD, which it closes. */
static int enter_new(int fd, const char *name) {
  assert_int_equal(mkdirat(fd, name, 0700), 0);
  int inner = open_dir(fd, name);
  close(fd);
  return inner;
}

static void check_gone(void) {
  lab_err err = {""};
  int rc = lab_remove_tree(tree, &err);
  if (rc)
    fail_msg("%d: %s", rc, err.text);
  assert_int_equal(access(tree, F_OK), -1);
}

/* Its path is three times as long as the kernel takes. */
static void removes_a_deep_folder(void **state) {
  enum { DEEP = 1000, FILES = 3 };
  struct rlimit before;
  (void)state;
  int fd = open_dir(AT_FDCWD, tree);
  for (int i = 0; i < DEEP; i++) {
    for (char name[] = "0"; *name < '0' + FILES; ++*name)
      make_file(fd, name);
    assert_int_equal(mkdirat(fd, "empty", 0700), 0);
    assert_int_equal(symlinkat("..", fd, "up"), 0);
    fd = enter_new(fd, "dddddddddddd");
  }
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
  const struct rlimit few = {(rlim_t)fd + 3, before.rlim_max};
  close(fd);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
  check_gone();
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void removes_a_broad_folder(void **state) {
  enum { BROAD = 40 };
  (void)state;
  int top = open_dir(AT_FDCWD, tree);
  for (int i = 0; i < BROAD * BROAD; i++) {
    char name[80];
    snprintf(name, sizeof name, "%d", i / BROAD);
    mkdirat(top, name, 0700);
    snprintf(name, sizeof name, "%d/%d", i / BROAD, i % BROAD);
    assert_int_equal(mkdirat(top, name, 0700), 0);
    snprintf(name, sizeof name, "%d/%d/file", i / BROAD, i % BROAD);
    make_file(top, name);
  }
  close(top);
  check_gone();
}

/* Names that it would take are there, as files and as folders, and there are
 * folders that need some. */
static void finds_names_that_are_free(void **state) {
  enum { PLANTED = 1500, DEEP = 40 };
  (void)state;
  int top = open_dir(AT_FDCWD, tree);
  for (int i = 0; i < DEEP; i++) {
    char name[80];
    snprintf(name, sizeof name, "deep%d", i);
    int fd = enter_new(enter_new(enter_new(dup(top), name), "in"), "in");
    make_file(fd, "file");
    close(fd);
  }
  for (int i = 0; i < PLANTED; i++) {
    char name[80];
    snprintf(name, sizeof name, ".diaglab-going-%d", i);
    if (i % 2) {
      make_file(top, name);
      continue;
    }
    int fd = enter_new(enter_new(dup(top), name), "in");
    make_file(fd, "file");
    close(fd);
  }
  close(top);
  check_gone();
}

static void leaves_alone_what_links_lead_to(void **state) {
  (void)state;
  int out = open_dir(AT_FDCWD, dir);
  make_file(out, "safe");
  int fd = enter_new(open_dir(AT_FDCWD, tree), "branch");
  assert_int_equal(symlinkat(dir, fd, "link"), 0);
  assert_int_equal(symlinkat("../../safe", fd, "file"), 0);
  fd = enter_new(fd, "twig");
  assert_int_equal(symlinkat(dir, fd, "link"), 0);
  close(fd);
  check_gone();
  assert_int_equal(faccessat(out, "safe", F_OK, 0), 0);
  assert_int_equal(symlinkat(dir, out, "tree"), 0);
  check_gone();
  assert_int_equal(faccessat(out, "safe", F_OK, 0), 0);
  close(out);
}

static void tells_what_is_not_there(void **state) {
  lab_err err;
  (void)state;
  check_gone();
  assert_int_equal(lab_remove_tree(tree, &err), -ENOENT);
  assert_non_null(strstr(err.text, "tree: No such file or directory"));
  assert_int_equal(mkdir(tree, 0700), 0);
}

/* ---- permissions --------------------------------------------------------- */

static void become_nobody(void) {
  if (geteuid() != 0)
    return;
  assert_int_equal(chown(dir, NOBODY, NOBODY), 0);
  assert_int_equal(chown(tree, NOBODY, NOBODY), 0);
  assert_int_equal(seteuid(NOBODY), 0);
}

static int teardown_as_before(void **state) {
  if (getuid() == 0 && seteuid(0))
    return -1;
  return teardown(state);
}

static void removes_what_nobody_may_open(void **state) {
  static const mode_t modes[] = {0000, 0100, 0200, 0300, 0400, 0500};
  (void)state;
  become_nobody();
  int top = open_dir(AT_FDCWD, tree);
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
    char name[] = "0";
    *name += (char)i;
    int outer = enter_new(dup(top), name);
    int fd = enter_new(dup(outer), "in");
    make_file(fd, "file");
    fd = enter_new(fd, "deep");
    make_file(fd, "file");
    assert_int_equal(fchmod(fd, modes[i]), 0);
    close(fd);
    assert_int_equal(fchmodat(outer, "in", modes[i], 0), 0);
    assert_int_equal(fchmod(outer, modes[i]), 0);
    close(outer);
  }
  assert_int_equal(fchmod(top, 0), 0);
  close(top);
  check_gone();
}

/* One of another user's is in a folder that is this user's. */
static void tells_what_the_user_may_not_remove(void **state) {
  lab_err err;
  (void)state;
  if (geteuid() != 0)
    skip();
  int fd = enter_new(enter_new(open_dir(AT_FDCWD, tree), "a"), "theirs");
  make_file(fd, "1");
  make_file(fd, "2");
  close(fd);
  fd = open_dir(AT_FDCWD, tree);
  assert_int_equal(fchownat(fd, "a", NOBODY, NOBODY, 0), 0);
  make_file(fd, "mine");
  close(fd);
  become_nobody();
  assert_int_equal(lab_remove_tree(tree, &err), -EACCES);
  assert_non_null(
      strstr(err.text, "tree stays on disk: a/theirs: Permission denied"));
  assert_int_equal(seteuid(0), 0);
  assert_int_equal(faccessat(AT_FDCWD, tree, F_OK, 0), 0);
  check_gone();
  assert_int_equal(mkdir(tree, 0700), 0);
}

/* ---- somebody who writes ------------------------------------------------- */

/* Until it is killed; into a folder that it makes again when it has gone. */
static pid_t start_writer(void) {
  pid_t pid = fork();
  assert_true(pid >= 0);
  for (unsigned i = 0; pid == 0; i++) {
    char name[80];
    snprintf(name, sizeof name, "tree/in/%u", i);
    int fd = open(name, O_WRONLY | O_CREAT, 0600);
    if (fd >= 0)
      close(fd);
    else if (mkdir(tree, 0700) == 0 || errno == EEXIST)
      mkdir("tree/in", 0700);
  }
  return pid;
}

/* It ends, and tells, or it has removed all that was there at some moment. */
static void ends_while_somebody_writes(void **state) {
  enum { SOON_S = 100 };
  lab_err err;
  (void)state;
  pid_t pid = start_writer();
  alarm(SOON_S); /* the test is over if it doesn't end */
  for (int i = 0; i < 5; i++) {
    int rc = lab_remove_tree(tree, &err);
    if (rc && rc != -ENOENT)
      assert_non_null(strstr(err.text, "tree stays on disk: "));
  }
  alarm(0);
  kill(pid, SIGKILL);
  assert_int_equal(waitpid(pid, NULL, 0), pid);
  mkdir(tree, 0700);
  check_gone();
}

#define IN_DIR(f) cmocka_unit_test_setup_teardown(f, setup, teardown_as_before)

int main(void) {
  const struct CMUnitTest tests[] = {
      IN_DIR(removes_a_deep_folder),
      IN_DIR(removes_a_broad_folder),
      IN_DIR(finds_names_that_are_free),
      IN_DIR(leaves_alone_what_links_lead_to),
      IN_DIR(tells_what_is_not_there),
      IN_DIR(removes_what_nobody_may_open),
      IN_DIR(tells_what_the_user_may_not_remove),
      IN_DIR(ends_while_somebody_writes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
