/* SPDX-License-Identifier: MIT
 * The jemalloc backend of arena.h: an arena of our own with our own extent
 * hooks.
 *
 * It has an arena of its own so that only what the lab and its scenarios
 * allocate is in it: its pages are HeapInuse. It has hooks because jemalloc
 * tells them when pages get memory, and when they lose it, so these numbers are
 * exact: HeapSys is the most memory that the heap has had at one time, and
 * HeapReleased is what it has given back of that. Address space that has never
 * had memory is in neither; it is never returned, as in Go.
 *
 * Settings, each of which was found to be needed by measuring:
 *  - dirty_decay_ms -1: freed pages keep their memory until lab_mem_release;
 *  - muzzy_decay_ms 0: a purge is MADV_DONTNEED at once, so RSS shows it;
 *  - oversize_threshold very large: by default, freed blocks of 8 MB and more
 *    are given back immediately;
 *  - retain_grow_limit 2 MB: by default, each piece of address space is twice
 *    as large as the one before;
 *  - no huge pages: they would make RSS jump by 2 MB;
 *  - lg_extent_max_active_fit 20: by default, a small block never goes into a
 *    freed piece that is 64 times as large. A hundred thousand tasks leave one
 *    large piece behind when they end, so the next ones would take new memory
 *    from the system, and RSS would grow by half each time;
 *  - narenas 1: by default, a new thread may want an arena that jemalloc makes
 *    itself, and crashes at its first call if there is no memory for that. What
 *    libraries allocate shares one arena, behind the threads' caches;
 *  - tcache_max 8192: by default, each thread keeps freed blocks of up to 32
 * KiB for itself, 20 and more of each size, and a thread that sleeps gives none
 *    back: nine threads kept 9 MB;
 *  - tcache_nslots_small_max 40: by default, a thread has room for up to 200
 *    small blocks of each size. The caches of nine threads took 150 KB more,
 *    before anything was in them;
 *  - slab_sizes: jemalloc describes each slab in 128 bytes that it never gives
 *    back, so the largest heap of all decides how much that is. By default a
 *    slab of tables (64 bytes) has one page, and those of tasks have three (48,
 *    192, 768). With these numbers of pages, most of which are as large as
 *    jemalloc allows (512 blocks), steps that fill 300 MB with them leave 2.4
 *    MB behind; by default, it is 6.4. */
#if LAB_ALLOC_JEMALLOC

#include "mem/arena.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/types.h>

#include "base/err.h"

/* jemalloc counts the caches of our arena in its first arena, so the statistics
 * of all arenas are read. */
#define ALL_ARENAS "stats.arenas." STRING_OF(MALLCTL_ARENAS_ALL)
#define STRING_OF(x) STRING_OF_(x)
#define STRING_OF_(x) #x

enum { NAME_MAX_LENGTH = 64, HUGE_PAGE = 2 << 20 };

/* jemalloc reads the variable of this name when it starts. These settings can't
 * be changed later, nor for one arena alone. The environment's MALLOC_CONF is
 * applied after it, and a program that embeds the lab may define its own. */
extern const char *malloc_conf;
__attribute__((weak)) const char *malloc_conf =
    "lg_extent_max_active_fit:20,narenas:1,tcache_max:8192,"
    "tcache_nslots_small_max:40,"
    "slab_sizes:48-48:6|64-64:8|192-192:12|768-768:12";

static unsigned arena;
static size_t page_size;
static pthread_mutex_t release_lock = PTHREAD_MUTEX_INITIALIZER;

/* Counted by the hooks. */
static _Atomic uint64_t with_memory; /* pages of the heap that have memory */
static _Atomic uint64_t heap_sys;    /* the most of them at one time */
static _Atomic uint64_t meta_sys, released_total;

/* ---- extent hooks -------------------------------------------------------- */

static void count_commit(size_t bytes) {
  uint64_t now = atomic_fetch_add(&with_memory, bytes) + bytes;
  uint64_t most = atomic_load(&heap_sys);
  while (most < now && !atomic_compare_exchange_weak(&heap_sys, &most, now)) {
  }
}

static void *map_space(void *where, size_t size) {
  void *p = mmap(where, size, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED)
    return NULL;
  if (where && p != where) {
    munmap(p, size);
    return NULL;
  }
  return p;
}

/* Maps more than is needed and cuts the ends off. */
static void *map_aligned_space(size_t size, size_t alignment) {
  char *p = map_space(NULL, size + alignment);
  if (!p)
    return NULL;
  size_t head = -(uintptr_t)p & (alignment - 1);
  if (head)
    munmap(p, head);
  if (alignment - head)
    munmap(p + head + size, alignment - head);
  return p + head;
}

