/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/cli/status.h"

#include <stdio.h>
#include <string.h>

#include "src/base/text.h"
#include "src/cli/answer.h"
#include "src/cli/exit-code.h"
#include "src/cli/human.h"
#include "src/cli/output.h"
#include "src/cli/screen.h"

#define INDENT       "                " /* under the values of screen_label() */
#define DETAIL_LINES 5U /* of a verifier log, without --full */

int status_exit_code(GVariant *unit) {
        const char *state = answer_text(unit, "State");

        if (text_equal(state, "covered"))
                return EXIT_DONE;
        return text_equal(state, "inactive") ? EXIT_NOT_ACTIVE : EXIT_FAILED;
}

static void print_head(GVariant *unit) {
        const char *state = answer_text(unit, "State");
        const char *colour = screen_colour(screen_state_colour(state));

        (void
        )printf("%s%s%s %s\n", colour, screen_bullet(state), screen_plain(),
                answer_text(unit, "Unit"));
}

static void print_files(GVariant *unit) {
        g_autofree const char **dropins = answer_list(unit, "Dropins");
        const char *fragment = answer_text(unit, "Fragment");

        screen_label("Unit file", fragment && *fragment ? fragment : "none");
        for (size_t i = 0; dropins && dropins[i]; i++)
                if (i == 0)
                        screen_label("Drop-ins", dropins[i]);
                else
                        (void)printf(INDENT "%s\n", dropins[i]);
}

static void print_state(GVariant *unit) {
        const char *state = answer_text(unit, "State");
        g_autofree char *ago = output_since(unit, "StateSinceUsec"), *stamp = NULL, *since = NULL;
        uint64_t usec;

        if (ago && answer_number(unit, "StateSinceUsec", &usec)) {
                stamp = human_timestamp(usec);
                since = g_strdup_printf(" since %s; %s", stamp, ago);
        }
        (void
        )printf("%14s: %s%s%s%s%s\n", "State", screen_colour(screen_state_colour(state)), state,
                screen_plain(), answer_flag(unit, "HeldOff") ? " (held off)" : "",
                since ? since : "");
}

static void print_refusal(GVariant *unit) {
        const char *text = answer_text(unit, "LastRefusal");
        g_autofree char *ago = output_since(unit, "LastRefusalUsec"), *line = NULL;

        if (!text || !*text)
                return;
        line = g_strdup_printf("refused %s: %s", ago ? ago : "", text);
        screen_label("Last start", line);
}

static void print_cgroup(GVariant *unit) {
        const char *cgroup = answer_text(unit, "Cgroup");
        g_autofree char *id = answer_words(unit, "CgroupId"), *text = NULL;

        if (!cgroup || !*cgroup)
                return;
        text = id ? g_strdup_printf("%s (id %s)", cgroup, id) : g_strdup(cgroup);
        screen_label("Invocation", answer_text(unit, "InvocationId"));
        screen_label("Cgroup", text);
        screen_label("From start", answer_flag(unit, "CoveredFromStart") ? "yes" : "no");
}

static void print_detail(const char *detail, bool full) {
        g_auto(GStrv) lines = NULL;
        g_autofree char *safe = screen_safe(detail);
        size_t n, first;

        if (!safe || !*safe)
                return;
        lines = g_strsplit(g_strchomp(safe), "\n", -1);
        n = g_strv_length(lines);
        first = full || n <= DETAIL_LINES ? 0 : n - DETAIL_LINES; /* the last ones tell the cause */
        if (first > 0)
                (void)printf(INDENT "    (%zu lines before these: --full shows them)\n", first);
        for (size_t i = first; i < n; i++)
                (void)printf(INDENT "    %s\n", lines[i]);
}

typedef struct StatusView {
        GVariant *unit;
        bool full;
} StatusView;

/* Is the error among the problems of the unit? It is not said twice then. */
static bool is_told(GVariant *unit, const char *error) {
        g_autofree const char **errors = answer_list(unit, "Errors");

        for (size_t i = 0; errors && errors[i]; i++)
                if (strstr(errors[i], error))
                        return true;
        return false;
}

/* "7 egress count (cgroup-link) attached since 5min ago, 1234 runs" */
static void print_attachment(GVariant *row, const char *label, const StatusView *view) {
        const char *state = answer_text(row, "State"), *via = answer_text(row, "Via");
        const char *hook = answer_text(row, "Hook"), *error = answer_text(row, "Error");
        g_autofree char *id = answer_words(row, "Id"), *program = output_program(row);
        g_autofree char *since = output_since(row, "SinceUsec");
        g_autofree char *runs = answer_words(row, "RunCount");
        g_autofree char *safe_program = screen_safe(program), *safe_error = screen_safe(error);

        (void
        )printf("%14s%s %s%s%s %s %s %s (%s) %s%s%s", label, *label ? ":" : " ",
                screen_colour(screen_state_colour(state)), screen_bullet(state), screen_plain(),
                id ? id : "-", hook ? hook : "?", safe_program, via && *via ? via : "not attached",
                screen_colour(screen_state_colour(state)), state ? state : "?", screen_plain());
        if (since)
                (void)printf(" since %s", since);
        if (runs)
                (void)printf(", %s runs", runs);
        (void)printf("\n");
        if (error && *error && !is_told(view->unit, error))
                (void)printf(INDENT "    %s\n", safe_error);
        if (error && *error)
                print_detail(answer_text(row, "Detail"), view->full);
}

