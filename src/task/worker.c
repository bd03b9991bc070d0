/* SPDX-License-Identifier: MIT
 * Worker threads: see worker.h. A plain queue under a mutex: jobs are long,
 * milliseconds and more, so the cost of handing them over doesn't matter. */
#include "task/worker.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/thread.h"

/* One worker. */
typedef struct place {
  lab_workers *all;
  lab_thread *thread;
  lab_job *job; /* that it runs, or NULL; under the lock */
} place;

struct lab_workers {
  lab_sched *sched;
  pthread_mutex_t lock;
  pthread_cond_t filled;
  lab_list queue; /* jobs by place */
  unsigned queued, busy;
  bool stop;
  lab_worker_sink *sink; /* or NULL */
  unsigned count;
  place places[];
};

/* initial-exec: signal handlers read it. */
static __thread lab_job *current __attribute__((tls_model("initial-exec")));
static __thread int own_index __attribute__((tls_model("initial-exec"))) = -1;

int lab_worker_index(void) {
  return own_index;
}

lab_job *lab_worker_job(void) {
  return current;
}

bool lab_job_cancelled(void) {
  return current &&
         atomic_load_explicit(&current->cancelled, memory_order_relaxed);
}

/* The fences keep the compiler from moving the marks into or over run: a signal
 * may come at any instruction. */
void lab_worker_run(lab_job *job) {
  current = job;
  atomic_signal_fence(memory_order_seq_cst);
  job->run(job);
  atomic_signal_fence(memory_order_seq_cst);
  current = NULL;
}

static unsigned index_of(const place *p) {
  return (unsigned)(p - p->all->places);
}

static void begin_job(place *p, lab_job *job) {
  p->job = job;
  job->began = lab_clock_mono();
  if (p->all->sink)
    p->all->sink->began(p->all->sink, index_of(p), job, job->began);
}

/* JOB was run, or not: it was cancelled. It is still ours, since it isn't
 * reported yet. */
static void end_job(place *p, lab_job *job) {
  lab_workers *w = p->all;
  pthread_mutex_lock(&w->lock);
  w->busy--;
  uint64_t now = lab_clock_mono();
  atomic_store(&job->ended, now);
  if (p->job && w->sink)
    w->sink->ended(w->sink, index_of(p), job, now);
  p->job = NULL;
  pthread_mutex_unlock(&w->lock);
}

void lab_workers_set_sink(lab_workers *w, lab_worker_sink *sink) {
  pthread_mutex_lock(&w->lock);
  w->sink = sink;
  for (unsigned i = 0; sink && i < w->count; i++)
    if (w->places[i].job)
      sink->began(sink, i, w->places[i].job, w->places[i].job->began);
  pthread_mutex_unlock(&w->lock);
}

/* Under the lock. */
static void remove_job(lab_workers *w, lab_job *job) {
  lab_list_remove(&job->place);
  job->queued = false;
  w->queued--;
}

/* The next job, or NULL when there is none and there won't be. */
static lab_job *take_job(place *p) {
  lab_workers *w = p->all;
  lab_job *job = NULL;
  pthread_mutex_lock(&w->lock);
  while (lab_list_empty(&w->queue) && !w->stop)
    pthread_cond_wait(&w->filled, &w->lock);
  if (!lab_list_empty(&w->queue)) {
    job = LAB_CONTAINER(w->queue.next, lab_job, place);
    remove_job(w, job);
    w->busy++;
    if (!atomic_load(&job->cancelled))
      begin_job(p, job);
  }
  pthread_mutex_unlock(&w->lock);
  return job;
}

static void deliver_done(lab_post *post) {
  lab_job *job = LAB_CONTAINER(post, lab_job, post);
  job->done(job);
}

static void report_done(lab_workers *w, lab_job *job) {
  job->post.deliver = deliver_done;
  lab_sched_post(w->sched, &job->post);
}

static void worker_main(void *arg) {
  place *p = arg;
  own_index = (int)index_of(p);
  for (lab_job *job; (job = take_job(p));) {
    if (p->job)
      lab_worker_run(job);
    end_job(p, job);
    report_done(p->all, job);
  }
}

/* Those on which this thread may run: taskset and containers leave it few. A
 * machine with more than the set knows refuses it. */
static long count_processors(void) {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0
             ? CPU_COUNT(&set)
             : sysconf(_SC_NPROCESSORS_ONLN);
}

static unsigned choose_count(void) {
  long n = count_processors();
  return n > 2 ? (unsigned)n : 2;
}

int lab_workers_new(lab_workers **out, unsigned count, lab_sched *sched) {
  if (count == 0)
    count = choose_count();
  lab_workers *w = lab_xcalloc(1, sizeof *w + count * sizeof *w->places);
  w->sched = sched;
  lab_list_init(&w->queue);
  pthread_mutex_init(&w->lock, NULL);
  pthread_cond_init(&w->filled, NULL);
  while (w->count < count) {
    char name[32]; /* the thread keeps what fits */
    snprintf(name, sizeof name, "worker-%u", w->count + 1);
    place *p = &w->places[w->count];
    p->all = w;
    int rc = lab_thread_start(&p->thread, name, worker_main, p);
    if (rc) {
      lab_workers_free(w);
      return rc;
    }
    w->count++;
  }
  *out = w;
  return 0;
}

void lab_workers_free(lab_workers *w) {
  pthread_mutex_lock(&w->lock);
  w->stop = true;
  pthread_cond_broadcast(&w->filled);
  pthread_mutex_unlock(&w->lock);
  for (unsigned i = 0; i < w->count; i++)
    lab_thread_join(w->places[i].thread);
  pthread_cond_destroy(&w->filled);
  pthread_mutex_destroy(&w->lock);
  lab_xfree(w);
}

void lab_workers_submit(lab_workers *w, lab_job *job) {
  atomic_store(&job->ended, 0);
  pthread_mutex_lock(&w->lock);
  lab_list_push_back(&w->queue, &job->place);
  job->queued = true;
  w->queued++;
  pthread_cond_signal(&w->filled);
  pthread_mutex_unlock(&w->lock);
}

void lab_workers_cancel(lab_workers *w, lab_job *job) {
  atomic_store(&job->cancelled, true);
  pthread_mutex_lock(&w->lock);
  bool was_queued = job->queued;
  if (was_queued) {
    remove_job(w, job);
    atomic_store(&job->ended, lab_clock_mono());
  }
  pthread_mutex_unlock(&w->lock);
  if (was_queued)
    report_done(w, job);
}

void lab_workers_read(lab_workers *w, lab_workers_load *load) {
  pthread_mutex_lock(&w->lock);
  *load = (lab_workers_load){w->count, w->busy, w->queued};
  pthread_mutex_unlock(&w->lock);
}