/* The space for the arena's own structures is asked for by the same hook as
 * that of the heap. The alignment tells which it is: jemalloc aligns its
 * structures to huge pages, and the lab never asks for aligned memory.
 *
 * Space that needn't be committed now has no memory: on_extent_commit will be
 * told what is used of it. */
static void *on_extent_alloc(extent_hooks_t *hooks, void *where, size_t size,
                             size_t alignment, bool *zero, bool *commit,
                             unsigned index) {
  (void)hooks;
  (void)index;
  void *p = map_space(where, size);
  if (p && ((uintptr_t)p & (alignment - 1))) {
    munmap(p, size);
    p = map_aligned_space(size, alignment);
  }
  if (!p)
    return NULL;
  madvise(p, size, MADV_NOHUGEPAGE); /* fails if the kernel has none */
  *zero = true;
  if (alignment >= HUGE_PAGE)
    atomic_fetch_add(&meta_sys, size);
  else if (*commit)
    count_commit(size);
  return p;
}

/* Refuses: then jemalloc gives back the memory alone (on_extent_decommit), and
 * keeps the address space for reuse. */
static bool on_extent_dalloc(extent_hooks_t *hooks, void *p, size_t size,
                             bool committed, unsigned index) {
  (void)hooks;
  (void)p;
  (void)size;
  (void)committed;
  (void)index;
  return true;
}

static bool on_extent_commit(extent_hooks_t *hooks, void *p, size_t size,
                             size_t offset, size_t length, unsigned index) {
  (void)hooks;
  (void)p;
  (void)size;
  (void)offset;
  (void)index;
  count_commit(length);
  return false;
}

static bool on_extent_decommit(extent_hooks_t *hooks, void *p, size_t size,
                               size_t offset, size_t length, unsigned index) {
  (void)hooks;
  (void)size;
  (void)index;
  if (madvise((char *)p + offset, length, MADV_DONTNEED) != 0)
    return true;
  atomic_fetch_sub(&with_memory, length);
  atomic_fetch_add(&released_total, length);
  return false;
}

static bool on_extent_split(extent_hooks_t *hooks, void *p, size_t size,
                            size_t size_a, size_t size_b, bool committed,
                            unsigned index) {
  (void)hooks;
  (void)p;
  (void)size;
  (void)size_a;
  (void)size_b;
  (void)committed;
  (void)index;
  return false;
}

static bool on_extent_merge(extent_hooks_t *hooks, void *a, size_t size_a,
                            void *b, size_t size_b, bool committed,
                            unsigned index) {
  (void)hooks;
  (void)a;
  (void)size_a;
  (void)b;
  (void)size_b;
  (void)committed;
  (void)index;
  return false;
}

/* There are no purge hooks: jemalloc prefers decommit, which always works here.
 * There is no destroy hook: the arena lives as long as the process. */
static extent_hooks_t hooks = {
    .alloc = on_extent_alloc,
    .dalloc = on_extent_dalloc,
    .commit = on_extent_commit,
    .decommit = on_extent_decommit,
    .split = on_extent_split,
    .merge = on_extent_merge,
};

/* ---- control ------------------------------------------------------------- */

/* Sets what FORMAT names, which holds one %u for the arena's number. 0 or
 * negative errno. */
static int set_setting(const char *format, const void *value, size_t size) {
  char name[NAME_MAX_LENGTH];
  snprintf(name, sizeof name, format, arena);
  return -mallctl(name, NULL, NULL, (void *)(uintptr_t)value, size);
}

static uint64_t get_setting(const char *name) {
  uint64_t value = 0;
  size_t size = sizeof value;
  LAB_ASSERT(mallctl(name, &value, &size, NULL, 0) == 0);
  return value;
}

static uint64_t get_arena_setting(const char *field) {
  char name[2 * NAME_MAX_LENGTH];
  snprintf(name, sizeof name, "stats.arenas.%u.%s", arena, field);
  return get_setting(name);
}

static int configure_arena(void) {
  const ssize_t never = -1, at_once = 0;
  const size_t oversize = (size_t)1 << 40, grow = HUGE_PAGE;
  int rc = set_setting("arena.%u.dirty_decay_ms", &never, sizeof never);
  if (rc == 0)
    rc = set_setting("arena.%u.muzzy_decay_ms", &at_once, sizeof at_once);
  if (rc == 0)
    rc = set_setting("arena.%u.oversize_threshold", &oversize, sizeof oversize);
  if (rc == 0)
    rc = set_setting("arena.%u.retain_grow_limit", &grow, sizeof grow);
  return rc;
}

