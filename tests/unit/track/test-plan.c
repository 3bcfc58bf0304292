/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Each case is a line of words for what is wanted, present and known, and one for the plan. A wanted line: HOOK MODE
 * PROGRAM VERSION plus flags; a present one the same with its state; the plan: kind of each operation. */

#include <string.h>

#include "src/base/text.h"
#include "src/track/plan.h"
#include "tests/unit/check-main.h"

#define LINES_MAX 4

typedef struct Line {
        Hook hook;
        AttachMode mode;
        const char *program; /* NULL: no line */
        const char *version;
        Via via;
        const char *error; /* wanted: a failed line */
        bool absent, takeover, no_repair;
        Policy policy;
        AttachmentState state; /* present */
} Line;

#define MULTI(program_, version_)                                                     \
        {                                                                             \
                HOOK_EGRESS, ATTACH_MULTI, program_, version_, VIA_CGROUP_LINK, NULL, \
                        .state = ATTACHMENT_ATTACHED                                  \
        }
#define SINGLE(mode_, program_, version_)                                        \
        {                                                                        \
                HOOK_EGRESS, mode_, program_, version_, VIA_CGROUP_LEGACY, NULL, \
                        .state = ATTACHMENT_ATTACHED                             \
        }

typedef struct Case {
        const char *name;
        Line wanted[LINES_MAX], present[LINES_MAX];
        HookFacts facts; /* of egress */
        bool no_links;
        const char *plan; /* kinds, with the index of the present one: "keep:0 attach detach:1" */
        const char *reason; /* part of the first reason */
} Case;

