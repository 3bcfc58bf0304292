/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The tracker against the bare kernel calls it stands for:
 *
 *   bench-tracker OBJECT CGROUP-DIR BPFFS-DIR STATE-DIR [N]
 *
 * Prints microseconds an attachment and ratios; judges nothing. Clocks drift by a third between runs, so both sides
 * take turns of a fraction of a millisecond and a figure is the median of the turns (of the rounds for a hand-over).
 * The bare side prepares all it can before its clock runs: what is timed is system calls alone. CGROUP-DIR is made and
 * removed. */

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
#include <glib.h>

#include "src/base/file.h"
#include "src/base/text.h"
#include "src/track/tracker.h"

#define ROUNDS     9
#define TURN_UNITS 20U /* then it is the other side's turn; too short to be interrupted often */
#define LINE_BYTES 300U /* of one attachment in the journal */

static const struct {
        const char *program;
        Hook hook;
        enum bpf_attach_type type;
} programs[] = {
        { "pass_sock_create", HOOK_SOCK_CREATE, BPF_CGROUP_INET_SOCK_CREATE },
        { "pass_sock_release", HOOK_SOCK_RELEASE, BPF_CGROUP_INET_SOCK_RELEASE },
        { "pass_post_bind4", HOOK_POST_BIND4, BPF_CGROUP_INET4_POST_BIND },
        { "pass_post_bind6", HOOK_POST_BIND6, BPF_CGROUP_INET6_POST_BIND },
        { "pass_bind4", HOOK_BIND4, BPF_CGROUP_INET4_BIND },
        { "pass_bind6", HOOK_BIND6, BPF_CGROUP_INET6_BIND },
        { "pass_connect4", HOOK_CONNECT4, BPF_CGROUP_INET4_CONNECT },
        { "pass_connect6", HOOK_CONNECT6, BPF_CGROUP_INET6_CONNECT },
};

typedef struct Bench {
        const char *object, *cgroups, *bpffs, *state;
        unsigned n; /* units */
        int prog_fds[ELEMENTS(programs)]; /* for the bare calls */
        int journal; /* theirs */
        unsigned n_programs; /* a unit, in this round */
        TargetSet *targets;
} Bench;

static int compare(const void *a, const void *b) {
        double x = *(const double *)a, y = *(const double *)b;

        return (x > y) - (x < y);
}

static double median(double *values, size_t n) {
        qsort(values, n, sizeof *values, compare);
        return values[n / 2];
}

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

/* For one unit: open, then LINK_CREATE and OBJ_PIN for each program, and one write of as many lines. */
static double bare_unit(const Bench *bench, unsigned number) {
        static const char lines[LINE_BYTES * ELEMENTS(programs)];
        _cleanup_free_ char *path = cgroup_of(bench, number);
        char *pins[ELEMENTS(programs)];
        int links[ELEMENTS(programs)], fd;
        size_t size = (size_t)LINE_BYTES * bench->n_programs;
        double start, spent;

        for (unsigned i = 0; i < bench->n_programs; i++)
                pins[i] = text_format("%s/bare%u-%u", bench->bpffs, number, i);
        start = now();
        fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        for (unsigned i = 0; i < bench->n_programs; i++) {
                links[i] = bpf_link_create(bench->prog_fds[i], fd, programs[i].type, NULL);
                if (links[i] < 0 || bpf_obj_pin(links[i], pins[i]) < 0)
                        die("bare attach", -errno);
        }
        if (write(bench->journal, lines, size) != (ssize_t)size)
                die("bare journal", -errno);
        spent = now() - start;
        for (unsigned i = 0; i < bench->n_programs; i++) {
                (void)bpf_link_detach(links[i]); /* the unlinked pin would hold it for a while */
                (void)unlink(pins[i]);
                (void)close(links[i]);
                free(pins[i]);
        }
        (void)close(fd);
        return spent;
}

static double tracker_unit(const Bench *bench, Tracker *tracker, unsigned number) {
        _cleanup_free_ char *path = cgroup_of(bench, number),
                            *unit = text_format("b%u.service", number);
        _cleanup_diag_ Diag diag = {};
        UnitPlace place = {
                .unit = unit,
                .invocation_id = "0123456789abcdef0123456789abcdef",
                .cgroup = path,
        };
        double start = now();
        int r = tracker_apply(tracker, &place, bench->targets, APPLY_START, &diag);

        start = now() - start;
        if (r != APPLY_COVERED)
                die(diag_text(&diag, -EIO), -EIO);
        return start;
}

