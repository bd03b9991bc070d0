/* SPDX-License-Identifier: MIT
 * See finalizers.h.
 *
 * The collector asks luaT_gettmbyobj for an object's __gc. That function is
 * wrapped at link time (--wrap). For a userdata it calls __gc itself, for a
 * table a C function that queues the object, and the answer is that there is
 * nothing to call. Which function finalizes a table is looked up when its turn
 * comes, as Lua does: it may be any value, also one that isn't a function. In a
 * state without a VM all is as Lua has it.
 *
 * Lua would make the call on the stack of whoever has allocated. There it fails
 * where that stack is full, or the step's memory is, and Lua never tries again:
 * a buffer's memory would be lost. So the call is made in a coroutine of its
 * own, whose stack has room, and no limit holds.
 *
 * Which visit of a step an object belongs to is known by its metatable: the
 * lab's setmetatable notes it in a weak set of the visit, if it has a __gc. So
 * it doesn't matter who runs when the collector finds the object, and when a
 * visit has ended nothing of it is queued any more.
 *
 * A queue is a table of chunks, so that its memory is given back while it is
 * emptied: a full step has no room for it. Nothing may be started inside the
 * collector, so a letter to the scheduler starts the task between two others.
 */
#include "vm/finalizers.h"

#include <lauxlib.h>

#include "base/alloc.h"
#include "base/often.h"
#include "stack/frame.h"
#include "vm/allocation_stack.h"
#include "vm/lualayout.h"
#include "vm/sampler.h"
#include "vm/traceback.h"
#include "vm/vm.h"

enum {
  EVENT_GC = 2,
  CHUNK = 64, /* objects in a chunk */
};

struct lab_finalizer_queue {
  lab_list link;
  uint32_t generation; /* the visit */
  int armed;  /* registry: its metatables that have a __gc, a weak set */
  int chunks; /* registry: a table of tables of objects; LUA_NOREF: none is due
               */
  lua_Integer first, last;   /* chunks that are in use */
  lua_Integer taken, filled; /* objects of the first, and in the last */
  size_t due;
  bool used; /* one was due */
};

const lab_layout_value *
__real_luaT_gettmbyobj(lua_State *L, const lab_layout_value *o, int event);
const lab_layout_value *
__wrap_luaT_gettmbyobj(lua_State *L, const lab_layout_value *o, int event);

/* ---- visits -------------------------------------------------------------- */

static lab_finalizer_queue *get_queue(lab_list *link) {
  return LAB_CONTAINER(link, lab_finalizer_queue, link);
}

/* NULL: that visit has ended, or is no step's. */
static lab_finalizer_queue *find_queue(const lab_finalizers *f,
                                       uint32_t generation) {
  for (lab_list *l = f->queues.next; l != &f->queues; l = l->next)
    if (get_queue(l)->generation == generation)
      return get_queue(l);
  return NULL;
}

/* That of the oldest visit of which any is due, or NULL. */
static lab_finalizer_queue *find_due_queue(const lab_finalizers *f) {
  for (lab_list *l = f->queues.next; l != &f->queues; l = l->next)
    if (get_queue(l)->due > 0)
      return get_queue(l);
  return NULL;
}

/* Drops what is due. Raises nothing. */
static void empty_queue(lua_State *L, lab_finalizers *f,
                        lab_finalizer_queue *q) {
  f->due -= q->due;
  q->due = 0;
  luaL_unref(L, LUA_REGISTRYINDEX, q->chunks);
  q->chunks = LUA_NOREF;
}

/* Notes that the running visit has armed an object with the metatable at 2. */
static void note_armed(lua_State *L) {
  const lab_vm *vm = lab_vm_of(L);
  const lab_finalizer_queue *q =
      find_queue(&vm->finalizers, lab_vm_generation(vm));
  lua_pushliteral(L, "__gc");
  if (q && lua_rawget(L, 2) != LUA_TNIL) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, q->armed);
    lua_pushvalue(L, 2);
    lua_pushboolean(L, true);
    lua_rawset(L, -3);
  }
  lua_settop(L, 2);
}

