/* SPDX-License-Identifier: MIT
 * See codemap.h. A map has every function of an object, sorted by address, with
 * its name and kind. A signal handler searches it, so it is built before code
 * of the object runs, and never changes.
 *
 * It is read from the .symtab of the file, so the program must not be stripped.
 * The dynamic linker's table would not do: it has exported symbols only, and
 * Lua's static functions matter, too. */
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
#include <unwind.h>

#include "base/alloc.h"
#include "base/err.h"
#include "stack/elf_symbols.h"
#include "stack/frame.h"

/* Small, because each page of the map is memory of an idle lab. */
typedef struct function {
  uint32_t start, size; /* START is relative to the bias */
  uint32_t name;        /* where it stands in map.names */
  uint8_t kind;         /* its index in kinds */
  bool shared; /* seen by other files; preferred if two have one start */
} function;

enum { MAX_KINDS = 16 };

typedef struct code_map {
  function *functions; /* sorted by start, one for each start */
  size_t count;
  uintptr_t bias;       /* how far the object was moved when it was loaded */
  uintptr_t start, end; /* of an added object: where its code is */
  const char *names;    /* the file's string table */
} code_map;

/* This executable's. The file stays mapped, so that the names take no memory
 * until they are read; also if it is replaced. */
static code_map program;
static code_map loaded[LAB_CODEMAP_LOADED];
static atomic_uint nloaded;

static lab_code_kind kinds[MAX_KINDS]; /* those that were met */
static size_t nkinds;

/* ---- reading ------------------------------------------------------------- */

typedef struct image {
  const char *data;
  size_t size;
} image;

static int open_image(const char *path, image *im) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
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
  while (i < nkinds &&
         (kinds[i].code != kind.code || kinds[i].pseudo != kind.pseudo))
    i++;
  if (i == nkinds) {
    LAB_ASSERT(nkinds < MAX_KINDS);
    kinds[nkinds++] = kind;
  }
  return (uint8_t)i;
}

/* Names say what this executable's code is; what was loaded is not Lua's. */
static void add_symbol(code_map *map, const ElfW(Sym) * sym, const char *name,
                       const char *file) {
  map->functions[map->count++] = (function){
      .start = (uint32_t)sym->st_value,
      .size = (uint32_t)sym->st_size,
      .name = sym->st_name,
      .kind =
          number_kind(map == &program ? lab_code_classify(file, name)
                                      : (lab_code_kind){LAB_CODE_LOADED, NULL}),
      .shared = ELF64_ST_BIND(sym->st_info) != STB_LOCAL,
  };
}

static bool is_function_symbol(const ElfW(Sym) * sym) {
  return ELF64_ST_TYPE(sym->st_info) == STT_FUNC && sym->st_size &&
         sym->st_shndx != SHN_UNDEF &&
         sym->st_value + sym->st_size <= UINT32_MAX;
}

static void add_symbols(code_map *map, const lab_elf_symbols *t) {
  const ElfW(Sym) *syms = t->symbols;
  size_t n = t->count, functions = 0;
  for (size_t i = 0; i < n; i++)
    functions += is_function_symbol(&syms[i]);
  map->functions = lab_xmalloc((functions + 1) * sizeof *map->functions);
  const char *file = NULL; /* of the local symbols that follow */
  for (size_t i = 0; i < n; i++) {
    if (syms[i].st_name >= t->names_size)
      continue;
    const char *name = t->names + syms[i].st_name;
    if (ELF64_ST_TYPE(syms[i].st_info) == STT_FILE)
      file = name;
    if (ELF64_ST_BIND(syms[i].st_info) != STB_LOCAL)
      file = NULL;
    if (is_function_symbol(&syms[i]))
      add_symbol(map, &syms[i], name, file);
  }
}

static int compare_functions(const void *a, const void *b) {
  const function *x = a, *y = b;
  if (x->start != y->start)
    return x->start < y->start ? -1 : 1;
  return (int)y->shared - (int)x->shared;
}

/* Sorts them, and keeps the first of those with the same start. */
static void sort_functions(code_map *map) {
  function *list = map->functions;
  qsort(list, map->count, sizeof *list, compare_functions);
  size_t kept = 0;
  for (size_t i = 0; i < map->count; i++)
    if (kept == 0 || list[kept - 1].start != list[i].start)
      list[kept++] = list[i];
  map->count = kept;
}

static int read_symbols(code_map *map, const image *im,
                        lab_elf_symbols *symbols) {
  if (!lab_elf_symtab(im->data, im->size, symbols))
    return -ENOEXEC;
  map->names = symbols->names;
  add_symbols(map, symbols);
  sort_functions(map);
  return 0;
}

int lab_codemap_init(void) {
  if (program.functions)
    return 0;
  image im = {NULL, 0};
  lab_elf_symbols symbols;
  int rc = open_image("/proc/self/exe", &im);
  if (rc < 0)
    return rc;
  dl_iterate_phdr(find_bias, &program.bias);
  rc = read_symbols(&program, &im, &symbols);
  if (rc < 0)
    munmap((void *)im.data, im.size);
  else
    madvise((void *)im.data, im.size, MADV_DONTNEED);
  return rc;
}

