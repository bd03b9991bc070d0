/* SPDX-License-Identifier: MIT
 * See modules.h.
 *
 * libdw searches for a symbol linearly, which takes 50 us in libc. So the
 * symbols of a module are sorted once, when one of its addresses is looked up
 * for the first time.
 *
 * libc has several versions of memcpy, strlen and others, and the dynamic
 * linker chooses the one for this processor (IFUNC). A stripped libc has no
 * symbol for the chosen version, but dlsym gives its address. The unwind tables
 * say where functions begin, so that only code of that function gets the name.
 */
#include "stack/modules.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <unwind.h>

#include "base/alloc.h"
#include "base/proc_text.h"
#include "stack/intern.h"
#include "stack/libdw.h"
#include "stack/vdso.h"

enum { MAX_MAPPINGS = 256 };

/* The name is libdw's, in the file's own table of names: a library has many
 * thousand, of which few are ever shown, and only those are copied. */
typedef struct symbol {
  uintptr_t start, end;
  const char *name; /* may have a version: "memcpy@@GLIBC_2.14" */
} symbol;

typedef struct range {
  uintptr_t start, end;
} range;

/* What we know of a module; libdw keeps the pointer for us. */
typedef struct module {
  symbol *symbols; /* by start */
  size_t nsymbols;
  symbol *chosen; /* IFUNC targets, by start; end is not known */
  size_t nchosen;
  range plt[4];
  size_t nplt;
} module;

static Dwfl *dwfl;
static lab_mapping mappings[MAX_MAPPINGS]; /* never move: callers hold them */
static size_t nmappings;

static const char *intern_text(const char *s) {
  return lab_intern_string(s, strlen(s));
}

static const char *get_base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

/* ---- mappings ------------------------------------------------------------ */

static const char *read_build_id(uintptr_t pc) {
  const unsigned char *bits;
  GElf_Addr where;
  char hex[129] = "";
  Dwfl_Module *m = dwfl ? lab_dw.dwfl_addrmodule(dwfl, pc) : NULL;
  GElf_Addr bias;
  if (m)
    lab_dw.dwfl_module_getelf(
        m, &bias); /* libdw knows no id before it reads the file */
  int n = m ? lab_dw.dwfl_module_build_id(m, &bits, &where) : 0;
  for (int i = 0; i < n && i < 64; i++)
    snprintf(hex + 2 * i, 3, "%02x", bits[i]);
  return intern_text(hex);
}

static int find_mapping(uintptr_t pc) {
  for (size_t i = 0; i < nmappings; i++)
    if (pc >= mappings[i].start && pc < mappings[i].limit)
      return (int)i;
  return -1;
}

static void add_mapping(lab_mapping m) {
  if (nmappings == MAX_MAPPINGS || find_mapping(m.start) >= 0)
    return;
  m.build_id = read_build_id(m.start);
  mappings[nmappings++] = m;
}

/* Executable mappings of files, and the vdso. False: they can't be read. */
static bool read_maps(bool own, const char *exe) {
  FILE *f = fopen("/proc/self/maps", "re");
  char *line = NULL;
  size_t cap = 0;
  lab_proc_map m;
  while (f && getline(&line, &cap, f) > 0) {
    if (!lab_proc_parse_map(line, &m) || !m.executable)
      continue;
    bool shown = m.path[0] == '/' || strcmp(m.path, "[vdso]") == 0;
    if (shown && (strcmp(m.path, exe) == 0) == own)
      add_mapping(
          (lab_mapping){m.start, m.limit, m.offset, intern_text(m.path), ""});
  }
  free(line); /* getline's */
  if (f)
    fclose(f);
  return f != NULL;
}

/* Reports one object that is loaded. Its file is opened when it is needed.
 *
 * Not dwfl_linux_proc_report: it reads /proc/self/maps, where the same file may
 * stand a second time, because libelf has mapped it. If that mapping happens to
 * lie next to the library's, the two are taken for one, and all names in the
 * library are wrong. */
