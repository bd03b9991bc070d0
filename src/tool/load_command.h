/* SPDX-License-Identifier: MIT
 * `diaglab load URL`: a load on any HTTP server, and what became of it. */
#ifndef LAB_TOOL_LOAD_COMMAND_H
#define LAB_TOOL_LOAD_COMMAND_H

/* As lab_tool's run. Exit codes: 0 all requests were answered with 2xx or 3xx,
 * 1 some weren't, 2 wrong usage, 130 it was interrupted. */
int lab_load_command(int argc, char **argv);

#endif
