/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/track/known-program.h"

#include <errno.h>

#include <glib.h>

KnownProgram *known_program_new(
        uint32_t id,
        const char *name,
        const char *object,
        const char *object_id
) {
        KnownProgram *program = g_new0(KnownProgram, 1);

        program->references = 1;
        program->fd = -EBADF;
        program->id = id;
        program->name = g_strdup(name);
        program->object = g_strdup(object);
        program->object_id = g_strdup(object_id);
        return program;
}

static void assign(char **field, const char *text) {
        char *copy = g_strdup(text); /* before the release: text may be the field's own */

        g_free(*field);
        *field = copy;
}

void known_program_describe(
        KnownProgram *program,
        const char *name,
        const char *object,
        const char *object_id
) {
        assign(&program->name, name);
        assign(&program->object, object);
        assign(&program->object_id, object_id);
}

KnownProgram *known_program_ref(KnownProgram *program) {
        if (program)
                program->references++;
        return program;
}

KnownProgram *known_program_unref(KnownProgram *program) {
        if (!program || --program->references > 0)
                return NULL;
        g_free(program->name);
        g_free(program->object);
        g_free(program->object_id);
        g_free(program);
        return NULL;
}
