/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/daemon/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "src/base/log.h"
#include "src/daemon/version.h"

#define RUNTIME_DIRECTORY "/run/unitbpf"

typedef struct Words {
        char *unit_path, *log_level;
        gboolean version;
} Words;

static int finish_words(Options *options, const Words *words, Diag *diag) {
        options->log_level = -1;
        if (words->log_level) {
                options->log_level = log_level_from_string(words->log_level);
                if (options->log_level < 0)
                        return diag_fail(diag, -EINVAL, "'%s' is no log level", words->log_level);
        }
        if (words->unit_path)
                options->unit_path = g_strsplit(words->unit_path, ":", -1);
        for (char **path = options->unit_path; path && *path; path++)
                if (**path != '/')
                        return diag_fail(diag, -EINVAL, "unit path '%s' is not absolute", *path);
        if (!options->runtime_directory)
                options->runtime_directory = g_strdup(RUNTIME_DIRECTORY);
        if (options->runtime_directory[0] != '/')
                return diag_fail(
                        diag, -EINVAL, "runtime directory '%s' is not absolute",
                        options->runtime_directory
                );
        return OPTIONS_RUN;
}

static int parse(char ***argv, Options *options, Words *words, Diag *diag) {
        const GOptionEntry entries[] = {
                { "config", 0, 0, G_OPTION_ARG_FILENAME, &options->config, "Configuration file",
                  "FILE" },
                { "source", 0, 0, G_OPTION_ARG_STRING, &options->source,
                  "Where units come from: auto, cgroup", "SOURCE" },
                { "cgroup-root", 0, 0, G_OPTION_ARG_FILENAME, &options->cgroup_root,
                  "Cgroup whose children are units (default CGROUP2/unitbpf)", "DIR" },
                { "runtime-dir", 0, 0, G_OPTION_ARG_FILENAME, &options->runtime_directory,
                  "Sockets and state (default " RUNTIME_DIRECTORY ")", "DIR" },
                { "bpffs", 0, 0, G_OPTION_ARG_FILENAME, &options->bpffs,
                  "BPF file system to pin links in", "DIR" },
                { "unit-path", 0, 0, G_OPTION_ARG_STRING, &words->unit_path,
                  "Where unit files are, in place of the default", "DIR[:DIR...]" },
                { "log-level", 0, 0, G_OPTION_ARG_STRING, &words->log_level,
                  "Messages to write: debug .. emerg", "LEVEL" },
                { "exec-path", 0, 0, G_OPTION_ARG_FILENAME, &options->exec_path,
                  "Binary that a re-exec starts", "FILE" },
                { "check-state", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_INT,
                  &options->check_state_fd,
                  "Say whether the state text at this descriptor can be taken over", "FD" },
                { "state-fd", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_INT, &options->state_fd,
                  "State text of the process this one replaces", "FD" },
                { "version", 0, 0, G_OPTION_ARG_NONE, &words->version, "Print the version", NULL },
                {},
        };
        g_autoptr(GOptionContext) context = g_option_context_new("- BPF programs for units");
        g_autoptr(GError) error = NULL;

        g_option_context_add_main_entries(context, entries, NULL);
        if (!g_option_context_parse_strv(context, argv, &error))
                return diag_fail(diag, -EINVAL, "%s", error->message);
        if ((*argv)[0] && (*argv)[1])
                return diag_fail(diag, -EINVAL, "unexpected argument '%s'", (*argv)[1]);
        if (words->version) {
                (void
                )printf("unitbpfd %s\n", UNITBPF_VERSION); /* nobody to tell if stdout is gone */
                return OPTIONS_DONE;
        }
        return finish_words(options, words, diag);
}

int options_parse(int argc, char *const *argv, Options *ret, Diag *diag) {
        g_auto(GStrv) copy = g_new0(char *, (size_t)argc + 1);
        Options options = { .check_state_fd = -EBADF, .state_fd = -EBADF };
        Words words = {};
        int r;

        for (int i = 0; i < argc; i++)
                copy[i] = g_strdup(argv[i]);
        r = parse(&copy, &options, &words, diag);
        g_free(words.unit_path);
        g_free(words.log_level);
        if (r < 0) {
                options_done(&options);
                return r;
        }
        *ret = options;
        return r;
}

void options_done(Options *options) {
        g_free(options->config);
        g_free(options->source);
        g_free(options->cgroup_root);
        g_free(options->runtime_directory);
        g_free(options->bpffs);
        g_strfreev(options->unit_path);
        g_free(options->exec_path);
        *options = (Options){ .check_state_fd = -EBADF, .state_fd = -EBADF };
}