static const Case cases[] = {
        { "nothing", {}, {}, .plan = "" },
        { "new line", { MULTI("a", "1") }, {}, .plan = "attach" },
        { "in force", { MULTI("a", "1") }, { MULTI("a", "1") }, .plan = "keep:0" },
        { "new version is put in place",
          { MULTI("a", "2") },
          { MULTI("a", "1") },
          .plan = "replace:0" },
        { "no line wants it",
          {},
          { MULTI("a", "1") },
          .plan = "detach:0",
          .reason = "no line wants it" },
        { "equal first, whatever the order",
          { MULTI("b", "1"), MULTI("a", "1") },
          { MULTI("a", "1"), MULTI("b", "1") },
          .plan = "keep:1 keep:0" },
        { "very program first, then the line",
          { MULTI("a", "2") },
          { MULTI("a", "1"), MULTI("a", "2") },
          .plan = "keep:1 detach:0" },
        { "the rest pairs up in file order",
          { MULTI("x", "1"), MULTI("b", "1"), MULTI("y", "1") },
          { MULTI("a", "1"), MULTI("b", "1"), MULTI("c", "1") },
          .plan = "replace:0 keep:1 replace:2" },
        { "pairs are made within a hook",
          { { HOOK_INGRESS, ATTACH_MULTI, "a", "1", VIA_CGROUP_LINK } },
          { MULTI("a", "1") },
          .plan = "attach detach:0" },
        { "more lines than before",
          { MULTI("x", "1"), MULTI("y", "1") },
          { MULTI("a", "1") },
          .plan = "replace:0 attach" },
        { "fewer lines than before",
          { MULTI("x", "1") },
          { MULTI("a", "1"), MULTI("b", "1") },
          .plan = "replace:0 detach:1" },
        { "other mechanism is made anew",
          { { HOOK_EGRESS, ATTACH_MULTI, "a", "1", VIA_CGROUP_LEGACY } },
          { MULTI("a", "1") },
          .plan = "remake:0" },
        { "without links everything goes by PROG_ATTACH",
          { MULTI("a", "1") },
          { { HOOK_EGRESS, ATTACH_MULTI, "a", "1", VIA_CGROUP_LEGACY,
              .state = ATTACHMENT_ATTACHED } },
          .no_links = true,
          .plan = "keep:0" },
        { "mode change has a gap",
          { SINGLE(ATTACH_EXCLUSIVE, "a", "1") },
          { SINGLE(ATTACH_OVERRIDE, "a", "1") },
          .plan = "conflict:0",
          .reason = "restart the unit" },
        { "multi to exclusive has a gap",
          { SINGLE(ATTACH_EXCLUSIVE, "a", "1") },
          { MULTI("a", "1") },
          .plan = "conflict:0",
          .reason = "without a gap is impossible" },
        /* L6 */
        { "our own exclusive one is replaced in its mode",
          { MULTI("a", "2") },
          { SINGLE(ATTACH_EXCLUSIVE, "a", "1") },
          .plan = "replace:0" },
        { "and kept if it is the one",
          { MULTI("a", "1") },
          { SINGLE(ATTACH_EXCLUSIVE, "a", "1") },
          .plan = "keep:0" },
        { "foreign exclusive program and a multi line",
          { MULTI("a", "1") },
          {},
          .facts = { .known = true, .n_programs = 1, .foreign_prog_id = 77 },
          .plan = "conflict",
          .reason = "program 77 of somebody else is attached to egress in exclusive mode" },
        { "foreign override program would be displaced",
          { SINGLE(ATTACH_OVERRIDE, "a", "1") },
          {},
          .facts = { .known = true, .mode_flags = 1, .n_programs = 1, .foreign_prog_id = 77 },
          .plan = "conflict",
          .reason = "takeover permits" },
        { "takeover",
          { { HOOK_EGRESS, ATTACH_OVERRIDE, "a", "1", VIA_CGROUP_LEGACY, .takeover = true } },
          {},
          .facts = { .known = true, .mode_flags = 1, .n_programs = 1, .foreign_prog_id = 77 },
          .plan = "attach" },
        { "foreign multi programs are no obstacle to multi",
          { MULTI("a", "1") },
          {},
          .facts = { .known = true, .mode_flags = 2, .n_programs = 3, .foreign_prog_id = 77 },
          .plan = "attach" },
        { "but to exclusive",
          { SINGLE(ATTACH_EXCLUSIVE, "a", "1") },
          {},
          .facts = { .known = true, .mode_flags = 2, .n_programs = 3, .foreign_prog_id = 77 },
          .plan = "conflict",
          .reason = "does not go with exclusive" },
        { "two lines for one exclusive place",
          { SINGLE(ATTACH_EXCLUSIVE, "a", "1"), SINGLE(ATTACH_EXCLUSIVE, "b", "1") },
          {},
          .facts = { .known = true },
          .plan = "attach conflict",
          .reason = "another line of the unit" },
        { "a second line beside our own exclusive one",
          { SINGLE(ATTACH_EXCLUSIVE, "a", "1"), SINGLE(ATTACH_EXCLUSIVE, "b", "1") },
          { SINGLE(ATTACH_EXCLUSIVE, "a", "1") },
          .facts = { .known = true, .n_programs = 1 },
          .plan = "keep:0 conflict",
          .reason = "our own program of another line" },
        /* K3 */
        { "exclusive ancestor",
          { MULTI("a", "1") },
          {},
          .facts = { .known = true, .blocker = "/cg/above", .blocker_prog_id = 5 },
          .plan = "conflict",
          .reason = "cgroup '/cg/above' above has program 5 attached to egress in exclusive mode" },
        /* K5 */
        { "full list",
          { MULTI("a", "1") },
          {},
          .facts = { .known = true, .mode_flags = 2, .n_programs = 64 },
          .plan = "conflict",
          .reason = "no more than 64" },
        { "the last place, once",
          { MULTI("a", "1"), MULTI("b", "1") },
          {},
          .facts = { .known = true, .mode_flags = 2, .n_programs = 63 },
          .plan = "attach conflict",
          .reason = "64 programs are attached" },
        { "failed line keeps the old",
          { { HOOK_EGRESS, .program = "a", .error = "no such file" } },
          { MULTI("a", "1") },
          .plan = "retain:0",
          .reason = "no such file" },
        { "unreadable line keeps all",
          { { _HOOK_INVALID, .program = "a", .error = "no such hook" } },
          { MULTI("a", "1"), MULTI("b", "1") },
          .plan = "retain:0 retain:1",
          .reason = "no such hook" },
        { "failed line without an old one",
          { { HOOK_EGRESS, .program = "a", .error = "broken" } },
          {},
          .plan = "fail",
          .reason = "broken" },
        { "optional and absent",
          { { HOOK_EGRESS, .program = "a", .error = "no file", .absent = true,
              .policy = POLICY_OPTIONAL } },
          {},
          .plan = "skip",
          .reason = "no file" },
        { "optional but broken",
          { { HOOK_EGRESS, .program = "a", .error = "bad ELF", .policy = POLICY_OPTIONAL } },
          {},
          .plan = "fail" },
        { "wanted and absent",
          { { HOOK_EGRESS, .program = "a", .error = "no file", .absent = true,
              .policy = POLICY_WANTED } },
          {},
          .plan = "fail" },
        { "held off, whatever the files say",
          { MULTI("a", "2") },
          { { HOOK_EGRESS, ATTACH_MULTI, "a", "1", VIA_CGROUP_LINK, .state = ATTACHMENT_HELD_OFF } },
          .plan = "keep:0" },
        { "drift is repaired",
          { MULTI("a", "1") },
          { { HOOK_EGRESS, ATTACH_MULTI, "a", "1", VIA_CGROUP_LINK, .state = ATTACHMENT_DRIFTED } },
          .plan = "replace:0" },
        { "detached by force: made anew",
          { MULTI("a", "1") },
          { { HOOK_EGRESS, ATTACH_MULTI, "a", "1", VIA_CGROUP_LINK, .state = ATTACHMENT_DEFUNCT } },
          .plan = "remake:0" },
        { "drift that shall not be repaired is shown",
          { { HOOK_EGRESS, ATTACH_MULTI, "a", "1", VIA_CGROUP_LINK, .no_repair = true } },
          { { HOOK_EGRESS, ATTACH_MULTI, "a", "1", VIA_CGROUP_LINK, .state = ATTACHMENT_DRIFTED } },
          .plan = "keep:0" },
        { "hook that is none of cgroups",
          { { HOOK_XDP, ATTACH_MULTI, "a", "1", VIA_XDP_LINK } },
          {},
          .plan = "fail",
          .reason = "not supported by this build" },
};

