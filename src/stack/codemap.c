/* SPDX-License-Identifier: MIT
 * See codemap.h. The map has every function of this executable, sorted by
 * address, with its name and kind. A signal handler searches it, so it is built
 * once, at start, and never changes.
 *
 * It is read from the .symtab of /proc/self/exe, so the program must not be
 * stripped. The dynamic linker's table would not do: it has exported symbols
 * only, and Lua's static functions matter, too. */
#include "stack/codemap.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/err.h"
#include "stack/elf_symbols.h"

/* Small, because each page of the map is memory of an idle lab. */
typedef struct function {
  uint32_t start, size; /* START is relative to the bias */
  uint32_t name;        /* where it stands in map.names */
  uint8_t kind;         /* its index in map.kinds */
  bool shared; /* seen by other files; preferred if two have one start */
} function;

enum { MAX_KINDS = 16 };

static struct {
  function *functions; /* sorted by start, one for each start */
  size_t count;
  uintptr_t bias; /* how far the executable was moved when it was loaded */
  /* The file's string table. It stays mapped, so that the names take no memory
   * until they are read. The file itself stays, too, if it is replaced. */
  const char *names;
  lab_code_kind kinds[MAX_KINDS]; /* those that were met */
  size_t nkinds;
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

static uint8_t number_kind(lab_code_kind kind) {
  size_t i = 0;
  while (i < map.nkinds &&
         (map.kinds[i].code != kind.code || map.kinds[i].pseudo != kind.pseudo))
    i++;
  if (i == map.nkinds) {
    LAB_ASSERT(map.nkinds < MAX_KINDS);
    map.kinds[map.nkinds++] = kind;
  }
  return (uint8_t)i;
}

static void add_symbol(const ElfW(Sym) * sym, const char *name,
                       const char *file) {
  map.functions[map.count++] = (function){
      .start = (uint32_t)sym->st_value,
      .size = (uint32_t)sym->st_size,
      .name = sym->st_name,
      .kind = number_kind(lab_code_classify(file, name)),
      .shared = ELF64_ST_BIND(sym->st_info) != STB_LOCAL,
  };
}

static bool is_function_symbol(const ElfW(Sym) * sym) {
  return ELF64_ST_TYPE(sym->st_info) == STT_FUNC && sym->st_size &&
         sym->st_shndx != SHN_UNDEF &&
         sym->st_value + sym->st_size <= UINT32_MAX;
}

static void add_symbols(const lab_elf_symbols *t) {
  const ElfW(Sym) *syms = t->symbols;
  size_t n = t->count, functions = 0;
  for (size_t i = 0; i < n; i++)
    functions += is_function_symbol(&syms[i]);
  map.functions = lab_xmalloc((functions + 1) * sizeof *map.functions);
  const char *file = NULL; /* of the local symbols that follow */
  for (size_t i = 0; i < n; i++) {
    if (syms[i].st_name >= t->names_size)
      continue;
    const char *name = map.names + syms[i].st_name;
    if (ELF64_ST_TYPE(syms[i].st_info) == STT_FILE)
      file = name;
    if (ELF64_ST_BIND(syms[i].st_info) != STB_LOCAL)
      file = NULL;
    if (is_function_symbol(&syms[i]))
      add_symbol(&syms[i], name, file);
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

static int read_symbols(const image *im) {
  lab_elf_symbols symbols;
  if (!lab_elf_symtab(im->data, im->size, &symbols))
    return -ENOEXEC;
  map.names = symbols.names;
  dl_iterate_phdr(find_bias, &map.bias);
  add_symbols(&symbols);
  sort_functions();
  return 0;
}

int lab_codemap_init(void) {
  if (map.functions)
    return 0;
  image im = {NULL, 0};
  int rc = open_image(&im);
  if (rc < 0)
    return rc;
  rc = read_symbols(&im);
  if (rc < 0)
    munmap((void *)im.data, im.size);
  else
    madvise((void *)im.data, im.size, MADV_DONTNEED);
  return rc;
}

/* ---- asking -------------------------------------------------------------- */

static bool is_in_function(const function *f, uintptr_t at) {
  return at >= f->start && at - f->start < f->size;
}

static const function *search_function(uintptr_t at) {
  size_t low = 0, high = map.count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (map.functions[middle].start <= at)
      low = middle + 1;
    else
      high = middle;
  }
  const function *f = low ? &map.functions[low - 1] : NULL;
  return f && is_in_function(f, at) ? f : NULL;
}

/* Profiles ask for the same addresses again and again, so the functions found
 * last are tried first. An entry of the list may be wrong, or another thread's:
 * what it says is checked. */
static const function *find_function(uintptr_t pc) {
  enum { RECENT = 64 };
  static atomic_uint recent[RECENT]; /* number of a function */
  uintptr_t at = pc - map.bias;      /* huge if PC is below the executable */
  atomic_uint *place = &recent[(at ^ at >> 6) % RECENT];
  unsigned number = atomic_load_explicit(place, memory_order_relaxed);
  if (number < map.count && is_in_function(&map.functions[number], at))
    return &map.functions[number];
  const function *f = search_function(at);
  if (f)
    atomic_store_explicit(place, (unsigned)(f - map.functions),
                          memory_order_relaxed);
  return f;
}

lab_code_kind lab_code_kind_at(uintptr_t pc) {
  const function *f = find_function(pc);
  return f ? map.kinds[f->kind] : (lab_code_kind){LAB_CODE_OTHER, NULL};
}

lab_code lab_code_class(uintptr_t pc) {
  return lab_code_kind_at(pc).code;
}

const char *lab_code_name(uintptr_t pc, uintptr_t *start) {
  const function *f = find_function(pc);
  if (f && start)
    *start = map.bias + f->start;
  return f ? map.names + f->name : NULL;
}