static int report_object(struct dl_phdr_info *info, size_t size, void *exe) {
  (void)size;
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  uintptr_t low = UINTPTR_MAX, high = 0;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *part = &info->dlpi_phdr[i];
    uintptr_t start = info->dlpi_addr + part->p_vaddr;
    if (part->p_type != PT_LOAD)
      continue;
    low = start < low ? start : low;
    high = start + part->p_memsz > high ? start + part->p_memsz : high;
  }
  char vdso[32]; /* the name by which libdw reads it from memory */
  snprintf(vdso, sizeof vdso, "[vdso: %d]", (int)getpid());
  const char *name = info->dlpi_name;
  if (strncmp(name, "linux-vdso", 10) == 0)
    name = vdso;
  else if (!*name)
    name = exe;
  if (low < high)
    lab_dw.dwfl_report_module(dwfl, name, low & ~(page - 1),
                              (high + page - 1) & ~(page - 1));
  return 0;
}

static int read_adds(struct dl_phdr_info *info, size_t size, void *adds) {
  (void)size;
  *(unsigned long long *)adds = info->dlpi_adds;
  return 1; /* each object says the same */
}

/* How many objects have been loaded so far. */
static unsigned long long count_loaded_objects(void) {
  unsigned long long adds = 0;
  dl_iterate_phdr(read_adds, &adds);
  return adds;
}

/* Reads what is mapped now, unless nothing was loaded since. The executable
 * comes first. */
static void scan_modules(void) {
  static unsigned long long scanned; /* objects */
  unsigned long long loaded = count_loaded_objects();
  if (nmappings > 0 && loaded == scanned)
    return;
  static char *debuginfo_path;
  static Dwfl_Callbacks callbacks = {.debuginfo_path = &debuginfo_path};
  char exe[4096] = "";
  if (readlink("/proc/self/exe", exe, sizeof exe - 1) < 0)
    exe[0] = '\0';
  if (!dwfl && lab_dw_load()) {
    callbacks.find_elf = lab_dw.dwfl_linux_proc_find_elf;
    /* Not dwfl_standard_find_debuginfo: it starts a debuginfod client even if
     * no server is named, which loads libcurl and keeps descriptors open. */
    callbacks.find_debuginfo = lab_dw.dwfl_build_id_find_debuginfo;
    dwfl = lab_dw.dwfl_begin(&callbacks);
  }
  if (dwfl) {
    lab_dw.dwfl_report_begin_add(dwfl);
    dl_iterate_phdr(report_object, exe);
    lab_dw.dwfl_report_end(dwfl, NULL, NULL);
  }
  if (read_maps(true, exe) && read_maps(false, exe))
    scanned = loaded;
}

int lab_modules_mapping(uintptr_t pc) {
  int i = find_mapping(pc);
  if (i >= 0)
    return i;
  scan_modules(); /* this is the first call, or a library was loaded since */
  return find_mapping(pc);
}

size_t lab_modules_mappings(const lab_mapping **out) {
  if (nmappings == 0)
    scan_modules();
  *out = mappings;
  return nmappings;
}

Dwfl_Module *lab_modules_dwfl(uintptr_t pc) {
  return dwfl ? lab_dw.dwfl_addrmodule(dwfl, pc) : NULL;
}

/* ---- symbols of a module ------------------------------------------------- */

/* "memcpy@@GLIBC_2.14" is memcpy. */
static size_t plain_length(const char *name) {
  return strcspn(name, "@");
}

/* Sorts by address. Of several names for one address the first is kept: that of
 * the larger object; then the one without a leading underscore; then the
 * shorter; then the first in the alphabet. */
static int compare_symbols(const void *a, const void *b) {
  const symbol *x = a, *y = b;
  if (x->start != y->start)
    return x->start < y->start ? -1 : 1;
  if (x->end != y->end)
    return x->end > y->end ? -1 : 1;
  if ((x->name[0] == '_') != (y->name[0] == '_'))
    return x->name[0] == '_' ? 1 : -1;
  size_t lx = plain_length(x->name), ly = plain_length(y->name);
  if (lx != ly)
    return lx < ly ? -1 : 1;
  return strncmp(x->name, y->name, lx);
}

static size_t sort_symbols(symbol *list, size_t count) {
  qsort(list, count, sizeof *list, compare_symbols);
  size_t kept = 0;
  for (size_t i = 0; i < count; i++)
    if (kept == 0 || list[kept - 1].start != list[i].start)
      list[kept++] = list[i];
  return kept;
}

/* The last symbol that starts at or before PC. */
static const symbol *find_symbol(const symbol *list, size_t count,
                                 uintptr_t pc) {
  size_t low = 0, high = count;
  while (low < high) {
    size_t middle = (low + high) / 2;
    if (list[middle].start <= pc)
      low = middle + 1;
    else
      high = middle;
  }
  return low ? &list[low - 1] : NULL;
}

