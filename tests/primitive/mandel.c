/* SPDX-License-Identifier: MIT
 * An example of a primitive: the picture of the Mandelbrot set.
 *
 *   cc -shared -fPIC -O2 -g -I/usr/include/lua5.4 -o mandel.so mandel.c
 *   diaglab --primitive ./mandel.so --scenarios scenarios --step 91
 *
 * In a clone, -Iinclude finds the header.
 *
 * It has one function of each sort: a job for a worker, a function that works
 * on the VM's thread and looks around, and one that waits for a thread. */
#include <diaglab/primitive.h>
#include <lauxlib.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char PICTURE[] = "mandel.Picture";

typedef struct picture {
  unsigned char *rows; /* a byte for each point; NULL: none */
  size_t size;
} picture;

/* ---- the arithmetic ------------------------------------------------------ */

/* Not inlined: profiles show it, although it is static. */
__attribute__((noinline)) static int count_rounds(double x, double y,
                                                  int most) {
  double a = 0, b = 0;
  int n = 0;
  for (; n < most && a * a + b * b < 4; n++) {
    double next = a * a - b * b + x;
    b = 2 * a * b + y;
    a = next;
  }
  return n;
}

/* A point may take 3 ms, a row minutes. */
static void draw_row(unsigned char *row, lua_Integer width, double y,
                     int most) {
  for (lua_Integer i = 0; i < width && !lab_primitive_cancelled(); i++)
    row[i] = (unsigned char)count_rounds(-2 + 3.0 * (double)i / (double)width,
                                         y, most);
}

/* ---- mandel.render(width, height, rounds) -> Picture: a job ---------------
 */

typedef struct drawing {
  lua_Integer width, height;
  int most;
  picture made;
} drawing;

/* On a worker. A cancelled task waits until this returns. */
static void run_drawing(void *data) {
  drawing *d = data;
  size_t size = (size_t)(d->width * d->height);
  d->made.rows = lab_primitive_alloc(size);
  d->made.size = d->made.rows ? size : 0;
  lua_Integer height = d->made.rows ? d->height : 0;
  for (lua_Integer i = 0; i < height && !lab_primitive_cancelled(); i++)
    draw_row(d->made.rows + i * d->width, d->width,
             -1.5 + 3.0 * (double)i / (double)d->height, d->most);
}

static int finish_drawing(lua_State *L, void *data) {
  drawing *d = data;
  if (!d->made.rows)
    return lab_primitive_no_memory(L, "a picture",
                                   (size_t)(d->width * d->height));
  picture *p = lua_newuserdatauv(L, sizeof *p, 0);
  *p = (picture){NULL, 0};
  luaL_setmetatable(L, PICTURE);
  *p = d->made;
  d->made = (picture){NULL, 0}; /* it is the userdata's from now on */
  lab_primitive_hold_memory(L, (int64_t)p->size);
  return 1;
}

static void drop_drawing(void *data) {
  drawing *d = data;
  lab_primitive_free(d->made.rows, d->made.size);
}

static const lab_primitive_work drawing_work = {sizeof(drawing), run_drawing,
                                                finish_drawing, drop_drawing};

static lua_Integer check_side(lua_State *L, int arg) {
  lua_Integer n = luaL_checkinteger(L, arg);
  luaL_argcheck(L, n > 0 && n <= 1 << 20, arg, "from 1 to 1048576 points");
  return n;
}

static int check_rounds(lua_State *L, int arg) {
  lua_Integer n = luaL_checkinteger(L, arg);
  luaL_argcheck(L, n > 0 && n <= 1 << 20, arg, "from 1 to 1048576 rounds");
  return (int)n;
}

static int render(lua_State *L) {
  lua_Integer width = check_side(L, 1), height = check_side(L, 2);
  int most = check_rounds(L, 3);
  drawing *d = lab_primitive_new_work(L, &drawing_work);
  d->width = width;
  d->height = height;
  d->most = most;
  return lab_primitive_run(L, d);
}

/* ---- Picture ------------------------------------------------------------- */

static int picture_len(lua_State *L) {
  picture *p = luaL_checkudata(L, 1, PICTURE);
  lua_pushinteger(L, (lua_Integer)p->size);
  return 1;
}

static int picture_gc(lua_State *L) {
  picture *p = luaL_checkudata(L, 1, PICTURE);
  lab_primitive_free(p->rows, p->size);
  lab_primitive_hold_memory(L, -(int64_t)p->size);
  *p = (picture){NULL, 0};
  return 0;
}

/* ---- mandel.scan(rounds, times) -> points: on the VM's thread --------------
 */

static int scan(lua_State *L) {
  int most = check_rounds(L, 1);
  lua_Integer times = luaL_checkinteger(L, 2), inside = 0;
  for (lua_Integer i = 0; i < times; i++) {
    inside +=
        count_rounds(-2 + 3.0 * (double)(i % 1000) / 1000, 0, most) == most;
    lab_primitive_look(L);
  }
  lua_pushinteger(L, inside);
  return 1;
}

/* ---- mandel.knock(ms, limit) -> woken: waits for another thread ------------
 */

typedef struct knock {
  int ms;
  lab_primitive_waker *waker;
} knock;

static void *run_knock(void *arg) {
  knock k = *(knock *)arg;
  struct timespec pause = {k.ms / 1000, k.ms % 1000 * 1000000L};
  free(arg);
  nanosleep(&pause, NULL);
  lab_primitive_wake(k.waker); /* also if nobody waits any more */
  return NULL;
}

static int finish_knock(lua_State *L, void *data) {
  lua_pushboolean(L, lab_primitive_was_woken(data));
  return 1;
}

static const lab_primitive_work knock_work = {0, NULL, finish_knock, NULL};

/* 0, or what pthread_create says. The thread blocks all signals. */
static int start_knock(knock *k) {
  sigset_t all, before;
  pthread_t thread;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int rc = pthread_create(&thread, NULL, run_knock, k);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (rc == 0)
    pthread_detach(thread);
  return rc;
}

static int wait_for_knock(lua_State *L) {
  int ms = (int)luaL_checkinteger(L, 1);
  double limit = luaL_checknumber(L, 2);
  void *data = lab_primitive_new_work(L, &knock_work);
  knock *k = malloc(sizeof *k);
  if (!k)
    return lab_primitive_no_memory(L, "a knock", sizeof *k);
  *k = (knock){ms, lab_primitive_new_waker(data)};
  int rc = start_knock(k);
  if (rc) {
    lab_primitive_wake(k->waker);
    free(k);
    return luaL_error(L, "can't start a thread: %s", strerror(rc));
  }
  return lab_primitive_wait(L, data, limit);
}

/* ---- the entry ----------------------------------------------------------- */

/* The metatable is made once for each lab. Its methods are in profiles under
 * the names of their symbols. */
static int open_mandel(lua_State *L) {
  luaL_newmetatable(L, PICTURE);
  lua_pushcfunction(L, picture_gc);
  lua_setfield(L, -2, "__gc");
  lua_pushcfunction(L, picture_len);
  lua_setfield(L, -2, "__len");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_pushinteger(L, 255);
  lua_setfield(L, 1, "MOST"); /* rounds that a point's byte can hold */
  return 0;
}

static const lab_primitive_function functions[] = {
    {"render", render, false},
    {"scan", scan, false},
    {"knock", wait_for_knock, false},
    {NULL, NULL, false},
};

LAB_PRIMITIVE_ENTRY = {LAB_PRIMITIVE_ABI, "mandel", functions, open_mandel};