static void print_attachments(GVariant *attachments, const StatusView *view) {
        if (answer_n(attachments) == 0)
                screen_label("Attachments", "none");
        for (size_t i = 0; i < answer_n(attachments); i++) {
                g_autoptr(GVariant) row = answer_row(attachments, i);

                print_attachment(row, i == 0 ? "Attachments" : "", view);
        }
}

static void print_problems(GVariant *unit) {
        g_autofree const char **errors = answer_list(unit, "Errors");
        const char *refusal = answer_text(unit, "LastRefusal");
        size_t n = 0;

        for (size_t i = 0; errors && errors[i]; i++) {
                g_autofree char *safe = screen_safe(errors[i]);

                if (refusal && *refusal && strstr(errors[i], refusal))
                        continue; /* is told as the last start */
                if (n++ == 0)
                        screen_label("Problems", errors[i]);
                else
                        (void)printf(INDENT "%s\n", safe);
        }
}

static bool has_state(GVariant *attachments, const char *state) {
        g_autoptr(GVariant) found = answer_filter(attachments, "State", state);

        return answer_n(found) > 0;
}

static void print_hints(GVariant *unit, GVariant *attachments) {
        const char *name = answer_text(unit, "Unit"), *state = answer_text(unit, "State");
        const char *refusal = answer_text(unit, "LastRefusal");
        bool running = !text_equal(state, "inactive");
        g_autofree const char **errors = answer_list(unit, "Errors");

        if (answer_flag(unit, "HeldOff")) {
                (void
                )printf("hint: it was detached; 'unitbpfctl attach %s' puts its programs back.\n",
                        name);
                return;
        }
        if (running && status_exit_code(unit) == EXIT_FAILED && errors && *errors)
                (void
                )printf("hint: mend the lines above, then 'unitbpfctl daemon-reload'; 'unitbpfctl "
                        "plan %s' shows what it would do.\n",
                        name);
        if (!running && refusal && *refusal)
                (void)printf("hint: mend what the last start was refused for, then start it again; "
                             "'unitbpfctl verify' checks a unit file.\n");
        if (has_state(attachments, "quarantined"))
                (void)printf("hint: what is quarantined may still protect something and is kept; "
                             "'unitbpfctl doctor' tells where it comes from.\n");
        if (running && answer_n(attachments) > 0 && !answer_flag(unit, "CoveredFromStart"))
                (void
                )printf("hint: it ran before all its programs were attached, or nobody saw that it "
                        "did not; a restart of the unit covers it from its first instruction.\n");
}

void status_print_unit(GVariant *unit, GVariant *attachments, bool full) {
        print_head(unit);
        print_files(unit);
        print_state(unit);
        print_refusal(unit);
        print_cgroup(unit);
        print_attachments(attachments, &(StatusView){ .unit = unit, .full = full });
        print_problems(unit);
        print_hints(unit, attachments);
}

static void print_sums(GVariant *manager, GVariant *attachments) {
        static const char *const states[] = { "attached", "pending",     "failed", "drifted",
                                              "held-off", "quarantined", "defunct" };
        g_autofree char *units = answer_words(manager, "NUnits");
        g_autofree char *degraded = answer_words(manager, "NDegraded"), *sum = NULL;
        GString *text = g_string_new(NULL);

        for (size_t i = 0; i < ELEMENTS(states); i++) {
                g_autoptr(GVariant) found = answer_filter(attachments, "State", states[i]);

                if (answer_n(found) > 0)
                        g_string_append_printf(
                                text, "%s%zu %s", text->len ? ", " : "", answer_n(found), states[i]
                        );
        }
        sum = g_strdup_printf("%s, %s not as their files say", units, degraded ? degraded : "0");
        screen_label("Units", units ? sum : NULL);
        screen_label("Attachments", text->len ? text->str : "none");
        (void)g_string_free(text, TRUE);
}

void status_print_manager(GVariant *manager, GVariant *attachments) {
        bool read_only = answer_flag(manager, "ReadOnly");
        uint64_t n = 0;
        bool degraded = answer_number(manager, "NDegraded", &n) && n > 0;
        const char *state = read_only ? "failed" : degraded ? "degraded" : "covered";
        g_autofree char *since = output_since(manager, "StartedUsec");
        g_autofree char *generation = answer_words(manager, "Generation");

        (void
        )printf("%s%s%s unitbpfd\n", screen_colour(screen_state_colour(state)),
                screen_bullet(state), screen_plain());
        (void
        )printf("%14s: %s%s%s%s%s\n", "State", screen_colour(screen_state_colour(state)),
                read_only  ? "read-only"
                : degraded ? "degraded"
                           : "running",
                screen_plain(), since ? " since " : "", since ? since : "");
        screen_label("Version", answer_text(manager, "Version"));
        screen_label("Source", answer_text(manager, "Source"));
        screen_label("Cgroup root", answer_text(manager, "CgroupRoot"));
        screen_label("Generation", generation);
        print_sums(manager, attachments);
        if (read_only)
                (void)printf("hint: it found a state it does not understand and changes nothing; "
                             "'unitbpfctl doctor' tells more.\n");
}