static size_t make_wanted(const Case *c, Target *targets, const char **ids) {
        size_t n = 0;

        for (; n < LINES_MAX && c->wanted[n].program; n++) {
                const Line *line = &c->wanted[n];

                targets[n] = (Target){
                        .hook = line->hook,
                        .mode = line->mode,
                        .via = line->via,
                        .policy = line->policy,
                        .path = (char *)"/o",
                        .program = (char *)line->program,
                        .error = (char *)line->error,
                        .absent = line->absent,
                        .takeover = line->takeover,
                        .repair = !line->no_repair,
                        .fd = -1,
                };
                ids[n] = line->version;
        }
        return n;
}

static size_t make_present(const Case *c, Attachment **present) {
        size_t n = 0;

        for (; n < LINES_MAX && c->present[n].program; n++) {
                const Line *line = &c->present[n];

                present[n] = attachment_new();
                present[n]->id = n + 1;
                present[n]->hook = line->hook;
                present[n]->mode = line->mode;
                present[n]->via = line->via;
                present[n]->state = line->state;
                present[n]->program = known_program_new(
                        (uint32_t)n + 10, line->program, "/o", line->version
                );
        }
        return n;
}

static char *in_words(const PlanInput *input, const Operation *operations, size_t n) {
        char *words = strdup("");

        for (size_t i = 0; i < n; i++) {
                const char *kind = operation_kind_to_string(operations[i].kind);
                size_t k = 0;
                char *more;

                while (operations[i].present && input->present[k] != operations[i].present)
                        k++;
                more = operations[i].present
                               ? text_format("%s%s%s:%zu", words, i ? " " : "", kind, k)
                               : text_format("%s%s%s", words, i ? " " : "", kind);
                free(words);
                words = more;
        }
        return words;
}

static const char *first_reason(const Operation *operations, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (operations[i].reason)
                        return operations[i].reason;
        return "";
}

static void try(const Case *c) {
        Target targets[LINES_MAX];
        const char *ids[LINES_MAX];
        Attachment *present[LINES_MAX];
        PlanInput input = {
                .wanted = targets,
                .object_ids = ids,
                .present = present,
                .n_wanted = make_wanted(c, targets, ids),
                .n_present = make_present(c, present),
                .facts = { [HOOK_EGRESS] = c->facts },
                .has_links = !c->no_links,
        };
        _cleanup_free_ char *words = NULL;
        Operation *operations;
        size_t n;

        plan_make(&input, &operations, &n);
        words = in_words(&input, operations, n);
        ck_assert_msg(strcmp(words, c->plan) == 0, "%s: %s", c->name, words);
        if (c->reason)
                ck_assert_msg(
                        strstr(first_reason(operations, n), c->reason), "%s: %s", c->name,
                        first_reason(operations, n)
                );
        plan_free(operations, n);
        for (size_t i = 0; i < input.n_present; i++)
                attachment_free(present[i]);
}

START_TEST(every_case_gives_its_plan)
{
        for (size_t i = 0; i < ELEMENTS(cases); i++)
                try(&cases[i]);
}
END_TEST

START_TEST(names_of_operations_go_both_ways)
{
        for (int i = 0; i < _OPERATION_KIND_MAX; i++)
                ck_assert_int_eq(
                        operation_kind_from_string(operation_kind_to_string((OperationKind)i)), i
                );
}
END_TEST

CHECK_MAIN("track/plan", 10, every_case_gives_its_plan, names_of_operations_go_both_ways)
