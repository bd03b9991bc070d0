/* SPDX-License-Identifier: MIT
 * See tool.h. */
#include "tool/tool.h"

#include <string.h>

#include "base/nearest.h"
#include "kit/kit.h"
#include "tool/load_command.h"

static const lab_tool tools[] = {
    {"answer", "have a diagnosis judged", lab_kit_run},
    {"check", "say what is wrong with exercises", lab_kit_run},
    {"classes", "list the vocabulary of diagnoses", lab_kit_run},
    {"doctor", "say what this machine lacks for the course", lab_kit_run},
    {"load", "send requests and measure the answers", lab_load_command},
    {"new", "write a new exercise", lab_kit_run},
    {"progress", "show what you have done", lab_kit_run},
    {"repair", "repair a step's program, and prove it", lab_kit_run},
    {"test", "prove exercises", lab_kit_run},
};

enum { TOOLS = sizeof tools / sizeof *tools };

const lab_tool *lab_tool_find(const char *name) {
  for (size_t i = 0; i < TOOLS; i++)
    if (strcmp(tools[i].name, name) == 0)
      return &tools[i];
  return NULL;
}

const lab_tool *lab_tool_find_nearest(const char *word) {
  const char *names[TOOLS];
  for (size_t i = 0; i < TOOLS; i++)
    names[i] = tools[i].name;
  const char *name = lab_nearest(word, names, TOOLS);
  return name ? lab_tool_find(name) : NULL;
}

void lab_tool_list(FILE *out) {
  for (size_t i = 0; i < TOOLS; i++)
    fprintf(out, "  %-22s  %s\n", tools[i].name, tools[i].purpose);
}