static const char *intern_unversioned(const char *name) {
  return lab_intern_string(name, plain_length(name));
}

/* Sorts the COUNT symbols of LIST, and gives back the room for more. */
static size_t keep_symbols(symbol **list, size_t count) {
  count = sort_symbols(*list, count);
  *list = lab_xrealloc(*list, (count + 1) * sizeof **list);
  return count;
}

static void load_symbols(module *m, Dwfl_Module *dm, void *handle) {
  int n = lab_dw.dwfl_module_getsymtab(dm);
  if (n <= 0)
    return;
  m->symbols = lab_xmalloc((size_t)n * sizeof *m->symbols);
  m->chosen = lab_xmalloc((size_t)n * sizeof *m->chosen);
  for (int i = 1; i < n; i++) {
    GElf_Sym sym;
    GElf_Addr addr;
    const char *name =
        lab_dw.dwfl_module_getsym_info(dm, i, &sym, &addr, NULL, NULL, NULL);
    int type = GELF_ST_TYPE(sym.st_info);
    if (!name || !*name || sym.st_shndx == SHN_UNDEF)
      continue;
    if (type == STT_FUNC && sym.st_size > 0)
      m->symbols[m->nsymbols++] = (symbol){addr, addr + sym.st_size, name};
    if (type != STT_GNU_IFUNC || !handle)
      continue;
    void *target = dlsym(handle, intern_unversioned(name));
    if (target)
      m->chosen[m->nchosen++] = (symbol){(uintptr_t)target, 0, name};
  }
  m->nsymbols = keep_symbols(&m->symbols, m->nsymbols);
  m->nchosen = keep_symbols(&m->chosen, m->nchosen);
}

static void load_plt(module *m, Dwfl_Module *dm) {
  GElf_Addr bias;
  Elf *elf = lab_dw.dwfl_module_getelf(dm, &bias);
  size_t names;
  if (!elf || lab_dw.elf_getshdrstrndx(elf, &names) < 0)
    return;
  Elf_Scn *section = NULL;
  while ((section = lab_dw.elf_nextscn(elf, section)) && m->nplt < 4) {
    GElf_Shdr header;
    if (!lab_dw.gelf_getshdr(section, &header))
      continue;
    const char *name = lab_dw.elf_strptr(elf, names, header.sh_name);
    if (name && strncmp(name, ".plt", 4) == 0)
      m->plt[m->nplt++] = (range){bias + header.sh_addr,
                                  bias + header.sh_addr + header.sh_size};
  }
}

static module *load_module(Dwfl_Module *dm) {
  void **slot;
  const char *path =
      lab_dw.dwfl_module_info(dm, &slot, NULL, NULL, NULL, NULL, NULL, NULL);
  if (*slot)
    return *slot;
  module *m = lab_xcalloc(1, sizeof *m);
  *slot = m;
  /* NOLOAD: gives a handle for what is loaded already, and loads nothing */
  void *handle =
      path && path[0] == '/' ? dlopen(path, RTLD_LAZY | RTLD_NOLOAD) : NULL;
  load_symbols(m, dm, handle);
  load_plt(m, dm);
  if (handle)
    dlclose(handle);
  return m;
}

static const char *find_symbol_name(const module *m, uintptr_t pc) {
  uintptr_t start = (uintptr_t)_Unwind_FindEnclosingFunction((void *)(pc + 1));
  const symbol *s = find_symbol(m->chosen, m->nchosen, start);
  if (s && s->start == start)
    return s->name;
  s = find_symbol(m->symbols, m->nsymbols, pc);
  if (s && pc < s->end)
    return s->name;
  for (size_t i = 0; i < m->nplt; i++)
    if (pc >= m->plt[i].start && pc < m->plt[i].end)
      return "[plt]";
  return NULL;
}

const char *lab_modules_name(Dwfl_Module *dm, uintptr_t pc) {
  const char *name = lab_vdso_name(pc);
  if (name)
    return intern_text(name);
  name = dm ? find_symbol_name(load_module(dm), pc) : NULL;
  if (name)
    return intern_unversioned(name);
  int i = find_mapping(pc);
  if (i < 0)
    return "[unknown]";
  const char *file = get_base_name(mappings[i].file);
  if (file[0] == '[')
    return file;
  char label[300];
  snprintf(label, sizeof label, "[%s]", file);
  return intern_text(label);
}
