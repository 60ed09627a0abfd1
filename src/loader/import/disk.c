// SPDX-License-Identifier: MIT
// The real files, as the importer sees them. Folders are listed in the order of their names' bytes, so that the same project gives the
// same result everywhere. Links to folders are not followed by listing, or a circle would never end.
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loader/import/import_int.h"

static char *
disk_read(void *context, const char *path, size_t *bytes)
{
    struct stat status;
    char *text = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    *bytes = 0;
    if (fd < 0)
        return NULL;
    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size <= (off_t)IMPORT_FILE_MAX)
        text = malloc((size_t)status.st_size + 1);
    while (text && *bytes < (size_t)status.st_size) {
        ssize_t got = read(fd, text + *bytes, (size_t)status.st_size - *bytes);
        if (got <= 0)
            break;
        *bytes += (size_t)got;
    }
    if (text)
        text[*bytes] = 0;
    close(fd);
    return text;
}

static enum import_node
disk_kind(void *context, const char *path)
{
    struct stat status;
    if (stat(path, &status))
        return IMPORT_NONE;
    return S_ISDIR(status.st_mode) ? IMPORT_FOLDER : S_ISREG(status.st_mode) ? IMPORT_FILE
                                                                             : IMPORT_NONE;
}

static int
is_listed(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
}

static int
by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void
disk_list(void *context, const char *folder, void (*each)(void *to, const char *name), void *to)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_listed, by_bytes);
    for (int i = 0; i < count; i++) {
        each(to, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
}

const struct import_fs import_disk = {NULL, disk_read, disk_kind, disk_list};
