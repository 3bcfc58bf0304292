/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "bpf/object-messages.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "src/base/text.h"

#define MESSAGES_MAX (256U * 1024U)

static _Thread_local Messages *catching;
_printf_(2, 0) static _Thread_local libbpf_print_fn_t before; /* what printed before us */

static void append(Messages *messages, const char *line) {
        size_t n = strlen(line);
        char *longer;

        if (messages->size + n > MESSAGES_MAX)
                return; /* the first ones are the cause, the rest is echo */
        longer = realloc(messages->text, messages->size + n + 1);
        if (!longer)
                return;
        (void)memcpy(longer + messages->size, line, n + 1);
        messages->text = longer;
        messages->size += n;
}

/* "prog 'NAME': BPF program load failed: ..." */
static void note_program(Messages *messages, const char *line) {
        const char *name = text_after_prefix(line, "prog '");
        const char *end = name ? strchr(name, '\'') : NULL;

        if (end && text_after_prefix(end, "': BPF program load failed") &&
            (size_t)(end - name) < sizeof messages->program)
                (void)snprintf(
                        messages->program, sizeof messages->program, "%.*s", (int)(end - name), name
                );
}

/* libbpf's type of print functions does not say that they take a format. */
#ifndef __clang__
#        pragma GCC diagnostic ignored "-Wsuggest-attribute=format"
#endif
_printf_(2, 0) static int keep(enum libbpf_print_level level, const char *format, va_list arguments) {
        _cleanup_free_ char *line = NULL;
        const char *text;

        if (level == LIBBPF_DEBUG || !catching)
                return 0;
        if (vasprintf(&line, format, arguments) < 0) {
                line = NULL;
                return 0;
        }
        text = text_after_prefix(line, "libbpf: ") ?: line;
        note_program(catching, text);
        append(catching, text);
        return 0;
}

void messages_begin(Messages *messages) {
        assert(!catching);
        *messages = (Messages){};
        catching = messages;
        before = libbpf_set_print(keep);
}

void messages_end(Messages *messages) {
        if (catching != messages)
                return;
        (void)libbpf_set_print(before);
        catching = NULL;
        free(messages->text);
        *messages = (Messages){};
}

char *messages_first(const Messages *messages) {
        return messages->text ? strndup(messages->text, strcspn(messages->text, "\n")) : NULL;
}