int lab_arena_init(void) {
  extent_hooks_t *our_hooks = &hooks;
  size_t size = sizeof arena;
  int rc = mallctl("arenas.create", &arena, &size, (void *)&our_hooks,
                   sizeof our_hooks);
  if (rc != 0)
    return -rc; /* there is no memory: nothing can be asked for, either */
  page_size = (size_t)get_setting("arenas.page");
  return configure_arena();
}

int lab_arena_thread_begin(void) {
  unsigned cache;
  size_t size = sizeof cache;
  int rc = mallctl("tcache.create", &cache, &size, NULL, 0);
  /* jemalloc has room for about 4000 caches; further threads get none. */
  return MALLOCX_ARENA(arena) |
         (rc == 0 ? MALLOCX_TCACHE(cache) : MALLOCX_TCACHE_NONE);
}

/* Calls an operation on a cache. CACHE holds its number as MALLOCX_TCACHE
 * stores it. */
static void control_cache(const char *name, int cache) {
  unsigned field = (unsigned)cache >> 8 & 0xfff;
  if (field < 2)
    return;
  unsigned id = field - 2;
  mallctl(name, NULL, NULL, &id, sizeof id);
}

void lab_arena_thread_end(int cache) {
  control_cache("tcache.destroy", cache);
}

int lab_arena_thread_adopt(int cache) {
  if (mallctl("thread.arena", NULL, NULL, &arena, sizeof arena) != 0)
    return cache;
  lab_arena_thread_end(cache);
  return 0;
}

/* ---- statistics ---------------------------------------------------------- */

/* Pages in use are read before the most that there were, which never shrinks,
 * so HeapInuse <= HeapSys always holds. Those that have memory are read after
 * both, so fewer may be released than said, or more than are idle, if a page
 * changed in between: then all that are idle are. */
void lab_arena_read(lab_arena_usage *usage, uint64_t counted) {
  (void)counted;
  uint64_t epoch = 1;
  size_t size = sizeof epoch;
  mallctl("epoch", &epoch, &size, &epoch, size);
  usage->heap_inuse = get_arena_setting("pactive") * page_size;
  usage->heap_sys = atomic_load(&heap_sys);
  uint64_t idle = usage->heap_sys - usage->heap_inuse;
  uint64_t now = atomic_load(&with_memory);
  usage->heap_released = now < usage->heap_sys ? usage->heap_sys - now : 0;
  if (usage->heap_released > idle)
    usage->heap_released = idle;
  usage->meta_inuse = get_arena_setting("base");
  usage->meta_sys = atomic_load(&meta_sys);
  usage->cache_inuse = get_setting(ALL_ARENAS ".tcache_bytes");
  usage->other_sys = get_setting("stats.mapped") - get_arena_setting("mapped");
}

size_t lab_arena_read_bins(lab_arena_bin *bins, size_t max) {
  unsigned n = 0;
  size_t size = sizeof n;
  mallctl("arenas.nbins", &n, &size, NULL, 0);
  if (n > max)
    n = (unsigned)max;
  for (unsigned i = 0; i < n; i++) {
    char name[NAME_MAX_LENGTH];
    snprintf(name, sizeof name, "arenas.bin.%u.size", i);
    bins[i].size = (uint32_t)get_setting(name);
    snprintf(name, sizeof name, "bins.%u.ndalloc", i);
    bins[i].frees = get_arena_setting(name);
    snprintf(name, sizeof name, "bins.%u.nmalloc", i);
    bins[i].mallocs = get_arena_setting(name);
  }
  return n;
}

void lab_arena_flush(int cache) {
  if (cache == 0)
    mallctl("thread.tcache.flush", NULL, NULL, NULL, 0);
  control_cache("tcache.flush", cache);
}

size_t lab_arena_release(int cache) {
  lab_arena_flush(cache);
  pthread_mutex_lock(&release_lock);
  uint64_t before = atomic_load(&released_total);
  set_setting("arena.%u.purge", NULL, 0);
  uint64_t after = atomic_load(&released_total);
  pthread_mutex_unlock(&release_lock);
  return (size_t)(after - before);
}

#else
typedef int lab_arena_is_in_arena_libc; /* C wants a declaration in each file */
#endif
