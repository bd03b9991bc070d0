/* SPDX-License-Identifier: MIT
 * See flame.h. */
#include "pprof/flame.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/table.h"

/* A frame of the present stack: what makes a node. */
typedef struct flame_frame {
  uint32_t function, location;
} flame_frame;

typedef struct flame_maker {
  lab_flame flame;
  size_t max, room; /* nodes */
  lab_table table;  /* by parent and frame */
  lab_buf stack;    /* flame_frame[], the leaf first */
} flame_maker;

static void read_stack(flame_maker *m, const lab_pprof *p,
                       const lab_pprof_sample *s) {
  lab_pprof_walk walk = {.p = p, .s = s};
  lab_pprof_line line;
  uint32_t at;
  lab_buf_clear(&m->stack);
  while (lab_pprof_next_frame(&walk, &line, &at)) {
    bool is_known = line.function != LAB_PPROF_NONE;
    flame_frame frame = {
        .function =
            is_known ? p->functions[line.function].first : LAB_PPROF_NONE,
        .location = is_known ? LAB_PPROF_NONE : at,
    };
    lab_buf_append(&m->stack, &frame, sizeof frame);
  }
}

static void grow_flame(flame_maker *m) {
  if (m->flame.n < m->room)
    return;
  m->room = m->room ? m->room * 2 : 256;
  m->flame.nodes =
      lab_xrealloc(m->flame.nodes, m->room * sizeof *m->flame.nodes);
}

/* A new node; its number. */
static uint32_t append_node(flame_maker *m, uint32_t parent,
                            flame_frame frame) {
  uint32_t number = (uint32_t)m->flame.n;
  grow_flame(m);
  lab_flame_node *nodes = m->flame.nodes;
  m->flame.n++;
  nodes[number] = (lab_flame_node){
      .function = frame.function, .location = frame.location, .parent = parent};
  return number;
}

/* The node of FRAME under PARENT, made if need be; 0 if the tree is full. */
static uint32_t find_node(flame_maker *m, uint32_t parent, flame_frame frame) {
  uint32_t key[] = {parent, frame.function, frame.location};
  uint64_t hash = lab_hash_bytes(key, sizeof key, 0);
  lab_table_walk walk = lab_table_find(&m->table, hash);
  for (uint32_t id; (id = lab_table_next(&walk));) {
    const lab_flame_node *n = &m->flame.nodes[id];
    if (n->parent == parent && n->function == frame.function &&
        n->location == frame.location)
      return id;
  }
  if (m->flame.n >= m->max)
    return 0;
  uint32_t id = append_node(m, parent, frame);
  lab_table_add(&m->table, hash, id);
  return id;
}

static void add_stack(flame_maker *m, int64_t value) {
  const flame_frame *frames = (const flame_frame *)(void *)m->stack.data;
  size_t left = m->stack.len / sizeof *frames;
  uint32_t at = 0, next = 0;
  m->flame.nodes[0].total += value;
  while (left > 0 && (next = find_node(m, at, frames[left - 1]))) {
    at = next;
    m->flame.nodes[at].total += value;
    left--;
  }
  m->flame.nodes[at].self += value;
  if (left > 0)
    m->flame.left_out += value;
}

/* The lists of children, in order: so from the last node to the first. */
static void link_children(lab_flame *flame) {
  for (size_t i = flame->n; i-- > 1;) {
    lab_flame_node *n = &flame->nodes[i], *parent = &flame->nodes[n->parent];
    n->next = parent->child;
    parent->child = (uint32_t)i;
  }
}

lab_flame lab_flame_new(const lab_pprof_query *q, size_t type, size_t max) {
  const lab_pprof *p = lab_pprof_query_profile(q);
  flame_maker m = {.max = max < UINT32_MAX ? max : UINT32_MAX};
  append_node(&m, 0, (flame_frame){LAB_PPROF_NONE, LAB_PPROF_NONE});
  for (size_t i = 0; i < p->nsamples && type < p->ntypes; i++) {
    if (lab_pprof_query_fit(q, &p->samples[i]) != LAB_PPROF_PART)
      continue;
    read_stack(&m, p, &p->samples[i]);
    add_stack(&m, p->samples[i].values[type]);
  }
  link_children(&m.flame);
  lab_table_free(&m.table);
  lab_buf_free(&m.stack);
  return m.flame;
}

void lab_flame_free(lab_flame *flame) {
  lab_xfree(flame->nodes);
  *flame = (lab_flame){0};
}
