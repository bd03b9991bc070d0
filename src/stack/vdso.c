/* SPDX-License-Identifier: MIT
 * See vdso.h. The symbols are found by the dynamic section, as the dynamic
 * linker does: it must be there, section headers need not. */
#include "stack/vdso.h"

#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "stack/elf_symbols.h"

enum { MAX_FUNCTIONS = 64 };

static struct {
  uintptr_t start, end; /* the code; empty if there is no vDSO */
  struct {
    uintptr_t start, end;
    const char *name;
  } functions[MAX_FUNCTIONS];
  size_t count;
} vdso;

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

static void add_vdso_function(const ElfW(Sym) * s, const char *name,
                              uintptr_t shift) {
  uintptr_t start = shift + s->st_value;
  vdso.functions[vdso.count].start = start;
  vdso.functions[vdso.count].end = start + s->st_size;
  vdso.functions[vdso.count++].name = skip_prefix(name);
}

void lab_vdso_init(void) {
  uintptr_t base = getauxval(AT_SYSINFO_EHDR);
  lab_elf_code code;
  lab_elf_symbols t;
  if (!base || vdso.end)
    return;
  const void *image = (const void *)base;
  size_t size = lab_elf_mapped_size(image, (size_t)sysconf(_SC_PAGESIZE));
  if (!lab_elf_dynamic(image, size, &code, &t))
    return;
  for (size_t i = 1; i < t.count && vdso.count < MAX_FUNCTIONS; i++) {
    const ElfW(Sym) *s = &t.symbols[i];
    if (ELF64_ST_TYPE(s->st_info) == STT_FUNC && s->st_shndx != SHN_UNDEF &&
        s->st_size > 0 && s->st_name < t.names_size)
      add_vdso_function(s, t.names + s->st_name, base + code.shift);
  }
  vdso.start = base + code.at;
  vdso.end = vdso.start + code.size;
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
