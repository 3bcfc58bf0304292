/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/daemon/reexec.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "serialize/fdset.h"
#include "serialize/writer.h"
#include "src/base/fd.h"
#include "src/base/limits.h"
#include "src/base/log.h"
#include "src/base/stop-point.h"
#include "src/base/text.h"
#include "src/daemon/bus-error.h"
#include "src/daemon/bus-server.h"
#include "src/daemon/handover.h"
#include "src/daemon/hook-server.h"
#include "src/daemon/notify.h"
#include "src/daemon/priority.h"
#include "src/daemon/report.h"

#define CHECK_USEC     (10U * 1000U * 1000U)
#define COMPLAINT_MAX  4096U
#define WAIT_USEC      2000U /* for calls that are on their way, each time, and how often */
#define WAITS_MAX      100U
#define STATE_FD_CHILD 3 /* the only descriptor the checking child gets beside 0..2 */

struct Reexec {
        Daemon *daemon;
        sd_bus_message *message; /* set while one is under way */
        pid_t child; /* 0: none */
        bool accepted; /* by the child; waits for the units */
        bool timed_out;
        unsigned n_waits;
        sd_event_source *child_source, *timer, *complaint_io, *finish;
        int complaint_fd;
        GString *complaint; /* what the child said */
};

/* Everything that is handed over. */
typedef struct Baggage {
        FdSet *links;
        GArray *sockets;
        int memfd;
} Baggage;

static void baggage_done(Baggage *baggage) {
        (void)fdset_free(baggage->links);
        if (baggage->sockets)
                g_array_unref(baggage->sockets);
        (void)fd_close(baggage->memfd);
}

static void add_socket(int fd, const char *name, void *userdata) {
        GArray *sockets = userdata;
        HandoverSocket handed = { .fd = fd };

        (void)g_strlcpy(handed.name, name, sizeof handed.name); /* our own short names */
        g_array_append_val(sockets, handed);
}

static int seal_text(const char *text, size_t size, int *ret) {
        _cleanup_close_ int fd = fd_above_stdio(
                memfd_create("unitbpf-state", MFD_CLOEXEC | MFD_ALLOW_SEALING)
        );
        int r;

        if (fd < 0)
                return fd;
        r = fd_write_all(fd, text, size);
        if (r < 0)
                return r;
        if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
                return -errno;
        if (lseek(fd, 0, SEEK_SET) < 0)
                return -errno;
        *ret = TAKE_FD(fd);
        return 0;
}

static int pack(const Daemon *daemon, Baggage *baggage, Diag *diag) {
        _cleanup_(writer_free_ptr) Writer *writer = writer_new();
        _cleanup_free_ char *joined = NULL;
        const char *state = NULL;
        size_t size = 0;
        int r;

        baggage->links = fdset_new();
        baggage->sockets = g_array_new(FALSE, FALSE, sizeof(HandoverSocket));
        if (!writer || !baggage->links)
                return -ENOMEM;
        r = tracker_snapshot(daemon->tracker, writer, baggage->links);
        if (r >= 0)
                r = writer_finish(writer, &state, &size);
        if (r < 0)
                return diag_errno(diag, r, "cannot write the state down");
        bus_server_each_fd(daemon->bus, add_socket, baggage->sockets);
        hook_server_each_fd(daemon->hook, add_socket, baggage->sockets);
        r = handover_join(
                state, size, (const HandoverSocket *)(const void *)baggage->sockets->data,
                baggage->sockets->len, &joined, &size
        );
        if (r >= 0)
                r = seal_text(joined, size, &baggage->memfd);
        return r < 0 ? diag_errno(diag, r, "cannot make the state text") : 0;
}

