/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/daemon/settings.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "src/base/log.h"
#include "src/daemon/version.h"

#define CONFIG_NAME "unitbpf/unitbpfd.conf"

static void read_files(const Daemon *daemon, const Config *previous, Config *ret) {
        static const char *const installed[] = {
                UNITBPF_SYSCONFDIR "/" CONFIG_NAME ".d",
                "/run/" CONFIG_NAME ".d",
                "/usr/lib/" CONFIG_NAME ".d",
                NULL,
        };
        g_autoptr(GPtrArray) messages = g_ptr_array_new_with_free_func(g_free);
        g_autofree char *beside = g_strdup_printf("%s.d", daemon->options.config);
        const char *const own[] = { beside, NULL };
        const ConfigPlaces places = {
                .file = daemon->options.config ? daemon->options.config
                                               : UNITBPF_SYSCONFDIR "/" CONFIG_NAME,
                .dropin_directories = daemon->options.config ? own : installed,
                .trust = true,
        };

        config_load(&places, previous, ret, messages);
        for (unsigned i = 0; i < messages->len; i++)
                log_warning("%s", (const char *)messages->pdata[i]);
}

static void put_in_force(Daemon *daemon) {
        const Options *options = &daemon->options;
        char **path = options->unit_path ? options->unit_path : daemon->config.unit_path;

        log_set_max_level(options->log_level >= 0 ? options->log_level : daemon->config.log_level);
        g_strfreev(daemon->unit_context.search_path);
        daemon->unit_context.search_path = path ? g_strdupv(path) : unit_search_path_default();
        daemon->unit_context.trust = true;
}

static int choose_source(Daemon *daemon, Diag *diag) {
        SourceKind source = daemon->config.source;

        if (daemon->options.source)
                source = source_kind_from_string(daemon->options.source);
        if (source < 0)
                return diag_fail(
                        diag, -EINVAL, "unknown unit source '%s', must be auto, systemd or cgroup",
                        daemon->options.source
                );
        /* as sd_booted() has it; a root of one's own is one beside that of the service manager */
        if (source == SOURCE_AUTO)
                source = access("/run/systemd/system/", F_OK) >= 0 &&
                                         !daemon->options.cgroup_root && !daemon->config.cgroup_root
                                 ? SOURCE_SYSTEMD
                                 : SOURCE_CGROUP;
        daemon->source_kind = source;
        return 0;
}

int settings_load(Daemon *daemon, Diag *diag) {
        const char *file = daemon->options.config;

        /* the usual file need not be there, one that was named must */
        if (file && access(file, R_OK) < 0)
                log_warning(
                        "cannot read configuration file '%s': %s, going by defaults", file,
                        strerror(errno)
                );
        read_files(daemon, NULL, &daemon->config);
        put_in_force(daemon);
        return choose_source(daemon, diag);
}

void settings_reload(Daemon *daemon) {
        Config config;

        read_files(daemon, &daemon->config, &config);
        config_done(&daemon->config);
        daemon->config = config;
        put_in_force(daemon);
}
