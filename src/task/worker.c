/* SPDX-License-Identifier: MIT
 * Worker threads: see worker.h. A plain queue under a mutex: jobs are long,
 * milliseconds and more, so that handing them over costs nothing beside. */
#include "task/worker.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/thread.h"

struct lab_workers {
  lab_sched *sched;
  pthread_mutex_t lock;
  pthread_cond_t filled;
  lab_mpsc_node *first, **last; /* jobs by post.node */
  unsigned queued, busy;
  bool stop;
  unsigned count;
  lab_thread *threads[];
};

/* initial-exec: signal handlers read it. */
static __thread lab_job *current __attribute__((tls_model("initial-exec")));

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

static lab_job *job_of(lab_mpsc_node *node) {
  return LAB_CONTAINER(LAB_CONTAINER(node, lab_post, node), lab_job, post);
}

/* The next job, or NULL when there is none and there won't be. */
static lab_job *take(lab_workers *w) {
  lab_job *job = NULL;
  pthread_mutex_lock(&w->lock);
  while (!w->first && !w->stop)
    pthread_cond_wait(&w->filled, &w->lock);
  if (w->first) {
    job = job_of(w->first);
    w->first = w->first->next;
    if (!w->first)
      w->last = &w->first;
    w->queued--;
    w->busy++;
  }
  pthread_mutex_unlock(&w->lock);
  return job;
}

static void deliver_done(lab_post *post) {
  lab_job *job = LAB_CONTAINER(post, lab_job, post);
  job->done(job);
}

static void done(lab_workers *w) {
  pthread_mutex_lock(&w->lock);
  w->busy--;
  pthread_mutex_unlock(&w->lock);
}

static void worker_main(void *arg) {
  lab_workers *w = arg;
  for (lab_job *job; (job = take(w));) {
    if (!atomic_load(&job->cancelled))
      lab_worker_run(job);
    job->post.deliver = deliver_done;
    done(w);
    lab_sched_post(w->sched, &job->post);
  }
}

static unsigned default_count(void) {
  long n = sysconf(_SC_NPROCESSORS_ONLN);
  return n > 2 ? (unsigned)n : 2;
}

int lab_workers_new(lab_workers **out, unsigned count, lab_sched *sched) {
  if (count == 0)
    count = default_count();
  lab_workers *w = lab_xcalloc(1, sizeof *w + count * sizeof *w->threads);
  w->sched = sched;
  w->last = &w->first;
  pthread_mutex_init(&w->lock, NULL);
  pthread_cond_init(&w->filled, NULL);
  while (w->count < count) {
    char name[32]; /* the thread keeps what fits */
    snprintf(name, sizeof name, "worker-%u", w->count + 1);
    int rc = lab_thread_start(&w->threads[w->count], name, worker_main, w);
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
    lab_thread_join(w->threads[i]);
  pthread_cond_destroy(&w->filled);
  pthread_mutex_destroy(&w->lock);
  lab_xfree(w);
}

void lab_workers_submit(lab_workers *w, lab_job *job) {
  job->post.node.next = NULL;
  pthread_mutex_lock(&w->lock);
  *w->last = &job->post.node;
  w->last = &job->post.node.next;
  w->queued++;
  pthread_cond_signal(&w->filled);
  pthread_mutex_unlock(&w->lock);
}

void lab_workers_read(lab_workers *w, lab_workers_load *load) {
  pthread_mutex_lock(&w->lock);
  *load = (lab_workers_load){w->count, w->busy, w->queued};
  pthread_mutex_unlock(&w->lock);
}
