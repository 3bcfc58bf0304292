/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The log is read from its end. It closes with statistics; the complaint stands before them, sometimes in two or three
 * lines, sometimes followed by the state of the registers. Before it is the instruction looked at last, and before
 * that, behind a ";", the source line. Nothing here depends on the wording of a complaint, since that changes with
 * the kernel; only what is certainly not one is left out. */

#include "bpf/verifier.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "src/base/text.h"

#define LOG_START_BYTES (64U * 1024U)
#define SOURCE_MAX      100 /* of a source line in the one-line message */

typedef struct Line {
        const char *text;
        int size;
} Line;

/* Moves *end to the beginning of the line before it. False at the start of the log. */
static bool line_before(const char *log, const char **end, Line *ret) {
        const char *last = *end, *begin;

        if (last == log)
                return false;
        if (last[-1] == '\n')
                last--;
        for (begin = last; begin > log && begin[-1] != '\n';)
                begin--;
        *end = begin;
        *ret = (Line){ .text = begin, .size = (int)(last - begin) };
        return true;
}

static bool line_begins(const Line *line, const char *prefix) {
        size_t n = strlen(prefix);

        return (size_t)line->size >= n && memcmp(line->text, prefix, n) == 0;
}

static size_t digits_at(const Line *line) {
        size_t n = 0;

        while (n < (size_t)line->size && isdigit((unsigned char)line->text[n]))
                n++;
        return n;
}

/* "12: (b7) r0 = 2" */
static bool line_is_instruction(const Line *line) {
        size_t n = digits_at(line);

        return n > 0 && (size_t)line->size > n + 3 && memcmp(line->text + n, ": (", 3) == 0;
}

/* Registers as of an instruction: "12: R0=...", "12: safe", or without a number behind a complaint. */
static bool line_is_state(const Line *line) {
        size_t n = digits_at(line);

        if (n > 0)
                return (size_t)line->size > n && line->text[n] == ':';
        return (line->size > 3 && line->text[0] == ' ' && strchr("RfcA", line->text[1]) != NULL &&
                memchr(line->text, '=', (size_t)line->size) != NULL) ||
               line_begins(line, "cur state:") || line_begins(line, "old state:") ||
               line_begins(line, "mark_precise:") || line_begins(line, "from ");
}

static bool line_is_statistics(const Line *line) {
        static const char *const beginnings[] = {
                "processed ",       "verification time ",   "stack depth ",
                "insns processed ", "max_states_per_insn ",
        };

        for (size_t i = 0; i < ELEMENTS(beginnings); i++)
                if (line_begins(line, beginnings[i]))
                        return true;
        return false;
}

static bool line_is_complaint(const Line *line) {
        return line->size > 0 && line->text[0] != ';' && !line_is_instruction(line) &&
               !line_is_state(line) && !line_is_statistics(line);
}

/* "; value = *p; @ count.bpf.c:20": splits off what is behind " @ ". */
static void split_source(Line *source, Line *ret_file) {
        source->text++;
        source->size--;
        while (source->size > 0 && isspace((unsigned char)*source->text)) {
                source->text++;
                source->size--;
        }
        for (int i = source->size - 3; i >= 0; i--)
                if (memcmp(source->text + i, " @ ", 3) == 0) {
                        *ret_file = (Line){ .text = source->text + i + 3,
                                            .size = source->size - i - 3 };
                        source->size = i;
                        return;
                }
}

static char *describe_source(Line source) {
        Line file = {};

        if (!source.text)
                return strdup("");
        split_source(&source, &file);
        if (source.size > SOURCE_MAX)
                source.size = SOURCE_MAX;
        return file.size > 0
                       ? text_format(
                                 " (%.*s `%.*s`)", file.size, file.text, source.size, source.text
                         )
                       : text_format(" (`%.*s`)", source.size, source.text);
}

char *verifier_condense(const char *log) {
        const char *end = log + strlen(log);
        Line line, complaint = {}, instruction = {}, source = {};
        _cleanup_free_ char *where = NULL;

        while (line_before(log, &end, &line)) {
                if (!complaint.text) {
                        if (line_is_complaint(&line))
                                complaint = line;
                } else if (!instruction.text && line_is_instruction(&line))
                        instruction = line;
                else if (line.size > 0 && line.text[0] == ';') {
                        source = line;
                        break;
                }
        }
        if (!complaint.text)
                return NULL;
        where = describe_source(source);
        if (!where)
                return NULL;
        if (!instruction.text)
                return text_format("%.*s%s", complaint.size, complaint.text, where);
        return text_format(
                "instruction %.*s%s: %.*s", (int)digits_at(&instruction), instruction.text, where,
                complaint.size, complaint.text
        );
}

bool verifier_log_grow(size_t *size) {
        size_t next = *size == 0 ? LOG_START_BYTES : *size * 8;

        if (*size >= LIMIT_VERIFIER_LOG_BYTES)
                return false;
        *size = next < LIMIT_VERIFIER_LOG_BYTES ? next : LIMIT_VERIFIER_LOG_BYTES;
        return true;
}

int verifier_explain(int error, const char *log, Diag *diag) {
        _cleanup_free_ char *condensed = *log ? verifier_condense(log) : NULL;

        if (condensed)
                (void)diag_fail(diag, error, "%s", condensed);
        if (*log)
                diag_detail(diag, log);
        return error;
}