typedef struct Turns {
        GArray *bare, *ours, *ratios; /* of double: microseconds a unit, one entry a turn */
} Turns;

static void attach_round(const Bench *bench, unsigned n_units, Turns *turns) {
        Tracker *tracker = tracker_start(bench, NULL, 0, NULL);

        for (unsigned begin = 0; begin + TURN_UNITS <= n_units; begin += TURN_UNITS) {
                double bare = 0, ours = 0, ratio;

                for (unsigned i = begin; i < begin + TURN_UNITS; i++)
                        bare += bare_unit(bench, i);
                for (unsigned i = begin; i < begin + TURN_UNITS; i++)
                        ours += tracker_unit(bench, tracker, i);
                ratio = ours / bare;
                bare /= TURN_UNITS;
                ours /= TURN_UNITS;
                g_array_append_val(turns->bare, bare);
                g_array_append_val(turns->ours, ours);
                g_array_append_val(turns->ratios, ratio);
        }
        (void)tracker_free(tracker);
}

static void add_target(Bench *bench, unsigned i) {
        struct stat st;
        Target *target = target_set_add(bench->targets);

        target->hook = programs[i].hook;
        target->path = strdup(bench->object);
        target->program = strdup(programs[i].program);
        target->origin = strdup("bench.service:1");
        target->fd = open(bench->object, O_RDONLY | O_CLOEXEC);
        if (target->fd < 0 || fstat(target->fd, &st) < 0)
                die(bench->object, -errno);
        target->identity = (FileIdentity
        ){ .device = st.st_dev, .inode = st.st_ino, .size = (uint64_t)st.st_size };
}

/* From now on units have this many programs. */
static void choose_programs(Bench *bench, unsigned n) {
        (void)target_set_free(bench->targets);
        bench->targets = target_set_new("bench");
        bench->n_programs = n;
        for (unsigned i = 0; i < n; i++)
                add_target(bench, i);
}

static double median_of(GArray *values) {
        double result = median((double *)(void *)values->data, values->len);

        g_array_unref(values);
        return result;
}

static void attach_in_turns(Bench *bench, unsigned n_programs) {
        unsigned n_units = bench->n / n_programs;
        Turns turns = { .bare = g_array_new(FALSE, FALSE, sizeof(double)),
                        .ours = g_array_new(FALSE, FALSE, sizeof(double)),
                        .ratios = g_array_new(FALSE, FALSE, sizeof(double)) };

        if (n_units < TURN_UNITS)
                die("too few units", -EINVAL);
        choose_programs(bench, n_programs);
        for (int round = 0; round < ROUNDS; round++)
                attach_round(bench, n_units, &turns);
        printf("attach      %u a unit: bare %6.2f us  tracker %6.2f us  ratio %.2f\n", n_programs,
               median_of(turns.bare) / n_programs, median_of(turns.ours) / n_programs,
               median_of(turns.ratios));
}

/* fcntl twice, the kind and an inspection for each, and the text once: what a hand-over cannot do without. */
static double bare_handover(const int *links, size_t n, const char *text, size_t size) {
        double start = now();
        int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        char *copy = malloc(size);
        FdKind *kinds = calloc(n, sizeof *kinds);

        if (fd < 0 || !copy || !kinds)
                die("temporary file", -errno);
        for (size_t i = 0; i < n; i++)
                (void)fcntl(links[i], F_SETFD, 0);
        if (pwrite(fd, text, size, 0) < 0 || pread(fd, copy, size, 0) < 0)
                die("temporary file", -errno);
        fd_kinds(links, n, kinds);
        for (size_t i = 0; i < n; i++) {
                struct bpf_link_info info = {};
                uint32_t info_size = sizeof info;

                (void)fcntl(links[i], F_SETFD, FD_CLOEXEC);
                (void)bpf_obj_get_info_by_fd(links[i], &info, &info_size);
        }
        (void)close(fd);
        start = now() - start;
        free(copy);
        free(kinds);
        return start;
}

