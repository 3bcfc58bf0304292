/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A server of org.unitbpf1 that answers with fixed dictionaries, and writes down what it was asked: for the failures
 * that a real daemon shows seldom (access denied, a refused re-exec, a connection that is cut, unknown words).
 *
 *     fake-daemon DIRECTORY MODE
 *
 * MODE is a comma list: denied (all changes), no-reexec (the new binary refuses), no-return (re-exec ends it), cut
 * (each call ends the connection), read-only, bare (dictionaries without keys). The calls are in DIRECTORY/calls. A
 * signal of each kind is sent on Subscribe. For StartTransient it opens the directory FAKE_CGROUP. */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <systemd/sd-id128.h>

#include "src/base/cleanup.h"

static const char *mode;
static FILE *calls;
static unsigned instance = 1;

static bool has_mode(const char *word) {
        return strstr(mode, word) != NULL;
}

static void note(const char *format, ...) _printf_(1, 2);

static void note(const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        (void)vfprintf(calls, format, arguments);
        va_end(arguments);
        (void)fputc('\n', calls);
        (void)fflush(calls);
}

#define ATTACHMENT                                                                                \
        15, "Id", "t", (uint64_t)7, "Unit", "s", "web.service", "InvocationId", "s", "9f0c",      \
                "Hook", "s", "egress", "Via", "s", "cgroup-link", "Flags", "as", 1, "multi",      \
                "CgroupId", "t", (uint64_t)4711, "Program", "s", "count", "ProgId", "t",          \
                (uint64_t)33, "LinkId", "t", (uint64_t)9, "State", "s", "attached",               \
                "CoveredFromStart", "b", 1, "Origin", "s", "/etc/web.service:3", "RunCount", "t", \
                (uint64_t)1234, "Users", "as", 1, "web.service"
#define FAILED_ATTACHMENT                                                                        \
        6, "Unit", "s", "bad.service", "Hook", "s", "ingress", "State", "s", "failed", "Origin", \
                "s", "/etc/bad.service:4", "Error", "s", "verifier says no", "Detail", "s",      \
                "one\ntwo\nthree\nfour\nfive\nsix\nseven \033[31mred"
#define UNIT                                                                                      \
        7, "Unit", "s", "web.service", "State", "s", "covered", "Cgroup", "s", "/cg/web.service", \
                "CgroupId", "t", (uint64_t)4711, "CoveredFromStart", "b", 1, "Attachments", "t",  \
                (uint64_t)1, "Fragment", "s", "/nonexistent/web.service"
#define BAD_UNIT                                                                                 \
        5, "Unit", "s", "bad.service", "State", "s", "failed", "Cgroup", "s", "/cg/bad.service", \
                "Errors", "as", 1, "/etc/bad.service:4: verifier says no", "HeldOff", "b", 0
#define IDLE_UNIT 2, "Unit", "s", "idle.service", "State", "s", "inactive"

static int on_list_attachments(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        if (has_mode("bare"))
                return sd_bus_reply_method_return(message, "aa{sv}", 2, 0, 0);
        return sd_bus_reply_method_return(message, "aa{sv}", 2, ATTACHMENT, FAILED_ATTACHMENT);
}

static int on_list_units(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        if (has_mode("bare"))
                return sd_bus_reply_method_return(message, "aa{sv}", 1, 0);
        return sd_bus_reply_method_return(message, "aa{sv}", 3, UNIT, BAD_UNIT, IDLE_UNIT);
}

static int on_get_unit(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        const char *name = "";

        (void)sd_bus_message_read(message, "s", &name);
        if (strcmp(name, "web.service") == 0)
                return sd_bus_reply_method_return(message, "a{sv}", UNIT);
        if (strcmp(name, "bad.service") == 0)
                return sd_bus_reply_method_return(message, "a{sv}", BAD_UNIT);
        if (strcmp(name, "idle.service") == 0)
                return sd_bus_reply_method_return(message, "a{sv}", IDLE_UNIT);
        return sd_bus_reply_method_errorf(
                message, "org.unitbpf1.Error.NoSuchUnit", "unit '%s' is not known", name
        );
}

static int on_tree(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        const char *argument = "";

        (void)sd_bus_message_read(message, "s", &argument);
        note("%s %s", sd_bus_message_get_member(message), argument);
        return sd_bus_reply_method_return(
                message, "aa{sv}", 3, 4, "Cgroup", "s", "/cg", "Hook", "s", "egress", "ProgId", "t",
                (uint64_t)5, "Owner", "s", "legacy", 5, "Cgroup", "s", "/cg/web.service", "Hook",
                "s", "egress", "ProgId", "t", (uint64_t)33, "Owner", "s", "unitbpf", "Holders",
                "as", 2, "unitbpfd[1]", "x[2]", 3, "Cgroup", "s", "/cg/web.service/deeper/leaf",
                "Hook", "s", "bind4", "Owner", "s", "link"
        );
}