/* ---- what was loaded ----------------------------------------------------- */

typedef struct object {
  uintptr_t inside;
  code_map map;
  const char *path; /* the dynamic linker's; "": the executable */
} object;

/* Stores the loaded object that contains the address, and its code's range. */
static int find_loaded_object(struct dl_phdr_info *info, size_t size,
                              void *arg) {
  (void)size;
  object *o = arg;
  bool found = false;
  code_map map = {.bias = info->dlpi_addr, .start = UINTPTR_MAX};
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *part = &info->dlpi_phdr[i];
    uintptr_t start = info->dlpi_addr + part->p_vaddr;
    uintptr_t end = start + part->p_memsz;
    if (part->p_type != PT_LOAD)
      continue;
    found |= o->inside >= start && o->inside < end;
    if (!(part->p_flags & PF_X))
      continue;
    map.start = start < map.start ? start : map.start;
    map.end = end > map.end ? end : map.end;
  }
  if (!found)
    return 0;
  o->map = map;
  o->path = info->dlpi_name;
  return 1;
}

/* The names are copied: this file may be overwritten in place. */
static void read_object(object *o) {
  image im = {NULL, 0};
  lab_elf_symbols symbols;
  if (open_image(o->path, &im) < 0)
    return;
  if (read_symbols(&o->map, &im, &symbols) == 0) {
    char *names = lab_xmalloc(symbols.names_size);
    memcpy(names, symbols.names, symbols.names_size);
    o->map.names = names;
  }
  munmap((void *)im.data, im.size);
}

int lab_codemap_add(const void *inside) {
  object o = {.inside = (uintptr_t)inside};
  unsigned n = atomic_load_explicit(&nloaded, memory_order_acquire);
  if (!dl_iterate_phdr(find_loaded_object, &o))
    return -ENOENT;
  if (!*o.path)
    return 0;
  for (unsigned i = 0; i < n; i++)
    if (loaded[i].start == o.map.start)
      return 0;
  if (n == LAB_CODEMAP_LOADED)
    return -ENFILE;
  read_object(&o);
  loaded[n] = o.map;
  atomic_store_explicit(&nloaded, n + 1, memory_order_release);
  return 0;
}

/* The added object whose code contains PC, or NULL. */
static const code_map *find_loaded(uintptr_t pc) {
  unsigned n = atomic_load_explicit(&nloaded, memory_order_acquire);
  for (unsigned i = 0; i < n; i++)
    if (pc >= loaded[i].start && pc < loaded[i].end)
      return &loaded[i];
  return NULL;
}

/* ---- asking -------------------------------------------------------------- */

static bool is_in_function(const function *f, uintptr_t at) {
  return at >= f->start && at - f->start < f->size;
}

static const function *search_function(const code_map *map, uintptr_t at) {
  size_t low = 0, high = map->count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (map->functions[middle].start <= at)
      low = middle + 1;
    else
      high = middle;
  }
  const function *f = low ? &map->functions[low - 1] : NULL;
  return f && is_in_function(f, at) ? f : NULL;
}

/* Of this executable. Profiles ask for the same addresses again and again, so
 * the functions found last are tried first. An entry of the list may be wrong,
 * or another thread's: what it says is checked. */
static const function *find_function(uintptr_t pc) {
  enum { RECENT = 64 };
  static atomic_uint recent[RECENT]; /* number of a function */
  uintptr_t at = pc - program.bias;  /* huge if PC is below the executable */
  atomic_uint *place = &recent[(at ^ at >> 6) % RECENT];
  unsigned number = atomic_load_explicit(place, memory_order_relaxed);
  if (number < program.count && is_in_function(&program.functions[number], at))
    return &program.functions[number];
  const function *f = search_function(&program, at);
  if (f)
    atomic_store_explicit(place, (unsigned)(f - program.functions),
                          memory_order_relaxed);
  return f;
}

lab_code_kind lab_code_kind_at(uintptr_t pc) {
  const function *f = find_function(pc);
  if (f)
    return kinds[f->kind];
  return (lab_code_kind){find_loaded(pc) ? LAB_CODE_LOADED : LAB_CODE_OTHER,
                         NULL};
}

lab_code lab_code_class(uintptr_t pc) {
  return lab_code_kind_at(pc).code;
}

const char *lab_code_name(uintptr_t pc, uintptr_t *start) {
  const code_map *map = &program;
  const function *f = find_function(pc);
  if (!f && (map = find_loaded(pc)))
    f = search_function(map, pc - map->bias);
  if (f && start)
    *start = map->bias + f->start;
  return f ? map->names + f->name : NULL;
}

uint32_t lab_code_function(uintptr_t pc) {
  uintptr_t start = 0;
  if (!lab_code_name(pc, &start) && find_loaded(pc))
    start = (uintptr_t)_Unwind_FindEnclosingFunction((void *)(pc + 1));
  return start ? lab_func_find_c((const void *)start) : 0;
}
