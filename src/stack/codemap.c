/* SPDX-License-Identifier: MIT
 * See codemap.h. The map has every function of this executable, sorted by
 * address, with its name and kind. A signal handler searches it, so it is built
 * once, at start, and never changes.
 *
 * It is read from the .symtab of /proc/self/exe, so the program must not be
 * stripped. The dynamic linker's table would not do: it has exported symbols
 * only, and Lua's static functions matter, too. */
#include "stack/codemap.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "stack/elf_symbols.h"

typedef struct function {
  uintptr_t start, end;
  const char *name;
  lab_code_kind kind;
  bool shared; /* seen by other files; preferred if two have one start */
} function;

static struct {
  function *functions; /* sorted by start, one for each start */
  size_t count;
} map;

/* ---- reading ------------------------------------------------------------- */

typedef struct image {
  const char *data;
  size_t size;
} image;

static int open_image(image *im) {
  int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return -errno;
  struct stat st;
  int rc = 0;
  if (fstat(fd, &st) < 0) {
    rc = -errno;
  } else {
    im->size = (size_t)st.st_size;
    im->data = mmap(NULL, im->size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (im->data == MAP_FAILED)
      rc = -errno;
  }
  close(fd);
  return rc;
}

/* Stores how far the executable was moved when it was loaded. It is the first
 * object that the dynamic linker lists. */
static int find_bias(struct dl_phdr_info *info, size_t size, void *arg) {
  (void)size;
  *(uintptr_t *)arg = info->dlpi_addr;
  return 1;
}

static void add_symbol(const ElfW(Sym) * sym, const char *name,
                       const char *file, uintptr_t bias) {
  function *f = &map.functions[map.count++];
  f->start = bias + sym->st_value;
  f->end = f->start + sym->st_size;
  f->name = name;
  f->kind = lab_code_classify(file, name);
  f->shared = ELF64_ST_BIND(sym->st_info) != STB_LOCAL;
}

static void add_symbols(const lab_elf_symbols *t) {
  uintptr_t bias = 0;
  dl_iterate_phdr(find_bias, &bias);
  const char *file = NULL; /* of the local symbols that follow */
  /* A copy: the file may be replaced while we run. */
  const char *names = lab_xmemdup0(t->names, t->names_size);
  map.functions = lab_xcalloc(t->count ? t->count : 1, sizeof *map.functions);
  for (size_t i = 0; i < t->count; i++) {
    const ElfW(Sym) *s = &t->symbols[i];
    if (s->st_name >= t->names_size)
      continue;
    const char *name = names + s->st_name;
    int type = ELF64_ST_TYPE(s->st_info);
    if (type == STT_FILE)
      file = name;
    if (ELF64_ST_BIND(s->st_info) != STB_LOCAL)
      file = NULL;
    if (type == STT_FUNC && s->st_size && s->st_shndx != SHN_UNDEF)
      add_symbol(s, name, file, bias);
  }
}

static int compare_functions(const void *a, const void *b) {
  const function *x = a, *y = b;
  if (x->start != y->start)
    return x->start < y->start ? -1 : 1;
  return (int)y->shared - (int)x->shared;
}

/* Sorts them, and keeps the first of those with the same start. */
static void sort_functions(void) {
  qsort(map.functions, map.count, sizeof *map.functions, compare_functions);
  size_t kept = 0;
  for (size_t i = 0; i < map.count; i++)
    if (kept == 0 || map.functions[kept - 1].start != map.functions[i].start)
      map.functions[kept++] = map.functions[i];
  map.count = kept;
}

int lab_codemap_init(void) {
  if (map.functions)
    return 0;
  image im = {NULL, 0};
  int rc = open_image(&im);
  if (rc < 0)
    return rc;
  lab_elf_symbols symbols;
  if (lab_elf_symtab(im.data, im.size, &symbols)) {
    add_symbols(&symbols);
    sort_functions();
  } else {
    rc = -ENOEXEC;
  }
  munmap((void *)im.data, im.size);
  return rc;
}

/* ---- asking -------------------------------------------------------------- */

static const function *find_function(uintptr_t pc) {
  size_t low = 0, high = map.count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (map.functions[middle].start <= pc)
      low = middle + 1;
    else
      high = middle;
  }
  const function *f = low ? &map.functions[low - 1] : NULL;
  return f && pc < f->end ? f : NULL;
}

lab_code_kind lab_code_kind_at(uintptr_t pc) {
  const function *f = find_function(pc);
  return f ? f->kind : (lab_code_kind){LAB_CODE_OTHER, NULL};
}

lab_code lab_code_class(uintptr_t pc) {
  return lab_code_kind_at(pc).code;
}

const char *lab_code_name(uintptr_t pc, uintptr_t *start) {
  const function *f = find_function(pc);
  if (f && start)
    *start = f->start;
  return f ? f->name : NULL;
}