static int on_plan(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        const char *unit = "";

        (void)sd_bus_message_read(message, "s", &unit);
        return sd_bus_reply_method_return(
                message, "aa{sv}", 1, 3, "Operation", "s",
                strcmp(unit, "web.service") == 0 ? "keep" : "conflict", "Hook", "s", "egress",
                "Conflict", "b", strcmp(unit, "web.service") != 0
        );
}

static int on_maps(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        return sd_bus_reply_method_return(
                message, "aa{sv}", 1, 4, "Name", "s", "traffic", "MapId", "t", (uint64_t)3,
                "Entries", "a(ss)", 1, "0", "{ .packets = 5 }", "Truncated", "b", 1
        );
}

static int on_doctor(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        return sd_bus_reply_method_return(
                message, "aa{sv}", 2, 3, "Check", "s", "cgroup", "Result", "s", "ok", "Detail", "s",
                "/cg", 3, "Check", "s", "bpffs", "Result", "s",
                has_mode("read-only") ? "bad" : "warning", "Advice", "s", "Mount it"
        );
}

static int on_hooks(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        return sd_bus_reply_method_return(
                message, "aa{sv}", 2, 2, "Hook", "s", "egress", "Supported", "b", 1, 2, "Hook", "s",
                "lsm_cgroup", "Supported", "b", 0
        );
}

static int on_dump(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        return sd_bus_reply_method_return(message, "s", "unitbpf-state 1\nend=0\n");
}

static int refuse(sd_bus_message *message) {
        return sd_bus_reply_method_errorf(
                message, SD_BUS_ERROR_ACCESS_DENIED, "only root may change what is attached"
        );
}

static int on_change(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        const char *member = sd_bus_message_get_member(message), *text = "";
        uint64_t number = 0;

        if (sd_bus_message_has_signature(message, "t"))
                (void)sd_bus_message_read(message, "t", &number);
        else if (sd_bus_message_has_signature(message, "s"))
                (void)sd_bus_message_read(message, "s", &text);
        else if (sd_bus_message_has_signature(message, "st"))
                (void)sd_bus_message_read(message, "st", &text, &number);
        note("%s %s %u", member, text, (unsigned)number);
        if (has_mode("denied"))
                return refuse(message);
        if (strcmp(member, "Adopt") == 0)
                return sd_bus_reply_method_return(message, "t", (uint64_t)12);
        return sd_bus_reply_method_return(message, NULL);
}

static int on_start_transient(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        const char *unit = "", *slice = "", *path = getenv("FAKE_CGROUP");
        char **assignments = NULL;
        int fd, r;

        (void)sd_bus_message_read(message, "ss", &unit, &slice);
        (void)sd_bus_message_read_strv(message, &assignments);
        note("StartTransient '%s' '%s'", unit, slice);
        for (char **word = assignments; word && *word; word++) {
                note("  %s", *word);
                free(*word);
        }
        free(assignments);
        if (has_mode("denied"))
                return sd_bus_reply_method_errorf(
                        message, "org.unitbpf1.Error.Refused", "-p:1: unknown hook 'egres'"
                );
        fd = open(path ? path : "/nonexistent", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        r = sd_bus_reply_method_return(message, "ssth", "run-1.service", path, (uint64_t)1, fd);
        (void)close(fd);
        return r;
}

static int on_subscribe(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        sd_bus *bus = sd_bus_message_get_bus(message);
        int r = sd_bus_reply_method_return(message, NULL);

        if (r >= 0)
                r = sd_bus_emit_signal(
                        bus, "/org/unitbpf1", "org.unitbpf1.Manager", "AttachmentNew", "ta{sv}",
                        (uint64_t)7, ATTACHMENT
                );
        if (r >= 0)
                r = sd_bus_emit_signal(
                        bus, "/org/unitbpf1", "org.unitbpf1.Manager", "UnitChanged", "sa{sv}",
                        "web.service", UNIT
                );
        return r < 0 ? r
                     : sd_bus_emit_signal(
                               bus, "/org/unitbpf1", "org.unitbpf1.Manager", "AttachmentRemoved",
                               "ta{sv}", (uint64_t)7, 0
                       );
}

static int on_reexecute(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        note("Reexecute");
        if (has_mode("no-reexec"))
                return sd_bus_reply_method_errorf(
                        message, "org.unitbpf1.Error.Refused", "the new binary cannot read line 3."
                );
        if (has_mode("no-return"))
                exit(EXIT_SUCCESS);
        instance++;
        (void)sd_bus_close(sd_bus_message_get_bus(message));
        return 1;
}

static int get_text(
        sd_bus *bus,
        const char *path,
        const char *interface,
        const char *property,
        sd_bus_message *reply,
        void *userdata,
        sd_bus_error *error
) {
        char text[32];

        (void)snprintf(text, sizeof text, "%s-%u", property, instance);
        return sd_bus_message_append(reply, "s", text);
}

static int get_number(
        sd_bus *bus,
        const char *path,
        const char *interface,
        const char *property,
        sd_bus_message *reply,
        void *userdata,
        sd_bus_error *error
) {
        return sd_bus_message_append(reply, "t", (uint64_t)(strcmp(property, "NDegraded") == 0));
}

static int get_read_only(
        sd_bus *bus,
        const char *path,
        const char *interface,
        const char *property,
        sd_bus_message *reply,
        void *userdata,
        sd_bus_error *error
) {
        return sd_bus_message_append(reply, "b", has_mode("read-only"));
}

#define METHOD(name, in, out, handler) \
        SD_BUS_METHOD(name, in, out, handler, SD_BUS_VTABLE_UNPRIVILEGED)

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        METHOD("ListAttachments", NULL, "aa{sv}", on_list_attachments),
        METHOD("ListUnits", NULL, "aa{sv}", on_list_units),
        METHOD("GetUnit", "s", "a{sv}", on_get_unit),
        METHOD("Effective", "s", "aa{sv}", on_tree),
        METHOD("Tree", "s", "aa{sv}", on_tree),
        METHOD("Plan", "s", "aa{sv}", on_plan),
        METHOD("Maps", "s", "aa{sv}", on_maps),
        METHOD("AttachUnit", "s", NULL, on_change),
        METHOD("DetachUnit", "s", NULL, on_change),
        METHOD("DetachAttachment", "t", NULL, on_change),
        METHOD("DetachAll", NULL, NULL, on_change),
        METHOD("StartTransient", "ssas", "ssth", on_start_transient),
        METHOD("Adopt", "st", "t", on_change),
        METHOD("Reload", NULL, NULL, on_change),
        METHOD("Reexecute", NULL, NULL, on_reexecute),
        METHOD("Dump", NULL, "s", on_dump),
        METHOD("SetLogLevel", "s", NULL, on_change),
        METHOD("Subscribe", NULL, NULL, on_subscribe),
        METHOD("Hooks", NULL, "aa{sv}", on_hooks),
        METHOD("Doctor", NULL, "aa{sv}", on_doctor),
        SD_BUS_PROPERTY("Version", "s", get_text, 0, 0),
        SD_BUS_PROPERTY("Instance", "s", get_text, 0, 0),
        SD_BUS_PROPERTY("LogLevel", "s", get_text, 0, 0),
        SD_BUS_PROPERTY("NUnits", "t", get_number, 0, 0),
        SD_BUS_PROPERTY("NDegraded", "t", get_number, 0, 0),
        SD_BUS_PROPERTY("ReadOnly", "b", get_read_only, 0, 0),
        SD_BUS_VTABLE_END,
};

