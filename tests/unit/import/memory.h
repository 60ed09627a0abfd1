// SPDX-License-Identifier: MIT
// Projects in memory: files by path, read by the importer as if they lay on a disk below /p.
#ifndef NBX_TESTS_IMPORT_MEMORY_H
#define NBX_TESTS_IMPORT_MEMORY_H

#include <string.h>

#include "harness/harness.h"
#include "loader/import/import.h"

struct memory_file {
    const char *path, *text;
};

// The importer's view of these files (path NULL ends). One at a time.
const struct import_fs *memory_fs(const struct memory_file *files);
// Read one project of them, with -p pairs ("NAME", "VALUE", ..., NULL).
const struct import_project *memory_read(const struct memory_file *files, const char *path, const char *const *properties);
// The same with --subst pairs.
const struct import_project *memory_fill(const struct memory_file *files, const char *path, const char *const *substs);

// A project around this inside of <Project>: Microsoft's imports, Release|x64 and Debug|x64 and a driver's ConfigurationType.
const char *vcxproj(const char *inside);

bool has(const struct import_list *list, const char *item);
const struct import_source *source_of(const struct import_project *project, const char *path);
// The only fault: its line, and words that its construct and text have.
void fault_is(const struct import_project *project, unsigned line, const char *construct, const char *text);
void no_fault(const struct import_project *project);

#endif