typedef struct HandOver {
        double bare, write, restore;
        size_t size;
} HandOver;

/* One process plays both: links are the descriptors that the next one inherits. */
static Tracker *hand_over_once(
        const Bench *bench,
        Tracker *tracker,
        int *links,
        size_t n,
        HandOver *ret
) {
        _cleanup_(writer_free_ptr) Writer *writer = writer_new();
        _cleanup_(fdset_free_ptr) FdSet *fds = fdset_new(), *inherited = fdset_new();
        const char *text = NULL;
        double start = now();

        if (tracker_snapshot(tracker, writer, fds) < 0 ||
            writer_finish(writer, &text, &ret->size) < 0)
                die("snapshot", -EIO);
        ret->write = now() - start;
        for (size_t i = 0; i < n; i++)
                links[i] = fd_duplicate(links[i]);
        (void)tracker_forget(tracker);
        ret->bare = bare_handover(links, n, text, ret->size);
        for (size_t i = 0; i < n; i++)
                if (fdset_adopt(inherited, links[i]) < 0)
                        die("adopt", -EIO);
        start = now();
        tracker = tracker_start(bench, text, ret->size, inherited);
        ret->restore = now() - start;
        return tracker;
}

static void hand_over(Bench *bench) {
        double bare[ROUNDS], write_time[ROUNDS], restore[ROUNDS], ratios[ROUNDS], n;
        size_t before, after, size = 0;
        Tracker *tracker;
        int *links;

        choose_programs(bench, 1);
        tracker = tracker_start(bench, NULL, 0, NULL);
        before = mallinfo2().uordblks;
        for (unsigned i = 0; i < bench->n; i++)
                (void)tracker_unit(bench, tracker, i);
        after = mallinfo2().uordblks;
        n = (double)tracker_n_attachments(tracker);
        links = calloc(bench->n, sizeof *links);
        for (size_t i = 0; links && i < bench->n; i++) {
                AttachmentView view;

                (void)tracker_get_attachment(tracker, i, &view);
                links[i] = view.fd;
        }
        printf("memory      %.0f bytes an attachment, unit included (%.0f of them)\n",
               (double)(after - before) / n, n);
        for (int round = 0; round < ROUNDS && links; round++) {
                HandOver figures = {};

                tracker = hand_over_once(bench, tracker, links, bench->n, &figures);
                bare[round] = figures.bare;
                write_time[round] = figures.write;
                restore[round] = figures.restore;
                ratios[round] = (figures.write + figures.restore) / figures.bare;
                size = figures.size;
        }
        free(links);
        printf("hand-over   bare %6.2f us  write %6.2f us  restore %6.2f us  ratio %.2f (%zu bytes)\n",
               median(bare, ROUNDS) / n, median(write_time, ROUNDS) / n,
               median(restore, ROUNDS) / n, median(ratios, ROUNDS), size);
        (void)tracker_free(tracker);
}

static void load_programs(Bench *bench) {
        for (unsigned i = 0; i < ELEMENTS(programs); i++) {
                _cleanup_close_ int fd = open(bench->object, O_RDONLY | O_CLOEXEC);
                _cleanup_diag_ Diag diag = {};
                LoadRequest request = { .path = bench->object,
                                        .programs = &programs[i].program,
                                        .hooks = &programs[i].hook,
                                        .n_programs = 1,
                                        .fd = fd };
                int r = kernel_ops_real()->load(
                        kernel_ops_real(), &request, &bench->prog_fds[i], &diag
                );

                if (r < 0)
                        die(diag_text(&diag, r), r);
        }
}

static void open_bare_journal(Bench *bench) {
        _cleanup_free_ char *path = text_format("%s/bare", bench->state);

        bench->journal = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
        if (bench->journal < 0)
                die("bare journal", -errno);
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
        load_programs(&bench);
        open_bare_journal(&bench);
        make_cgroups(&bench, true);
        for (unsigned n = 1; n <= ELEMENTS(programs); n = n == 2 ? 8 : n * 2)
                attach_in_turns(&bench, n);
        hand_over(&bench);
        make_cgroups(&bench, false);
        (void)rmdir(bench.cgroups);
        (void)target_set_free(bench.targets);
        return 0;
}