static int on_connection(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        sd_bus *bus = NULL; /* lives until the process ends, which is soon */
        sd_id128_t id;
        int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (peer < 0)
                return 0;
        if (has_mode("cut")) {
                (void)close(peer);
                return 0;
        }
        if (sd_id128_randomize(&id) < 0 || sd_bus_new(&bus) < 0 ||
            sd_bus_set_fd(bus, peer, peer) < 0 || sd_bus_set_server(bus, 1, id) < 0 ||
            sd_bus_negotiate_fds(bus, 1) < 0 ||
            sd_bus_attach_event(bus, sd_event_source_get_event(source), 0) < 0 ||
            sd_bus_add_object_vtable(
                    bus, NULL, "/org/unitbpf1", "org.unitbpf1.Manager", vtable, NULL
            ) < 0 ||
            sd_bus_start(bus) < 0)
                return -EIO;
        return 0;
}

static int listen_at(const char *directory) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        (void)snprintf(address.sun_path, sizeof address.sun_path, "%s/bus", directory);
        if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
            listen(fd, 16) < 0)
                return -errno;
        return fd;
}

/* Under its name on the system bus instead of a socket of its own. */
static int serve_bus(sd_event *event, const char *directory) {
        char path[4096];
        sd_bus *bus;
        FILE *named;
        int r = sd_bus_open_system(&bus);

        if (r >= 0)
                r = sd_bus_add_object_vtable(
                        bus, NULL, "/org/unitbpf1", "org.unitbpf1.Manager", vtable, NULL
                );
        if (r >= 0)
                r = sd_bus_attach_event(bus, event, 0);
        if (r >= 0)
                r = sd_bus_request_name(bus, "org.unitbpf1", 0);
        if (r < 0)
                return r;
        (void)snprintf(path, sizeof path, "%s/named", directory);
        named = fopen(path, "we");
        return named ? fclose(named) : -errno;
}

int main(int argc, char **argv) {
        sd_event *event = NULL;
        char path[4096];
        int fd;

        if (argc != 3)
                return EXIT_FAILURE;
        mode = argv[2];
        (void)snprintf(path, sizeof path, "%s/calls", argv[1]);
        calls = fopen(path, "we");
        if (strcmp(mode, "on-bus") == 0)
                return !calls || sd_event_default(&event) < 0 || serve_bus(event, argv[1]) < 0 ||
                                       sd_event_loop(event) < 0
                               ? EXIT_FAILURE
                               : EXIT_SUCCESS;
        fd = listen_at(argv[1]);
        if (!calls || fd < 0 || sd_event_default(&event) < 0 ||
            sd_event_add_io(event, NULL, fd, EPOLLIN, on_connection, NULL) < 0)
                return EXIT_FAILURE;
        return sd_event_loop(event) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
