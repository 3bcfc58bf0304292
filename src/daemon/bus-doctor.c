/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Doctor(): what the daemon stands on, check by check, in words for whoever has to mend it. "bad" is what takes away
 * a promise, "warning" what may, "absent" a thing this kernel cannot do and what is done in its place. */

#include <inttypes.h>
#include <string.h>
#include <sys/utsname.h>

#include "bpf/bpffs.h"
#include "bpf/probe.h"
#include "src/base/cleanup.h"
#include "src/daemon/bus-dict.h"
#include "src/daemon/bus-manager.h"
#include "src/daemon/lease.h"

typedef struct Check {
        const char *check, *result, *detail, *advice;
} Check;

#define CHECK_FIELD(key, member) \
        { .name = key, .kind = FIELD_TEXT, .offset = offsetof(Check, member) }

static const Field check_field_rows[] = {
        CHECK_FIELD("Check", check),
        CHECK_FIELD("Result", result),
        CHECK_FIELD("Detail", detail),
        CHECK_FIELD("Advice", advice),
};

static const FieldTable check_fields = { check_field_rows, ELEMENTS(check_field_rows) };

static int append_check(sd_bus_message *reply, const Check *check) {
        return dict_append_row(reply, &check_fields, check);
}

/* Why units come from where they come from, as settings.c decided. */
static const char *source_reason(const Daemon *daemon) {
        const char *option = daemon->options.source;

        if (option && strcmp(option, "auto") != 0)
                return "as --source= says";
        if (!option && daemon->config.source != SOURCE_AUTO)
                return "as unitbpfd.conf says";
        if (daemon->source_kind == SOURCE_SYSTEMD)
                return "/run/systemd/system is there, so systemd is the service manager";
        if (daemon->options.cgroup_root || daemon->config.cgroup_root)
                return "since a cgroup root of its own is given";
        return "embedded: there is no /run/systemd/system, so systemd is not the service manager";
}

static int check_source(const Daemon *daemon, sd_bus_message *reply) {
        g_autofree char *detail = g_strdup_printf(
                "%s, %s", source_kind_to_string(daemon->source_kind), source_reason(daemon)
        );
        const Check source = { "unit source", "ok", detail, NULL };
        const Check cgroup = { "control groups", "ok", daemon->cgroup_root, NULL };
        int r = append_check(reply, &source);

        return r < 0 ? r : append_check(reply, &cgroup);
}

static int check_bpffs(const Daemon *daemon, sd_bus_message *reply) {
        g_autofree char *detail = NULL;
        BpffsReport report = {};
        Check check = { .check = "BPF file system" };
        int r;

        if (!daemon->pin_directory) {
                check.result = "bad";
                check.detail = "none: programs are lost if unitbpfd is killed";
                check.advice = "mount one ('mount -t bpf bpf /sys/fs/bpf') and restart unitbpfd";
                return append_check(reply, &check);
        }
        r = bpffs_examine(daemon->bpffs, &report);
        if (r < 0) {
                detail = g_strdup_printf("'%s': %s", daemon->bpffs, strerror(-r));
                check.result = "bad";
                check.detail = detail;
                check.advice = "mount it again ('mount -t bpf bpf DIRECTORY') and restart unitbpfd";
                return append_check(reply, &check);
        }
        detail = g_strdup_printf(
                "bpffs on '%s', device %" PRIu64 "%s", daemon->bpffs, report.device,
                report.pid1_differs ? ", which is not what process 1 sees there" : ""
        );
        check.result = report.pid1_differs ? "warning" : "ok";
        check.detail = detail;
        if (report.pid1_differs)
                check.advice =
                        "pins go with this mount namespace: start unitbpfd in that of process 1";
        r = append_check(reply, &check);
        bpffs_report_done(&report);
        return r;
}

static const struct {
        const char *check, *present, *absent;
} feature_texts[_FEATURE_MAX] = {
        [FEATURE_CGROUP_LINK] = {
                "links on cgroups",
                "programs are attached by links",
                "programs are attached without links, as via=legacy",
        },
        [FEATURE_LINK_DETACH] = {
                "detaching of links",
                "a link is detached at once",
                "a link is detached when its last holder closes it",
        },
        [FEATURE_REPLACE] = {
                "replacing in place",
                "multi programs without a link are replaced in place",
                "the new one of two multi programs runs beside the old one for a moment",
        },
        [FEATURE_REVISION] = {
                "list revisions",
                "a change by somebody else between look and attach is noticed",
                "others are looked for just before an attach, not during it",
        },
        [FEATURE_PREORDER] = {
                "preorder",
                "a program can run before those of units further in",
                "programs of units further in always run first",
        },
        [FEATURE_TCX] = {
                "links on interfaces",
                "tcx is there",
                "there is no tcx, interfaces take filters (tc) only",
        },
        [FEATURE_PREORDER_UPDATE] = {
                "update beside preorder",
                "a program is replaced in place beside preorder ones, too",
                "a program is replaced by a new one, not in place, where preorder ones are",
        },
};

