/* SPDX-License-Identifier: MIT
 * The page at /lab/, or that there is none: the build decides (WEB_UI). */
#ifndef LAB_APP_PAGE_H
#define LAB_APP_PAGE_H

struct lab_app;

/* After the server listens. NAME: what the log calls its address. */
void lab_app_open_page(struct lab_app *app, const char *name);
/* Before the server stops. */
void lab_app_stop_page(struct lab_app *app);
/* After the loop has ended. */
void lab_app_free_page(struct lab_app *app);

#endif
