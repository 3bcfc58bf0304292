/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The tracker against the bare kernel calls it stands for, in one run and in turns, since clocks drift:
 *
 *   bench-tracker OBJECT CGROUP-DIR BPFFS-DIR STATE-DIR [N]
 *
 * Prints microseconds an attachment and ratios; judges nothing. CGROUP-DIR is made and removed. */

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "serialize/journal.h"
#include "src/base/file.h"
#include "src/base/text.h"
#include "src/track/tracker.h"

typedef struct Bench {
        const char *object, *cgroups, *bpffs, *state;
        unsigned n;
        int prog_fd; /* for the bare calls */
        TargetSet *targets;
} Bench;

static double now(void) {
        struct timespec t;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void __attribute__((__noreturn__)) die(const char *what, int r) {
        (void)fprintf(stderr, "%s: %s\n", what, strerror(-r));
        exit(1);
}

static char *cgroup_of(const Bench *bench, unsigned i) {
        char *path = text_format("%s/b%u.service", bench->cgroups, i);

        if (!path)
                die("memory", -ENOMEM);
        return path;
}

static void make_cgroups(const Bench *bench, bool make) {
        for (unsigned i = 0; i < bench->n; i++) {
                _cleanup_free_ char *path = cgroup_of(bench, i);

                if ((make ? mkdir(path, 0755) : rmdir(path)) < 0 && make)
                        die(path, -errno);
        }
}

static Tracker *tracker_start(const Bench *bench, const char *text, size_t size, FdSet *fds) {
        _cleanup_free_ char *state = text_format("%s/state", bench->state);
        _cleanup_diag_ Diag diag = {};
        TrackerOptions options = {
                .ops = kernel_ops_real(),
                .pin_directory = bench->bpffs,
                .state_path = state,
        };
        Tracker *tracker;
        int r = tracker_new(&options, &tracker, &diag);

        if (r >= 0)
                r = tracker_restore(tracker, text, size, fds, NULL, &diag);
        if (r < 0)
                die(diag_text(&diag, r), r);
        return tracker;
}

/* open, LINK_CREATE, OBJ_PIN, one line into a journal */
static double bare_attach(const Bench *bench, int *links) {
        _cleanup_free_ char *state = text_format("%s/bare", bench->state);
        _cleanup_(journal_free_ptr) Journal *journal = NULL;
        _cleanup_(writer_free_ptr) Writer *line = writer_new();
        double start, spent = 0;
        int r = journal_open(state, &journal, NULL);

        writer_header(line, 1);
        if (r >= 0)
                r = journal_replace(journal, line);
        writer_reset(line);
        if (r < 0)
                die("journal", r);
        for (unsigned i = 0; i < bench->n; i++) {
                _cleanup_free_ char *path = cgroup_of(bench, i);
                _cleanup_free_ char *pin = text_format("%s/bare%u", bench->bpffs, i);
                int fd;

                start = now();
                fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
                links[i] = bpf_link_create(bench->prog_fd, fd, BPF_CGROUP_INET_SOCK_CREATE, NULL);
                if (links[i] < 0 || bpf_obj_pin(links[i], pin) < 0)
                        die("bare attach", -errno);
                writer_begin_u64(line, "attachment", (uint64_t)links[i]);
                writer_word(line, path);
                writer_end(line);
                r = journal_append(journal, line);
                writer_reset(line);
                spent += now() - start;
                (void)close(fd);
                if (r < 0)
                        die("journal", r);
        }
        return spent;
}

static void bare_detach(const Bench *bench, const int *links) {
        for (unsigned i = 0; i < bench->n; i++) {
                _cleanup_free_ char *pin = text_format("%s/bare%u", bench->bpffs, i);

                (void)unlink(pin);
                (void)close(links[i]);
        }
}

static double tracker_attach_all(const Bench *bench, Tracker *tracker) {
        double spent = 0;

        for (unsigned i = 0; i < bench->n; i++) {
                _cleanup_free_ char *path = cgroup_of(bench, i),
                                    *unit = text_format("b%u.service", i);
                _cleanup_diag_ Diag diag = {};
                UnitPlace place = {
                        .unit = unit,
                        .invocation_id = "0123456789abcdef0123456789abcdef",
                        .cgroup = path,
                };
                double start = now();
                int r = tracker_apply(tracker, &place, bench->targets, APPLY_START, &diag);

                spent += now() - start;
                if (r != APPLY_COVERED)
                        die(diag_text(&diag, -EIO), -EIO);
        }
        return spent;
}

static void attach_in_turns(const Bench *bench) {
        int *links = calloc(bench->n, sizeof *links);

        if (!links)
                die("memory", -ENOMEM);
        for (int round = 0; round < 5; round++) {
                Tracker *tracker = tracker_start(bench, NULL, 0, NULL);
                double bare = bare_attach(bench, links), ours;

                bare_detach(bench, links);
                ours = tracker_attach_all(bench, tracker);
                printf("attach      bare %6.2f us  tracker %6.2f us  ratio %.2f\n", bare / bench->n,
                       ours / bench->n, ours / bare);
                (void)tracker_free(tracker);
        }
        free(links);
}

/* fcntl twice, readlink, two inspections for each, and the text once: what a hand-over cannot do without. */
static double bare_handover(const int *links, size_t n, const char *text, size_t size) {
        double start = now();
        int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        char *copy = malloc(size);

        if (fd < 0 || !copy)
                die("temporary file", -errno);
        for (size_t i = 0; i < n; i++)
                (void)fcntl(links[i], F_SETFD, 0);
        if (pwrite(fd, text, size, 0) < 0 || pread(fd, copy, size, 0) < 0)
                die("temporary file", -errno);
        for (size_t i = 0; i < n; i++) {
                struct bpf_link_info info = {};
                uint32_t info_size = sizeof info;

                (void)fcntl(links[i], F_SETFD, FD_CLOEXEC);
                (void)fd_kind(links[i]);
                (void)bpf_obj_get_info_by_fd(links[i], &info, &info_size);
        }
        (void)close(fd);
        free(copy);
        return now() - start;
}

static void hand_over(const Bench *bench) {
        Tracker *tracker = tracker_start(bench, NULL, 0, NULL);
        size_t before = mallinfo2().uordblks, after;
        int *links;
        size_t n;

        (void)tracker_attach_all(bench, tracker);
        after = mallinfo2().uordblks;
        n = tracker_n_attachments(tracker);
        links = calloc(n, sizeof *links);
        for (size_t i = 0; i < n; i++) {
                AttachmentView view;

                (void)tracker_get_attachment(tracker, i, &view);
                links[i] = view.fd;
        }
        printf("memory      %zu bytes an attachment, unit included (%zu of them)\n",
               (after - before) / n, n);
        for (int round = 0; round < 5; round++) {
                _cleanup_(writer_free_ptr) Writer *writer = writer_new();
                _cleanup_(fdset_free_ptr) FdSet *fds = fdset_new(), *inherited = fdset_new();
                double bare, write_time, read_time, start = now();
                const char *text = NULL;
                size_t size = 0;

                if (tracker_snapshot(tracker, writer, fds) < 0 ||
                    writer_finish(writer, &text, &size) < 0)
                        die("snapshot", -EIO);
                write_time = now() - start;
                bare = bare_handover(links, n, text, size);
                /* what the next process inherits, as far as one process can play two */
                for (size_t i = 0; i < n; i++)
                        links[i] = fd_duplicate(links[i]);
                (void)tracker_forget(tracker);
                for (size_t i = 0; i < n; i++)
                        if (fdset_adopt(inherited, links[i]) < 0)
                                die("adopt", -EIO);
                start = now();
                tracker = tracker_start(bench, text, size, inherited);
                read_time = now() - start;
                printf("hand-over   bare %6.2f us  write %6.2f us  restore %6.2f us  ratio %.2f (%zu bytes)\n",
                       bare / (double)n, write_time / (double)n, read_time / (double)n,
                       (write_time + read_time) / bare, size);
        }
        free(links);
        (void)tracker_free(tracker);
}

static void load_targets(Bench *bench) {
        const char *const names[] = { "pass" };
        const Hook hooks[] = { HOOK_SOCK_CREATE };
        LoadRequest request = { .path = bench->object,
                                .programs = names,
                                .hooks = hooks,
                                .n_programs = 1 };
        _cleanup_diag_ Diag diag = {};
        struct stat st;
        Target *target;
        int r;

        bench->targets = target_set_new("bench");
        target = target_set_add(bench->targets);
        target->hook = HOOK_SOCK_CREATE;
        target->path = strdup(bench->object);
        target->program = strdup("pass");
        target->origin = strdup("bench.service:1");
        target->fd = open(bench->object, O_RDONLY | O_CLOEXEC);
        if (target->fd < 0 || fstat(target->fd, &st) < 0)
                die(bench->object, -errno);
        target->identity = (FileIdentity
        ){ .device = st.st_dev, .inode = st.st_ino, .size = (uint64_t)st.st_size };
        request.fd = target->fd;
        r = kernel_ops_real()->load(kernel_ops_real(), &request, &bench->prog_fd, &diag);
        if (r < 0)
                die(diag_text(&diag, r), r);
}

int main(int argc, char **argv) {
        struct rlimit limit;
        Bench bench;

        if (argc < 5) {
                (void)fprintf(
                        stderr, "usage: bench-tracker OBJECT CGROUP-DIR BPFFS-DIR STATE-DIR [N]\n"
                );
                return 2;
        }
        bench = (Bench
        ){ .object = argv[1], .cgroups = argv[2], .bpffs = argv[3], .state = argv[4], .n = 1000 };
        if (argc > 5)
                (void)text_to_u32(argv[5], &bench.n);
        (void)getrlimit(RLIMIT_NOFILE, &limit);
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
        (void)mkdir(bench.cgroups, 0755);
        load_targets(&bench);
        make_cgroups(&bench, true);
        attach_in_turns(&bench);
        hand_over(&bench);
        make_cgroups(&bench, false);
        (void)rmdir(bench.cgroups);
        (void)target_set_free(bench.targets);
        return 0;
}