/* Lua's setmetatable, which notes besides whose finalizers these are. */
static int set_metatable(lua_State *L) {
  int type = lua_type(L, 2);
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_argexpected(L, type == LUA_TNIL || type == LUA_TTABLE, 2,
                   "nil or table");
  if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
    return luaL_error(L, "cannot change a protected metatable");
  lua_settop(L, 2);
  if (type == LUA_TTABLE)
    note_armed(L);
  lua_setmetatable(L, 1);
  return 1;
}

/* ---- in the collector ---------------------------------------------------- */

static void send_letter(lab_vm *vm) {
  lab_finalizers *f = &vm->finalizers;
  if (f->letter_sent)
    return;
  f->letter_sent = true;
  lab_sched_post_quietly(vm->sched, &f->letter);
}

/* The queue that the object at 1 belongs to; NULL: its visit has ended. */
static lab_finalizer_queue *find_queue_of_object(lua_State *L,
                                                 lab_finalizers *f) {
  lab_finalizer_queue *found = NULL;
  lua_getmetatable(L, 1);
  for (lab_list *l = f->queues.next; l != &f->queues && !found; l = l->next) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, get_queue(l)->armed);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, 3) != LUA_TNIL)
      found = get_queue(l);
    lua_settop(L, 2);
  }
  lua_settop(L, 1);
  return found;
}

/* Pushes the table of chunks, and the chunk that the next object goes into. */
static void push_last_chunk(lua_State *L, lab_finalizer_queue *q) {
  if (q->chunks == LUA_NOREF) {
    lua_newtable(L);
    q->chunks = luaL_ref(L, LUA_REGISTRYINDEX);
    q->first = 1;
    q->last = q->taken = 0;
    q->filled = CHUNK;
  }
  lua_rawgeti(L, LUA_REGISTRYINDEX, q->chunks);
  if (q->filled < CHUNK) {
    lua_rawgeti(L, -1, q->last);
    return;
  }
  lua_createtable(L, CHUNK, 0);
  lua_pushvalue(L, -1);
  lua_rawseti(L, -3, q->last + 1);
  q->last++;
  q->filled = 0;
}

/* What is called in place of a table's __gc: queues argument 1. */
static int append_object(lua_State *L) {
  lab_vm *vm = lab_vm_of(L);
  lab_finalizers *f = &vm->finalizers;
  lab_finalizer_queue *q = find_queue_of_object(L, f);
  if (!q)
    return 0;
  push_last_chunk(L, q);
  lua_pushvalue(L, 1);
  lua_rawseti(L, -2, ++q->filled);
  q->due++;
  q->used = true;
  f->due++;
  send_letter(vm);
  return 0;
}

/* Calls the function below the top of L's stack with the object on it. What it
 * allocates is the lab's own, and the step's limit doesn't hold for it. */
static void call_finalizer(lab_vm *vm, lua_State *L) {
  lab_memory_lift(vm);
  lab_allocation_begin_own();
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
    const char *text = lua_tostring(L, -1);
    lab_log_often("a finalizer is lost: ", text ? text : "?");
    lua_pop(L, 1);
  }
  lab_allocation_end_own();
  lab_memory_impose(vm);
}

static void push_layout_value(lua_State *L, const lab_layout_value *v) {
  lua_pushnil(L);
  lab_layout_value *top = ((lab_layout_state *)(void *)L)->top - 1;
  top->as = v->as;
  top->type = v->type;
}

/* The collector is stopped meanwhile, as Lua has it. */
static void call_apart(lab_vm *vm, const lab_layout_value *function,
                       const lab_layout_value *object) {
  enum { STOPPED_BY_ITSELF = 2 };
  lua_State *apart = vm->finalizers.apart;
  lab_layout_global *global = lab_layout_global_of(apart);
  uint8_t stopped = global->stopped;
  global->stopped |= STOPPED_BY_ITSELF;
  push_layout_value(apart, function);
  push_layout_value(apart, object);
  lab_sampler_begin_finalizer();
  call_finalizer(vm, apart);
  lab_sampler_end_finalizer();
  global->stopped = stopped;
}

/* In a Lua whose stacks are of an unknown layout, the collector calls this in
 * place of a table's __gc. */
static int queue_object(lua_State *L) {
  lua_pushcfunction(L, append_object);
  lua_pushvalue(L, 1);
  call_finalizer(lab_vm_of(L), L);
  return 0;
}

