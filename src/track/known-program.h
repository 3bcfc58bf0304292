/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A program in the kernel that attachments of ours use: which object it came from and under which id it runs. The
 * attachments keep it alive; a descriptor is had by id when it is needed. */

#include <stddef.h>
#include <stdint.h>

#include "src/base/cleanup.h"

/* Begins the object id of a pinned program; the id of the program follows. */
#define KNOWN_PROGRAM_PIN_PREFIX "pin:"

typedef struct KnownProgram {
        size_t references;
        uint32_t id;
        char *name; /* in the object; the kernel's name for pins */
        char *object; /* path of the object or pin; NULL if unknown */
        char *object_id; /* exact version of it and what it was loaded with; NULL if unknown */
        char tag[17];
        int fd; /* kept open while many units share it, since opening it anew costs as much as a link; else -EBADF */
} KnownProgram;

/* One reference, for the caller. NULL texts are allowed. */
KnownProgram *known_program_new(
        uint32_t id,
        const char *name,
        const char *object,
        const char *object_id
);
/* Gives it the name and object by which a unit file knows it. */
void known_program_describe(
        KnownProgram *program,
        const char *name,
        const char *object,
        const char *object_id
);
KnownProgram *known_program_ref(KnownProgram *program);
KnownProgram *known_program_unref(KnownProgram *program);
DEFINE_CLEANUP(KnownProgram, known_program_unref);
