/* SPDX-License-Identifier: MIT
 * See vdso.h. The symbols are found by the dynamic section, as the dynamic
 * linker does: it must be there, section headers need not. */
#include "stack/vdso.h"

#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>

enum { MAX_FUNCTIONS = 64 };

static struct {
  uintptr_t start, end; /* the code; empty if there is no vDSO */
  struct {
    uintptr_t start, end;
    const char *name;
  } functions[MAX_FUNCTIONS];
  size_t count;
} vdso;

typedef struct tables {
  const ElfW(Sym) * symbols;
  const char *names;
  size_t names_size;
  const uint32_t *hash, *gnu_hash; /* either may be missing */
} tables;

/* The kernel's name is __vdso_getrandom, on arm64 __kernel_getrandom. */
static const char *skip_prefix(const char *name) {
  static const char *const prefixes[] = {"__vdso_", "__kernel_"};
  for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
    size_t len = strlen(prefixes[i]);
    if (strncmp(name, prefixes[i], len) == 0)
      return name + len;
  }
  return name;
}

/* The number of symbols, which ELF doesn't write down: the old hash table has a
 * chain entry for each; in the new one the last chain ends with the last. */
static size_t count_vdso_symbols(const tables *t) {
  if (t->hash)
    return t->hash[1];
  if (!t->gnu_hash)
    return 0;
  const uint32_t *g = t->gnu_hash;
  uint32_t nbuckets = g[0], first = g[1], last = 0;
  const uint32_t *buckets = g + 4 + g[2] * (sizeof(ElfW(Addr)) / 4);
  for (uint32_t i = 0; i < nbuckets; i++)
    if (buckets[i] > last)
      last = buckets[i];
  if (last < first)
    return first;
  const uint32_t *chains = buckets + nbuckets;
  while (!(chains[last - first] & 1))
    last++;
  return last + 1;
}

static void read_vdso_symbols(const tables *t, uintptr_t bias) {
  size_t n = t->symbols && t->names ? count_vdso_symbols(t) : 0;
  for (size_t i = 1; i < n && vdso.count < MAX_FUNCTIONS; i++) {
    const ElfW(Sym) *s = &t->symbols[i];
    if (ELF64_ST_TYPE(s->st_info) != STT_FUNC || s->st_shndx == SHN_UNDEF ||
        s->st_size == 0 || s->st_name >= t->names_size)
      continue;
    uintptr_t start = bias + s->st_value;
    vdso.functions[vdso.count].start = start;
    vdso.functions[vdso.count].end = start + s->st_size;
    vdso.functions[vdso.count++].name = skip_prefix(t->names + s->st_name);
  }
}

/* The vDSO isn't relocated, so that addresses in it lack BIAS. */
static tables find_vdso_tables(const ElfW(Dyn) * dynamic, uintptr_t bias) {
  tables t = {0};
  for (; dynamic->d_tag != DT_NULL; dynamic++) {
    const void *at = (const void *)(bias + dynamic->d_un.d_ptr);
    if (dynamic->d_tag == DT_SYMTAB)
      t.symbols = at;
    else if (dynamic->d_tag == DT_STRTAB)
      t.names = at;
    else if (dynamic->d_tag == DT_STRSZ)
      t.names_size = dynamic->d_un.d_val;
    else if (dynamic->d_tag == DT_HASH)
      t.hash = at;
    else if (dynamic->d_tag == DT_GNU_HASH)
      t.gnu_hash = at;
  }
  return t;
}

void lab_vdso_init(void) {
  uintptr_t base = getauxval(AT_SYSINFO_EHDR);
  if (!base || vdso.end)
    return;
  const ElfW(Ehdr) *header = (const void *)base;
  const ElfW(Phdr) *parts = (const void *)(base + header->e_phoff);
  const ElfW(Phdr) *load = NULL, *dynamic = NULL;
  for (size_t i = 0; i < header->e_phnum; i++) {
    if (parts[i].p_type == PT_LOAD && (parts[i].p_flags & PF_X) && !load)
      load = &parts[i];
    if (parts[i].p_type == PT_DYNAMIC)
      dynamic = &parts[i];
  }
  if (!load || !dynamic)
    return;
  uintptr_t bias = base + load->p_offset - load->p_vaddr;
  tables t = find_vdso_tables((const void *)(bias + dynamic->p_vaddr), bias);
  read_vdso_symbols(&t, bias);
  vdso.start = bias + load->p_vaddr;
  vdso.end = vdso.start + load->p_memsz;
}

static bool is_in_vdso(uintptr_t pc) {
  return pc >= vdso.start && pc < vdso.end;
}

const char *lab_vdso_name(uintptr_t pc) {
  if (is_in_vdso(pc))
    for (size_t i = 0; i < vdso.count; i++)
      if (pc >= vdso.functions[i].start && pc < vdso.functions[i].end)
        return vdso.functions[i].name;
  return NULL;
}

bool lab_vdso_is_helper(uintptr_t pc) {
  return is_in_vdso(pc) && !lab_vdso_name(pc);
}