/* What the collector calls for O, nil for nothing. Not compiled into its
 * caller: that would have to save registers for each method of each userdata.
 */
static __attribute__((noinline)) const lab_layout_value *
find_finalizer(lua_State *L, const lab_layout_value *o) {
  static const lab_layout_value nothing = {.type = LUA_TNIL};
  static lab_layout_value stand_in;
  const lab_layout_value *gc = __real_luaT_gettmbyobj(L, o, EVENT_GC);
  if ((gc->type & 0xf) == LUA_TNIL)
    return gc;
  lab_vm *vm = lab_vm_of(L);
  bool of_script = (o->type & 0xf) == LUA_TTABLE;
  if (!vm || (!of_script && !vm->finalizers.open))
    return gc;
  if (!vm->finalizers.open)
    return &nothing;
  stand_in.type = lab_lua_layout.c_function;
  stand_in.as.function = lab_layout_fits() ? append_object : queue_object;
  const lab_layout_value *function = of_script ? &stand_in : gc;
  if (!lab_layout_fits())
    return function;
  call_apart(vm, function, o);
  return &nothing;
}

/* Lua asks it for each method of a userdata, too, so it adds one jump there. */
const lab_layout_value *
__wrap_luaT_gettmbyobj(lua_State *L, const lab_layout_value *o, int event) {
  return event == EVENT_GC ? find_finalizer(L, o)
                           : __real_luaT_gettmbyobj(L, o, event);
}

/* ---- the task ------------------------------------------------------------ */

/* Takes the first object out of Q, in which one is due, and pushes it as the
 * third value. Its generation is the running task's from now on. Raises
 * nothing, so nothing gets lost. */
static void push_first_object(lua_State *L, lab_vm *vm,
                              lab_finalizer_queue *q) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, q->chunks);
  if (q->taken == CHUNK) {
    lua_pushnil(L); /* this chunk is empty */
    lua_rawseti(L, 1, q->first++);
    q->taken = 0;
  }
  lua_rawgeti(L, 1, q->first);
  lua_rawgeti(L, 2, ++q->taken);
  lua_pushnil(L); /* the chunk doesn't keep it alive */
  lua_rawseti(L, 2, q->taken);
  lab_lua_task_set_generation(vm, q->generation);
  vm->finalizers.due--;
  if (--q->due == 0) /* a table never shrinks: the next one is new */
    empty_queue(L, &vm->finalizers, q);
}

/* Pushes the __gc of the next object that has one, and the object, above one
 * value. False: none is due. */
static bool push_next_due(lua_State *L, lab_vm *vm) {
  lab_finalizer_queue *q;
  while ((q = find_due_queue(&vm->finalizers))) {
    lua_settop(L, 0);
    push_first_object(L, vm, q);
    if (!lua_getmetatable(L, 3)) /* taken off since */
      continue;
    lua_pushliteral(L, "__gc");
    if (lua_rawget(L, 4) == LUA_TNIL)
      continue;
    lua_replace(L, 2);
    lua_settop(L, 3);
    return true;
  }
  return false;
}

/* The message handler. Metamethods aren't called: nothing could park here. */
static int add_finalizer_traceback(lua_State *L) {
  if (lab_vm_of(L)->running->base.cancelled)
    return 1;
  if (!lua_isstring(L, 1))
    lua_pushfstring(L, "(error object is a %s value)", luaL_typename(L, 1));
  lab_lua_push_traceback(L, L, -1, 1);
  return 1;
}

static void log_finalizer_failure(lua_State *L, int status) {
  lab_vm *vm = lab_vm_of(L);
  const char *text = lua_tostring(L, -1);
  char memory[LAB_MEMORY_TEXT];
  if (vm->running->base.cancelled)
    return;
  if (status == LUA_ERRMEM) {
    lab_memory_error_text(vm, NULL, memory, sizeof memory);
    text = memory;
  }
  lab_log_often("finalizer failed: ", text ? text : "?");
}