/* The present arguments without those of an earlier re-exec, and one more. */
static char **new_arguments(const Daemon *daemon, const char *option, int fd) {
        GPtrArray *arguments = g_ptr_array_new();

        for (int i = 0; i < daemon->argc; i++) {
                if (strcmp(daemon->argv[i], "--state-fd") == 0) {
                        i++;
                        continue;
                }
                if (!g_str_has_prefix(daemon->argv[i], "--state-fd="))
                        g_ptr_array_add(arguments, g_strdup(daemon->argv[i]));
        }
        g_ptr_array_add(arguments, g_strdup_printf("%s=%d", option, fd));
        g_ptr_array_add(arguments, NULL);
        return (char **)g_ptr_array_free(arguments, FALSE);
}

static void set_cloexec_of_all(const Baggage *baggage, bool cloexec) {
        for (int fd = fdset_next(baggage->links, -1); fd >= 0; fd = fdset_next(baggage->links, fd))
                (void)fd_set_cloexec(fd, cloexec); /* cannot fail for an open descriptor */
        for (unsigned i = 0; i < baggage->sockets->len; i++)
                (void
                )fd_set_cloexec(g_array_index(baggage->sockets, HandoverSocket, i).fd, cloexec);
        (void)fd_set_cloexec(baggage->memfd, cloexec);
}

/* Comes back only if it failed. */
static int replace_process(Daemon *daemon, Diag *diag) {
        _cleanup_(baggage_done) Baggage baggage = { .memfd = -EBADF };
        g_auto(GStrv) arguments = NULL;
        int r = pack(daemon, &baggage, diag);

        if (r < 0)
                return r;
        arguments = new_arguments(daemon, "--state-fd", baggage.memfd);
        notify_send(daemon->notify, "RELOADING=1\nSTATUS=Replacing the process");
        report_flush(daemon->report);
        stop_point("reexec-before-exec");
        set_cloexec_of_all(&baggage, false);
        (void)execv(daemon->binary, arguments);
        r = -errno;
        set_cloexec_of_all(&baggage, true);
        notify_send(daemon->notify, "READY=1");
        return diag_errno(diag, r, "cannot execute '%s'", daemon->binary);
}

static void reset(Reexec *reexec) {
        reexec->child_source = sd_event_source_disable_unref(reexec->child_source);
        reexec->timer = sd_event_source_disable_unref(reexec->timer);
        reexec->complaint_io = sd_event_source_disable_unref(reexec->complaint_io);
        reexec->finish = sd_event_source_disable_unref(reexec->finish);
        reexec->complaint_fd = fd_close(reexec->complaint_fd);
        reexec->message = sd_bus_message_unref(reexec->message);
        reexec->child = 0;
        reexec->accepted = reexec->timed_out = false;
        reexec->n_waits = 0;
        g_string_truncate(reexec->complaint, 0);
}

static void fail(Reexec *reexec, const char *text) {
        log_error("Re-execution refused: %s, going on as before", text);
        (void)bus_error_reply(reexec->message, BUS_ERROR_FAILED, text);
        bus_server_pause(reexec->daemon->bus, false);
        reset(reexec);
}

static int on_finish(sd_event_source *timer, uint64_t usec, void *userdata) {
        Reexec *reexec = userdata;
        _cleanup_diag_ Diag diag = {};
        int r;

        /* a unit that was marked since is brought to its end first: nobody may wait for an answer in vain */
        if (!unit_table_is_clean(reexec->daemon->units))
                return 0;
        /* nor must a call of root that is on its way be lost; who connects from now on is served by the new process */
        if (reexec->n_waits++ < WAITS_MAX &&
            (notify_n_pending(reexec->daemon->notify) > 0 ||
             bus_server_is_talking(reexec->daemon->bus, sd_bus_message_get_bus(reexec->message)))) {
                (void)sd_event_source_set_time_relative(timer, WAIT_USEC);
                (void)sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
                return 0;
        }
        r = replace_process(reexec->daemon, &diag);
        fail(reexec, diag_text(&diag, r));
        return 0;
}

void reexec_units_clean(Reexec *reexec) {
        if (reexec && reexec->accepted) /* fails only on a dead source */
                (void)sd_event_source_set_enabled(reexec->finish, SD_EVENT_ONESHOT);
}

