/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The objects and pins one unit names, each opened and looked into once. */

#include <stdbool.h>

#include <glib.h>

#include "bpf/look/inspect.h"
#include "bpf/look/target.h"
#include "src/base/diag.h"

typedef struct ObjectFile {
        char *path;
        int fd; /* O_PATH for a pin; -EBADF where there is an error */
        bool is_pin;
        bool absent; /* with error: there is no such file */
        FileIdentity identity;
        Inspect *inspect; /* NULL for a pin or where there is an error */
        Diag error; /* text NULL: none */
} ObjectFile;

/* Opens and inspects path; failure is kept in the error of the result, never NULL. */
ObjectFile *object_file_new(const char *path, bool trust);
ObjectFile *object_file_free(ObjectFile *object);

/* Is this the stem of the object: the name of its file without ".bpf.o", or without ".o"? */
bool object_file_has_stem(const ObjectFile *object, const char *stem);

const InspectVariable *object_file_variable(const ObjectFile *object, const char *name);
const InspectMap *object_file_map(const ObjectFile *object, const char *name);
