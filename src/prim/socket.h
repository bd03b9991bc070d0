/* SPDX-License-Identifier: MIT
 * Primitives on TCP sockets. Each is one plain job around the system calls that
 * strace shows; their names are what profiles show between Lua and the system
 * call: lab_socket_read -> recv.
 *
 * They never block: where one would have to wait it returns -EAGAIN, and is
 * called again when the socket is ready.
 *
 * Threads: any. Errors: negative errno. Descriptors are close-on-exec. */
#ifndef LAB_PRIM_SOCKET_H
#define LAB_PRIM_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/address.h"

#define LAB_SOCKET_PRIMITIVE __attribute__((noinline))

/* A new socket, of the family that ADDRESS has: its descriptor. */
LAB_SOCKET_PRIMITIVE int lab_socket_open(const lab_address *address);
/* Connects FD. Called again and again it says how far that is: 0, when it is
 * connected; -EAGAIN, when it may not be said yet. */
LAB_SOCKET_PRIMITIVE int lab_socket_connect(int fd, const lab_address *address);
/* FD waits for clients at ADDRESS; the kernel keeps up to BACKLOG of them that
 * were not accepted yet. 0 or an error. */
LAB_SOCKET_PRIMITIVE int lab_socket_listen(int fd, const lab_address *address,
                                           int backlog);
/* The descriptor of a client of FD, whose address is REMOTE. */
LAB_SOCKET_PRIMITIVE int lab_socket_accept(int fd, lab_address *remote);

/* Reads what has come, N bytes at most; 0: the peer sends no more. */
LAB_SOCKET_PRIMITIVE ssize_t lab_socket_read(int fd, void *out, size_t n);
/* Hands bytes to the kernel, as many of N as it takes now. */
LAB_SOCKET_PRIMITIVE ssize_t lab_socket_write(int fd, const void *bytes,
                                              size_t n);
/* Tells the peer that nothing more is written. */
LAB_SOCKET_PRIMITIVE int lab_socket_shutdown(int fd);
/* ON: small pieces are sent at once (TCP_NODELAY). OFF: a small piece waits
 * while the peer has not acknowledged the one before (Nagle's algorithm).
 * Clients have what their listening socket has. */
LAB_SOCKET_PRIMITIVE int lab_socket_set_nodelay(int fd, bool on);

/* The address of this end. */
void lab_socket_find_local(int fd, lab_address *local);

#endif