static void accepted(Reexec *reexec) {
        int r;

        reexec->accepted = true;
        bus_server_pause(reexec->daemon->bus, true);
        r = sd_event_add_time_relative(
                reexec->daemon->event, &reexec->finish, CLOCK_MONOTONIC, 0, 1, on_finish, reexec
        );
        if (r < 0) {
                fail(reexec, strerror(-r));
                return;
        }
        (void)sd_event_source_set_description(reexec->finish, "reexec");
        (void)sd_event_source_set_priority(reexec->finish, PRIORITY_BUS_ROOT + 1);
}

static void read_complaint(Reexec *reexec) {
        char buffer[1024];
        ssize_t n;

        while ((n = read(reexec->complaint_fd, buffer, sizeof buffer)) > 0)
                if (reexec->complaint->len < COMPLAINT_MAX) /* more than that explains nothing */
                        g_string_append_len(reexec->complaint, buffer, n);
}

static int on_complaint(sd_event_source *io, int fd, uint32_t revents, void *userdata) {
        Reexec *reexec = userdata;

        read_complaint(reexec);
        if (revents & (EPOLLHUP | EPOLLERR))
                (void)sd_event_source_set_enabled(io, SD_EVENT_OFF);
        return 0;
}

static int on_timeout(sd_event_source *timer, uint64_t usec, void *userdata) {
        Reexec *reexec = userdata;

        reexec->timed_out = true;
        (void)kill(reexec->child, SIGKILL); /* not reaped yet, so it is ours */
        return 0;
}

static char *describe_end(const Reexec *reexec, const siginfo_t *status) {
        if (reexec->timed_out)
                return g_strdup("it did not answer within 10 seconds");
        if (status->si_code == CLD_EXITED)
                return g_strdup_printf("it exited with status %d", status->si_status);
        return g_strdup_printf("it was ended by signal %s", strsignal(status->si_status));
}

static int on_child(sd_event_source *child, const siginfo_t *status, void *userdata) {
        Reexec *reexec = userdata;
        g_autofree char *end = NULL, *text = NULL, *said = NULL;

        read_complaint(reexec);
        if (status->si_code == CLD_EXITED && status->si_status == 0) {
                if (strstr(reexec->complaint->str, HANDOVER_ACCEPTED)) {
                        accepted(reexec);
                        return 0;
                }
                text = g_strdup_printf("'%s' is no unitbpfd", reexec->daemon->binary);
                fail(reexec, text);
                return 0;
        }
        end = describe_end(reexec, status);
        said = g_strchomp(g_strdup(reexec->complaint->str));
        text = g_strdup_printf(
                "'%s' does not take the state over: %s%s%s", reexec->daemon->binary, end,
                *said ? ": " : "", said
        );
        fail(reexec, text);
        return 0;
}

static int spawn(Reexec *reexec, int memfd, int complaint_fd, Diag *diag) {
        g_auto(GStrv) arguments = new_arguments(reexec->daemon, "--check-state", STATE_FD_CHILD);
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        sigset_t none;
        int r;

        (void)sigemptyset(&none);
        if (posix_spawn_file_actions_init(&actions) != 0)
                return -ENOMEM;
        if (posix_spawnattr_init(&attributes) != 0) {
                (void)posix_spawn_file_actions_destroy(&actions);
                return -ENOMEM;
        }
        r = posix_spawn_file_actions_adddup2(&actions, complaint_fd, 1);
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(&actions, complaint_fd, 2);
        /* also if it has this number already: dup2 of a spawn clears close-on-exec */
        if (r == 0)
                r = posix_spawn_file_actions_adddup2(&actions, memfd, STATE_FD_CHILD);
        if (r == 0)
                r = posix_spawnattr_setsigmask(&attributes, &none);
        if (r == 0)
                r = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
        if (r == 0)
                r = posix_spawn(
                        &reexec->child, reexec->daemon->binary, &actions, &attributes, arguments,
                        environ
                );
        (void)posix_spawn_file_actions_destroy(&actions);
        (void)posix_spawnattr_destroy(&attributes);
        return r == 0 ? 0 : diag_errno(diag, -r, "cannot execute '%s'", reexec->daemon->binary);
}

