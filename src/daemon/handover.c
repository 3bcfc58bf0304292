/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/daemon/handover.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "serialize/reader.h"
#include "src/base/text.h"

#define STATE_VERSION 1U
#define SOCKET_KEY    "socket="
#define END_KEY       "end="

/* Where the last line begins, which must be end=N, and N. */
static int find_end(const char *text, size_t size, size_t *ret_start, uint64_t *ret_count) {
        g_autofree char *number = NULL;
        const char *newline;
        size_t start;

        if (size == 0 || text[size - 1] != '\n')
                return -EBADMSG;
        newline = memrchr(text, '\n', size - 1);
        start = newline ? (size_t)(newline - text) + 1 : 0;
        if (size - start <= strlen(END_KEY) + 1 ||
            memcmp(text + start, END_KEY, strlen(END_KEY)) != 0)
                return -EBADMSG;
        number = g_strndup(text + start + strlen(END_KEY), size - 1 - start - strlen(END_KEY));
        if (text_to_u64(number, ret_count) < 0)
                return -EBADMSG;
        *ret_start = start;
        return 0;
}

int handover_join(
        const char *state,
        size_t size,
        const HandoverSocket *sockets,
        size_t n,
        char **ret,
        size_t *ret_size
) {
        g_autoptr(GString) text = NULL;
        size_t end;
        uint64_t count;
        int r = find_end(state, size, &end, &count);

        if (r < 0)
                return r;
        text = g_string_new_len(state, (gssize)end);
        for (size_t i = 0; i < n; i++)
                g_string_append_printf(text, SOCKET_KEY "%d %s\n", sockets[i].fd, sockets[i].name);
        g_string_append_printf(text, END_KEY "%" PRIu64 "\n", count + n);
        *ret_size = text->len;
        *ret = g_string_free(g_steal_pointer(&text), FALSE);
        return 0;
}

static int parse_socket(const char *line, HandoverSocket *ret) {
        g_auto(GStrv) words = g_strsplit(line + strlen(SOCKET_KEY), " ", -1);
        HandoverSocket handed = {};

        if (g_strv_length(words) != 2 || text_to_fd(words[0], &handed.fd) < 0 || handed.fd < 3 ||
            !*words[1] || strlen(words[1]) >= sizeof handed.name)
                return -EBADMSG;
        (void)strcpy(handed.name, words[1]); /* measured above */
        *ret = handed;
        return 0;
}

int handover_split(
        const char *text,
        size_t size,
        char **ret_state,
        size_t *ret_size,
        GArray **ret_sockets,
        Diag *diag
) {
        g_autoptr(GArray) sockets = g_array_new(FALSE, FALSE, sizeof(HandoverSocket));
        g_autoptr(GString) state = g_string_new(NULL);
        uint64_t count;
        size_t end;
        int r = find_end(text, size, &end, &count);

        if (r < 0)
                return diag_fail(diag, r, "the state text has no end");
        for (const char *line = text; line < text + end;) {
                const char *newline = memchr(line, '\n', (size_t)(text + size - line));
                size_t n = (size_t)(newline - line);

                if (g_str_has_prefix(line, SOCKET_KEY)) {
                        g_autofree char *copy = g_strndup(line, n);
                        HandoverSocket handed;

                        r = parse_socket(copy, &handed);
                        if (r < 0)
                                return diag_fail(diag, r, "malformed line '%s'", copy);
                        g_array_append_val(sockets, handed);
                } else
                        g_string_append_len(state, line, (gssize)n + 1);
                line = newline + 1;
        }
        if (sockets->len > count)
                return diag_fail(diag, -EBADMSG, "the state text has a wrong end");
        g_string_append_printf(state, END_KEY "%" PRIu64 "\n", count - sockets->len);
        *ret_size = state->len;
        *ret_state = g_string_free(g_steal_pointer(&state), FALSE);
        *ret_sockets = g_steal_pointer(&sockets);
        return 0;
}

static int check_records(Reader *reader, Diag *diag) {
        for (;;) {
                const Record *record;
                int r = reader_next(reader, &record, diag);

                if (r < 0)
                        return r;
                if (r == READER_TORN)
                        return diag_fail(
                                diag, -EBADMSG, "line %u is incomplete", reader_line(reader)
                        );
                if (r == READER_END)
                        return 0;
        }
}

int handover_check(const char *text, size_t size, Diag *diag) {
        _cleanup_(reader_free_ptr) Reader *reader = NULL;
        g_autofree char *state = NULL;
        g_autoptr(GArray) sockets = NULL;
        unsigned version;
        size_t state_size;
        int r = reader_new(text, size, 0, &reader);

        if (r < 0)
                return diag_errno(diag, r, "cannot read the state text");
        r = reader_header(reader, &version, diag);
        if (r < 0)
                return r;
        if (version != STATE_VERSION)
                return diag_fail(
                        diag, -EPROTONOSUPPORT,
                        "state text has version %u, this binary knows version %u", version,
                        STATE_VERSION
                );
        r = check_records(reader, diag);
        if (r < 0)
                return r;
        r = reader_complete(reader);
        if (r == 0)
                return diag_fail(diag, -EBADMSG, "the state text has no end");
        if (r < 0)
                return diag_fail(diag, r, "the state text is not complete");
        return handover_split(text, size, &state, &state_size, &sockets, diag);
}
