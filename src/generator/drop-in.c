/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/generator/drop-in.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/file.h"
#include "src/base/limits.h"
#include "src/generator/paths.h"
#include "units/unit-name.h"

/* unitbpfd itself, and what must have been before it can start: the file system its programs are on, checked and
 * mounted, and the socket its messages go to. An order the other way round would be a cycle. */
static const char *const needed[] = {
        "unitbpfd.service",
        "systemd-journald.socket",
        "systemd-journald-dev-log.socket",
        "systemd-remount-fs.service",
        "systemd-fsck-root.service",
        "systemd-fsck@.service",
        "systemd-udevd.service",
        "systemd-udevd-control.socket",
        "systemd-udevd-kernel.socket",
        "systemd-udev-trigger.service",
        "systemd-udev-settle.service",
        "systemd-modules-load.service",
        "systemd-volatile-root.service",
        "systemd-cryptsetup@.service",
        "systemd-veritysetup@.service",
        "systemd-integritysetup@.service",
        "systemd-growfs@.service",
        "systemd-growfs-root.service",
        "systemd-makefs@.service",
        "systemd-mkswap@.service",
        "lvm2-monitor.service",
        "lvm2-lvmpolld.service",
        "lvm2-lvmpolld.socket",
        "dm-event.service",
        "dm-event.socket",
        "multipathd.service",
        "multipathd.socket",
        "mdadm.service",
        "kmod-static-nodes.service",
        NULL,
};

const char *const *drop_in_refused(void) {
        return needed;
}

const char *drop_in_refusal(const char *unit) {
        _cleanup_free_ char *template = unit_name_kind(unit) == UNIT_NAME_INSTANCE
                                                ? unit_name_template(unit)
                                                : NULL;

        for (size_t i = 0; needed[i]; i++)
                if (strcmp(unit, needed[i]) == 0 || (template && strcmp(template, needed[i]) == 0))
                        return i == 0 ? "it is unitbpfd itself"
                                      : "unitbpfd may need it in order to start";
        return NULL;
}

static void add_commands(GString *text, const char *key, HookCall call, const StartLines *lines) {
        /* the hook is put first by emptying the list; where the list is not known it stays as it is */
        if (!lines->unknown)
                g_string_append_printf(text, "%s=\n", key);
        g_string_append_printf(
                text, "%s=+%s --policy=%s", key, UNITBPF_HOOK,
                call.policy == HOOK_REQUIRED ? "required" : "wanted"
        );
        if (call.timeout_sec != LIMIT_ATTACH_TIMEOUT_SEC)
                g_string_append_printf(text, " --timeout=%u", call.timeout_sec);
        g_string_append(text, " %n\n");
        for (guint i = 0; i < lines->commands->len; i++)
                g_string_append_printf(text, "%s=%s\n", key, (char *)lines->commands->pdata[i]);
}

char *drop_in_text(const char *unit, HookCall call, const StartLines *lines) {
        bool socket = strcmp(unit, "socket") == 0 || g_str_has_suffix(unit, ".socket");
        GString *text = g_string_new("# Written by unitbpf-generator, see unitbpf-generator(8).\n"
                                     "[Unit]\n"
                                     "Wants=unitbpfd.service\n"
                                     "After=unitbpfd.service\n"
                                     "\n");

        g_string_append(text, socket ? "[Socket]\n" : "[Service]\n");
        add_commands(text, socket ? "ExecStartPre" : "ExecCondition", call, lines);
        if (lines->own_view) /* the hook and its socket are needed in there */
                g_string_append_printf(
                        text, "BindReadOnlyPaths=%s\nBindReadOnlyPaths=-%s\n", UNITBPF_HOOK,
                        UNITBPF_RUNTIME
                );
        return g_string_free(text, FALSE);
}

int drop_in_write(const char *directory, const char *unit, const char *text, Diag *diag) {
        g_autofree char *folder = g_strdup_printf("%s/%s.d", directory, unit);
        g_autofree char *path = g_build_filename(folder, DROP_IN_NAME, NULL);
        g_autoptr(GError) error = NULL;
        int r = file_make_directories(folder, 0755);

        if (r < 0)
                return diag_errno(diag, r, "cannot make '%s'", folder);
        if (!g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_NONE, 0644, &error))
                return diag_fail(diag, -EIO, "%s", error->message);
        return 0;
}