static int watch_child(Reexec *reexec) {
        sd_event *event = reexec->daemon->event;
        int r = sd_event_add_child(
                event, &reexec->child_source, reexec->child, WEXITED, on_child, reexec
        );

        if (r >= 0)
                r = sd_event_add_time_relative(
                        event, &reexec->timer, CLOCK_MONOTONIC, CHECK_USEC, 0, on_timeout, reexec
                );
        if (r >= 0)
                r = sd_event_add_io(
                        event, &reexec->complaint_io, reexec->complaint_fd, EPOLLIN, on_complaint,
                        reexec
                );
        if (r < 0)
                return r;
        (void)sd_event_source_set_description(reexec->child_source, "reexec-check");
        (void)sd_event_source_set_description(reexec->timer, "reexec-timeout");
        (void)sd_event_source_set_description(reexec->complaint_io, "reexec-complaint");
        return 0;
}

int reexec_begin(Reexec *reexec, sd_bus_message *message, Diag *diag) {
        _cleanup_(baggage_done) Baggage baggage = { .memfd = -EBADF };
        _cleanup_close_ int write_end = -EBADF;
        int fds[2], r;

        if (reexec->message)
                return diag_fail(diag, -EALREADY, "a re-execution is under way");
        r = pack(reexec->daemon, &baggage, diag);
        if (r < 0)
                return r;
        if (pipe2(fds, O_CLOEXEC) < 0)
                return diag_errno(diag, -errno, "cannot make a pipe");
        reexec->complaint_fd = fd_above_stdio(fds[0]);
        write_end = fd_above_stdio(fds[1]);
        if (reexec->complaint_fd < 0 || write_end < 0) {
                reset(reexec);
                return -EMFILE;
        }
        (void)fcntl(reexec->complaint_fd, F_SETFL, O_NONBLOCK); /* cannot fail for a pipe */
        r = spawn(reexec, baggage.memfd, write_end, diag);
        if (r < 0) {
                reset(reexec);
                return r;
        }
        r = watch_child(reexec);
        if (r < 0) {
                (void)kill(reexec->child, SIGKILL);
                (void)waitpid(reexec->child, NULL, 0); /* it has just been killed */
                reset(reexec);
                return diag_errno(diag, r, "cannot watch the checking child");
        }
        reexec->message = sd_bus_message_ref(message);
        return 0;
}

int reexec_new(Daemon *daemon, Reexec **ret) {
        Reexec *reexec = g_new0(Reexec, 1);

        reexec->daemon = daemon;
        reexec->complaint_fd = -EBADF;
        reexec->complaint = g_string_new(NULL);
        *ret = reexec;
        return 0;
}

Reexec *reexec_free(Reexec *reexec) {
        if (!reexec)
                return NULL;
        if (reexec->child > 0 && !reexec->accepted) {
                (void)kill(reexec->child, SIGKILL);
                (void)waitpid(reexec->child, NULL, 0); /* it has just been killed */
        }
        reset(reexec);
        (void)g_string_free(reexec->complaint, TRUE);
        g_free(reexec);
        return NULL;
}

int reexec_read_state(int fd, char **ret_text, size_t *ret_size, Diag *diag) {
        _cleanup_close_ int owned = fd;
        int r;

        if (lseek(owned, 0, SEEK_SET) < 0)
                return diag_errno(diag, -errno, "cannot read the state text");
        r = fd_read_all(owned, LIMIT_STATE_BYTES, ret_text, ret_size);
        return r < 0 ? diag_errno(diag, r, "cannot read the state text") : 0;
}
