/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* All verbs. The help, the check of arguments, "did you mean" and main() go by this table. */

#include "src/base/cleanup.h"
#include "src/base/text.h"
#include "src/cli/verb.h"

static const Verb verbs[] = {
        { "list", "[UNIT|PATTERN...]", "List attachments",
          "One line for each program attached, or wanted and failed. A bullet marks those not in force.",
          0, VERB_ANY_NUMBER, OPTION_JSON | OPTION_TYPE | OPTION_ALL | OPTION_BUS, true,
          verb_list },
        { "units", "[UNIT|PATTERN...]", "List units that have programs",
          "Inactive units without problems are shown with --all, or when they are named.\n"
          "JSON always has all.",
          0, VERB_ANY_NUMBER, OPTION_JSON | OPTION_TYPE | OPTION_ALL | OPTION_BUS, true,
          verb_units },
        { "status", "[UNIT|PATTERN...]", "Show whether units are covered, and why not",
          "Without a unit: the daemon, and all units that are not as their files say.\n"
          "Exit status: 0 covered, 1 degraded or failed, 3 known but not active, 4 no such unit;\n"
          "of several units the highest.",
          0, VERB_ANY_NUMBER,
          OPTION_JSON | OPTION_TYPE | OPTION_EFFECTIVE | OPTION_ALL | OPTION_BUS, true,
          verb_status },
        { "show", "[UNIT|ID...]", "Show properties of units, attachments or the daemon",
          "Key=value lines for programs and scripts; unset properties only with --all or -p.", 0,
          VERB_ANY_NUMBER, OPTION_JSON | OPTION_PROPERTY | OPTION_VALUE | OPTION_ALL | OPTION_BUS,
          true, verb_show },
        { "cat", "UNIT...", "Show the files of units", NULL, 1, VERB_ANY_NUMBER, 0, true,
          verb_cat },
        { "tree", "[CGROUP|UNIT]", "Show all programs on cgroups in effective order",
          "Ours and those of others, with owner, link, pin and the processes that hold them.", 0, 1,
          OPTION_JSON | OPTION_ALL | OPTION_BUS, true, verb_tree },
        { "maps", "UNIT", "Show the maps of a unit's programs and what is in them", NULL, 1, 1,
          OPTION_JSON | OPTION_BUS, true, verb_maps },
        { "attach", "UNIT...", "Attach the programs of units now",
          "Also ends what detach began: the unit is no longer held off.", 1, VERB_ANY_NUMBER,
          OPTION_BUS, false, verb_attach },
        { "detach", "UNIT|ID...|--all", "Let programs go",
          "A detached unit is held off until its next start or until attach.", 1, VERB_ANY_NUMBER,
          OPTION_ALL | OPTION_BUS, false, verb_detach },
        { "run", "[--] COMMAND [ARGUMENT...]",
          "Run a command with programs attached from its start",
          "The exit status is that of the command, 128 + N if signal N killed it; 127: there is no such\n"
          "command; 126: it cannot be executed; 125: unitbpfctl failed.",
          1, VERB_ANY_NUMBER, OPTION_RUN | OPTION_PROPERTY, false, verb_run },
        { "plan", "UNIT", "Show what an attach would do, and change nothing",
          "Exit status 1 if a step conflicts with what is there.", 1, 1, OPTION_JSON | OPTION_BUS,
          true, verb_plan },
        { "verify", "FILE|UNIT...", "Check unit files and the objects they name",
          "Needs neither privilege nor the daemon. Exit status 1 if there is a problem.", 1,
          VERB_ANY_NUMBER, OPTION_JSON, true, verb_verify },
        { "inspect", "OBJECT...", "Show programs, maps and variables of an object file",
          "Needs neither privilege nor the daemon.", 1, VERB_ANY_NUMBER, OPTION_JSON, true,
          verb_inspect },
        { "hooks", "[HOOK...]", "List the hooks programs can be attached to",
          "Whether this kernel supports them is known while the daemon runs.", 0, VERB_ANY_NUMBER,
          OPTION_JSON | OPTION_BUS, true, verb_hooks },
        { "monitor", NULL, "Print events as they happen", "With --json one object on each line.", 0,
          0, OPTION_JSON | OPTION_BUS, false, verb_monitor },
        { "adopt", "UNIT PROGRAM-ID", "Take over a program somebody else attached", NULL, 2, 2,
          OPTION_BUS, false, verb_adopt },
        { "doctor", NULL, "Examine kernel, file systems and state",
          "Exit status 1 if something is bad; warnings do not count.", 0, 0,
          OPTION_JSON | OPTION_BUS, true, verb_doctor },
        { "daemon-reload", NULL, "Have the daemon read all unit files again", NULL, 0, 0,
          OPTION_BUS, false, verb_daemon_reload },
        { "daemon-reexec", NULL, "Have the daemon replace its process, nothing is detached", NULL,
          0, 0, OPTION_BUS, false, verb_daemon_reexec },
        { "dump", NULL, "Print the state text of the daemon", NULL, 0, 0, OPTION_BUS, true,
          verb_dump },
        { "log-level", "[LEVEL]", "Show or set the level of the daemon's messages",
          "LEVEL: debug info notice warning err crit alert emerg.", 0, 1, OPTION_BUS, false,
          verb_log_level },
        { "help", "[VERB]", "Show this help, or that of a verb", NULL, 0, 1, 0, true, verb_help },
        { "version", NULL, "Show the version", NULL, 0, 0, 0, false, verb_version },
};

const Verb *verb_table(size_t *ret_n) {
        *ret_n = ELEMENTS(verbs);
        return verbs;
}

const Verb *verb_find(const char *name) {
        for (size_t i = 0; i < ELEMENTS(verbs); i++)
                if (text_equal(verbs[i].name, name))
                        return &verbs[i];
        return NULL;
}

const char *verb_nearest(const char *name) {
        const char *names[ELEMENTS(verbs) + 1] = {};

        for (size_t i = 0; i < ELEMENTS(verbs); i++)
                names[i] = verbs[i].name;
        return text_nearest(name, names);
}
