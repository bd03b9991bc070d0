/* SPDX-License-Identifier: MIT
 * Socket: one end of a TCP connection. Made by lab.tcp.connect and by a
 * Listener (tcp.h).
 *
 * read and write are system calls of the VM's thread; a task that has to wait
 * is parked (resources/watch.h). A Socket that is collected is closed, as Go's
 * connections are; what the step leaves behind is closed with it. Errors have
 * Go's words: "read tcp 127.0.0.1:4000->127.0.0.1:80: i/o timeout".
 *
 * Threads: the VM's. */
#ifndef LAB_LUALIB_SOCKET_H
#define LAB_LUALIB_SOCKET_H

#include <lua.h>
#include <stdint.h>

#include "base/address.h"
#include "resources/owned.h"
#include "resources/watch.h"

/* What a Socket and a Listener have in common: the userdata. */
typedef struct lab_lua_socket {
  lab_owned owned;
  lab_watch watch;
  lab_address local, remote; /* remote: of a Socket; else zeros */
} lab_lua_socket;

/* Makes the class Socket. May raise. */
void lab_lib_socket(lua_State *L);

/* Pushes one of CLASS (NULL: a Socket), which is not open yet. May raise. */
lab_lua_socket *lab_lua_new_socket(lua_State *L, const char *class);
/* S is open: FD belongs to it and to the step, which calls it a KIND. */
void lab_lua_open_socket(lab_lua_socket *s, int fd, const char *kind);
/* Closes S, if it is open. */
void lab_lua_close_socket(lab_lua_socket *s);
/* The method close: true, or nil and why not. */
int lab_lua_socket_closed(lua_State *L, lab_lua_socket *s);

/* Pushes "WHAT tcp LOCAL->REMOTE", for failures. */
const char *lab_lua_name_call(lua_State *L, const lab_lua_socket *s,
                              const char *what);
/* Argument ARG, an optional time limit in seconds, as the moment at which it
 * ends; pops it and all above it, and pushes the deadline instead. */
void lab_lua_push_deadline(lua_State *L, int arg);
/* What that has pushed, at INDEX. */
uint64_t lab_lua_get_deadline(lua_State *L, int index);

#endif