/* Goes on after a finalizer that has returned, parked before, or failed. */
static int go_on_finalizing(lua_State *L, int status, lua_KContext ctx) {
  (void)ctx;
  lab_vm *vm = lab_vm_of(L);
  for (;;) {
    if (status != LUA_OK && status != LUA_YIELD)
      log_finalizer_failure(L, status);
    lab_lua_check_cancelled(L);
    if (!push_next_due(L, vm))
      break;
    lua_pushcfunction(L, add_finalizer_traceback);
    lua_replace(L, 1);
    status = lua_pcallk(L, 1, 0, 1, 0, go_on_finalizing);
  }
  lua_settop(L, 0);
  return 0;
}

static int run_finalizers(lua_State *L) {
  return go_on_finalizing(L, LUA_OK, 0);
}

/* It may have been cancelled before all had run. */
static void end_finalizers_task(lab_vm *vm, lab_lua_task *t, int status,
                                int nresults) {
  (void)nresults;
  lab_finalizers *f = &vm->finalizers;
  f->task = NULL;
  if (status != LUA_OK && !t->base.cancelled)
    lab_lua_log_failure("finalizers' task", t);
  if (f->due > 0)
    send_letter(vm);
}

static const lab_lua_task_kind finalizers_kind = {.ended = end_finalizers_task};

static int start_finalizers_task(lua_State *L) {
  lab_vm *vm = lab_vm_of(L);
  lab_finalizers *f = &vm->finalizers;
  lua_pushcfunction(L, run_finalizers);
  f->task = lab_lua_task_spawn(vm, L, 0, find_due_queue(f)->generation,
                               &finalizers_kind);
  return 0;
}

/* If there is no memory for the task it is tried again with the next object. */
static void deliver_finalizers(lab_post *post) {
  lab_vm *vm = LAB_CONTAINER(post, lab_vm, finalizers.letter);
  lab_finalizers *f = &vm->finalizers;
  f->letter_sent = false;
  if (!f->open || f->task || f->due == 0)
    return;
  lab_memory_lift(vm);
  lua_pushcfunction(vm->L, start_finalizers_task);
  if (lua_pcall(vm->L, 0, 0, 0) != LUA_OK)
    lua_pop(vm->L, 1);
  lab_memory_impose(vm);
}

/* ---- from outside -------------------------------------------------------- */

void lab_finalizers_open(lua_State *L) {
  lab_finalizers *f = &lab_vm_of(L)->finalizers;
  lab_func_c((const void *)run_finalizers, "[lua __gc finalizer]", false);
  f->letter.deliver = deliver_finalizers;
  lab_list_init(&f->queues);
  f->apart = lua_newthread(L);
  luaL_ref(L, LUA_REGISTRYINDEX); /* stays */
  lua_pushcfunction(L, set_metatable);
  lua_setglobal(L, "setmetatable");
  f->open = true;
}

void lab_finalizers_close(lab_vm *vm) {
  lab_finalizers *f = &vm->finalizers;
  f->task = NULL;
  while (f->open && !lab_list_empty(&f->queues))
    lab_finalizers_end(vm, get_queue(f->queues.next)->generation);
  f->open = false;
}

void lab_finalizers_begin(lua_State *L, uint32_t generation) {
  lab_finalizers *f = &lab_vm_of(L)->finalizers;
  lua_newtable(L);
  lua_newtable(L);
  lua_pushliteral(L, "k");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  int armed = luaL_ref(L, LUA_REGISTRYINDEX);
  lab_finalizer_queue *q = lab_xcalloc(1, sizeof *q);
  q->generation = generation;
  q->armed = armed;
  q->chunks = LUA_NOREF;
  lab_list_push_back(&f->queues, &q->link);
}

bool lab_finalizers_end(lab_vm *vm, uint32_t generation) {
  lab_finalizers *f = &vm->finalizers;
  lab_finalizer_queue *q = find_queue(f, generation);
  if (!q)
    return false;
  bool used = q->used;
  empty_queue(vm->L, f, q);
  luaL_unref(vm->L, LUA_REGISTRYINDEX, q->armed);
  lab_list_remove(&q->link);
  lab_xfree(q);
  if (f->task)
    lab_lua_task_cancel_of(vm, f->task, generation);
  return used;
}

size_t lab_finalizers_count(const lab_vm *vm, uint32_t generation) {
  const lab_finalizers *f = &vm->finalizers;
  const lab_finalizer_queue *q = find_queue(f, generation);
  bool runs = f->task && f->task->base.generation == generation;
  return (q ? q->due : 0) + runs;
}
