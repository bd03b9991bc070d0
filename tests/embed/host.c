/* SPDX-License-Identifier: MIT
 * A program with a lab in it: docs/embedding.md shows this file. */
#include <diaglab/diaglab.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>

static void *run_simulation(void *arg) { /* what this program is for */
  lab_watch_thread("simulation");
  for (volatile double t = 0; arg;)
    t = t + sin(t);
  return NULL;
}

int main(int argc, char **argv) {
  pthread_t thread;
  lab_config config;
  lab_app *app;
  char error[256];
  if (lab_init())
    return 1;
  lab_config_init(&config);
  config.signals = true; /* TERM and INT end it */
  config.listen = argc > 1 ? argv[1] : config.listen;
  if (lab_new(&app, &config, error, sizeof error))
    return fprintf(stderr, "%s\n", error), 1;
  pthread_create(&thread, NULL, run_simulation, app);
  lab_run(app);
  lab_free(app);
}