static int check_kernel(sd_bus_message *reply) {
        struct utsname name;
        Check kernel = { .check = "kernel" };
        bool good;
        int r;

        (void)uname(&name); /* cannot fail */
        good = probe_release_updates_preorder(name.release);
        kernel.result = good ? "ok" : "warning";
        kernel.detail = name.release;
        if (!good)
                kernel.advice = "this release swaps wrong programs where preorder ones are attached "
                                "(CVE-2026-72427): boot a later one of its series";
        r = append_check(reply, &kernel);
        for (unsigned i = 0; r >= 0 && i < _FEATURE_MAX; i++) {
                bool present = probe_feature((Feature)i);
                const Check feature = {
                        .check = feature_texts[i].check,
                        .result = present ? "ok" : "absent",
                        .detail = present ? feature_texts[i].present : feature_texts[i].absent,
                };

                r = append_check(reply, &feature);
        }
        return r;
}

static const char *attachments_advice(size_t lost, unsigned broken, unsigned quarantined) {
        if (lost > 0)
                return "unitbpfd looks for itself from time to time; 'unitbpfctl attach UNIT' looks "
                       "and repairs now";
        if (broken > 0)
                return "'unitbpfctl list' shows them, 'unitbpfctl status UNIT' why; 'unitbpfctl "
                       "attach UNIT' tries again";
        if (quarantined > 0)
                return "'unitbpfctl list' shows them; 'unitbpfctl detach ID' lets go of what "
                       "protects nothing any more";
        return NULL;
}

/* Only told: the daemon's own look, or the operator's attach, repairs. */
static int check_attachments(const Daemon *daemon, sd_bus_message *reply) {
        g_autofree char *detail = NULL;
        size_t lost = tracker_count_lost(daemon->tracker);
        AttachmentView view;
        unsigned quarantined = 0, broken = 0;
        Check check = { .check = "attachments" };

        for (size_t i = 0; tracker_get_attachment(daemon->tracker, i, &view); i++) {
                quarantined += view.state == ATTACHMENT_QUARANTINED;
                broken += view.state == ATTACHMENT_DRIFTED || view.state == ATTACHMENT_FAILED;
        }
        detail = g_strdup_printf(
                "%zu, of these %zu not in the kernel as recorded, %u quarantined, %u not in force; "
                "%zu leases",
                tracker_n_attachments(daemon->tracker), lost, quarantined, broken,
                lease_count(daemon->leases)
        );
        check.detail = detail;
        check.advice = attachments_advice(lost, broken, quarantined);
        check.result = check.advice ? "warning" : "ok";
        return append_check(reply, &check);
}

static int check_state(const Daemon *daemon, sd_bus_message *reply) {
        static const Check read_only = {
                "state text",
                "bad",
                "written by a newer version",
                "start that version again; nothing is changed until then",
        };
        int r = check_attachments(daemon, reply);

        if (r >= 0 && tracker_is_read_only(daemon->tracker))
                r = append_check(reply, &read_only);
        for (const char *const *text = tracker_restore_messages(daemon->tracker);
             r >= 0 && text && *text; text++) {
                const Check message = {
                        "last restore",
                        "warning",
                        *text,
                        "compare 'unitbpfctl list' with 'unitbpfctl tree'; it is said until "
                        "unitbpfd starts anew",
                };

                r = append_check(reply, &message);
        }
        return r;
}

static int append_checks(BusConnection *connection, sd_bus_message *reply) {
        const Daemon *daemon = connection->daemon;
        int r = check_source(daemon, reply);

        if (r >= 0)
                r = check_bpffs(daemon, reply);
        if (r >= 0)
                r = check_kernel(reply);
        return r < 0 ? r : check_state(daemon, reply);
}

int bus_doctor(BusConnection *connection, sd_bus_message *message, Diag *diag) {
        return bus_reply_array(connection, message, append_checks);
}
