/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The daemon dies: at every kernel call, and at every byte of the journal. A story of starts, reloads, stops, a legacy
 * attachment and a lease is told again and again, each time a little further, and cut. What a new daemon then finds must
 * be settled without a gap and without anything left over. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/check-main.h"
#include "tests/unit/track/fixture.h"

#define N_UNITS 4

static const char *const units[N_UNITS] = { "a.service", "b.service", "c.service", "d.service" };

/* What a unit wants: programs by hook, 0 none, else the version of the object. */
typedef struct Wish {
        uint64_t ingress, egress, connect4;
        bool stop;
} Wish;

typedef struct Scene {
        unsigned unit;
        ApplyReason reason;
        Wish wish;
        bool lease; /* instead: attach a program by descriptor to the unit's cgroup */
} Scene;

static const Scene story[] = {
        { 0, APPLY_START, { .ingress = 1, .egress = 1 }, false },
        { 1, APPLY_START, { .ingress = 1 }, false },
        { 2, APPLY_START, { .egress = 1 }, false },
        { 0, APPLY_RELOAD, { .ingress = 2, .egress = 2 }, false }, /* replaced in place */
        { 0, APPLY_RELOAD, { .ingress = 2 }, false }, /* a line less */
        { 2, APPLY_RELOAD, { .stop = true }, false },
        { 3, APPLY_START, { .connect4 = 1 }, false }, /* override: by PROG_ATTACH */
        { 3, APPLY_RELOAD, { .connect4 = 2 }, false },
        { 1, APPLY_RELOAD, { .ingress = 1 }, true },
        { 1, APPLY_RELOAD, { .ingress = 3 }, false }, /* cgroup storage: made anew beside the old */
        { 3, APPLY_RELOAD, { .stop = true }, false },
};

static TargetSet *targets_of(const Wish *wish, const char *unit) {
        TargetSet *set = target_set_new(unit);

        if (wish->ingress)
                fixture_target(
                        set, HOOK_INGRESS, "/usr/lib/bpf/in.o", wish->ingress == 3 ? "keeps" : "in",
                        wish->ingress
                );
        if (wish->egress)
                fixture_target(set, HOOK_EGRESS, "/usr/lib/bpf/out.o", "out", wish->egress);
        if (wish->connect4)
                fixture_target(set, HOOK_CONNECT4, "/usr/lib/bpf/c.o", "connect", wish->connect4)
                        ->mode = ATTACH_OVERRIDE;
        return set;
}

static void attach_lease(Fixture *f, const char *unit) {
        const KernelOps *ops = kernel_fake_ops(f->fake);
        int prog_fd = kernel_fake_program_new(f->fake, "leased", HOOK_BIND4);
        char path[64];
        uint64_t id;
        ProgramRequest request = {
                .prog_fd = prog_fd,
                .hook = HOOK_BIND4,
                .via = _VIA_INVALID,
                .lease = true,
                .origin = "test",
        };

        (void)snprintf(path, sizeof path, "/sys/fs/cgroup/%s", unit);
        request.cgroup_fd = ops->cgroup_open(ops, path, &id);
        (void)tracker_attach_program(f->tracker, &request, &id, NULL); /* fails where it is cut */
        ops->close(ops, request.cgroup_fd);
        ops->close(ops, prog_fd);
}

static void play(Fixture *f, const Scene *scene) {
        _cleanup_(target_set_free_ptr)
                TargetSet *set = targets_of(&scene->wish, units[scene->unit]);

        if (scene->lease)
                attach_lease(f, units[scene->unit]);
        else if (scene->wish.stop)
                (void)tracker_unit_stop(f->tracker, units[scene->unit], NULL);
        else
                (void)fixture_apply(f, units[scene->unit], set, scene->reason, NULL);
}

static void begin(Fixture *f) {
        fixture_init(f);
        kernel_fake_set_traits(f->fake, "keeps", FAKE_TRAIT_STORAGE);
        for (unsigned i = 0; i < N_UNITS; i++) {
                char path[64];

                (void)snprintf(path, sizeof path, "/sys/fs/cgroup/%s", units[i]);
                kernel_fake_cgroup_make(f->fake, path);
        }
}

static size_t attached(Fixture *f, unsigned unit, Hook hook) {
        char path[64];

        (void)snprintf(path, sizeof path, "/sys/fs/cgroup/%s", units[unit]);
        return fixture_attached(f, path, hook);
}

/* What each unit wants once the scene (and all before it) has been played. */
static void wishes_after(size_t n_scenes, Wish *ret) {
        memset(ret, 0, N_UNITS * sizeof *ret);
        for (size_t i = 0; i < n_scenes; i++)
                if (!story[i].lease)
                        ret[story[i].unit] = story[i].wish;
}

/* Hooks that had a program before the cut and shall have one after it: never without. */
typedef struct Guard {
        Fixture *f;
        Wish before[N_UNITS], after[N_UNITS];
        char place[64]; /* of the cut, for messages */
} Guard;

static void no_gap(void *userdata) {
        Guard *guard = userdata;

        for (unsigned i = 0; i < N_UNITS; i++) {
                const Wish *a = &guard->before[i], *b = &guard->after[i];

                if (a->ingress && b->ingress)
                        ck_assert_uint_ge(attached(guard->f, i, HOOK_INGRESS), 1);
                if (a->egress && b->egress)
                        ck_assert_uint_ge(attached(guard->f, i, HOOK_EGRESS), 1);
                if (a->connect4 && b->connect4)
                        ck_assert_uint_ge(attached(guard->f, i, HOOK_CONNECT4), 1);
        }
}

/* A new daemon meets what is there and brings the units to what they want by now. */
static void recover(Fixture *f, Guard *guard) {
        no_gap(guard);
        kernel_fake_set_watch(f->fake, no_gap, guard);
        fixture_start(f);
        for (unsigned i = 0; i < N_UNITS; i++) {
                const Wish *wish = &guard->after[i];
                _cleanup_(target_set_free_ptr) TargetSet *set = targets_of(wish, units[i]);
                _cleanup_diag_ Diag diag = {};
                int r = wish->stop ? tracker_unit_stop(f->tracker, units[i], &diag)
                                   : fixture_apply(f, units[i], set, APPLY_RESTORE, &diag);

                ck_assert_msg(
                        r == 0, "%s: %d: %s; %s", units[i], r, diag_text(&diag, r), guard->place
                );
        }
        kernel_fake_set_watch(f->fake, NULL, NULL);
}

static size_t leases(Fixture *f) {
        AttachmentView view;
        size_t n = 0;

        for (size_t i = 0; tracker_get_attachment(f->tracker, i, &view); i++)
                n += view.lease;
        return n;
}

/* The kernel has what is wanted, and each thing in it is one that the tracker names. */
static void check_kernel(Fixture *f, const Guard *guard) {
        size_t n_links = 0, n_legacy = 0, n_leases = leases(f);

        for (unsigned i = 0; i < N_UNITS; i++) {
                const Wish *wish = &guard->after[i];

                ck_assert_uint_eq(attached(f, i, HOOK_INGRESS), wish->ingress ? 1 : 0);
                ck_assert_uint_eq(attached(f, i, HOOK_EGRESS), wish->egress ? 1 : 0);
                ck_assert_uint_eq(attached(f, i, HOOK_CONNECT4), wish->connect4 ? 1 : 0);
                n_links += (wish->ingress != 0) + (wish->egress != 0);
                n_legacy += wish->connect4 != 0;
        }
        ck_assert_uint_le(n_leases, 1);
        ck_assert_uint_eq(attached(f, 1, HOOK_BIND4), n_leases);
        ck_assert_uint_eq(kernel_fake_links(f->fake), n_links + n_leases);
        ck_assert_uint_eq(kernel_fake_pins(f->fake), n_links + n_leases);
        ck_assert_uint_eq(tracker_n_attachments(f->tracker), n_links + n_legacy + n_leases);
}

static void end(Fixture *f) {
        for (unsigned i = 0; i < N_UNITS; i++)
                ck_assert_int_eq(tracker_unit_stop(f->tracker, units[i], NULL), 0);
        ck_assert_int_eq(tracker_detach_all(f->tracker, NULL), 0);
        ck_assert_uint_eq(kernel_fake_links(f->fake), 0);
        ck_assert_uint_eq(kernel_fake_pins(f->fake), 0);
        ck_assert_uint_eq(attached(f, 3, HOOK_CONNECT4), 0);
        fixture_done(f);
        /* fixture_done() has freed the model; programs were checked through links and lists */
}

static off_t journal_size(const Fixture *f) {
        struct stat st;

        ck_assert_int_eq(stat(f->state, &st), 0);
        return st.st_size;
}

/* Sizes of the journal at each changing call of one scene, and at its beginning and end. */
typedef struct Recording {
        Fixture *f;
        off_t begin, end, at_call[128];
        unsigned n_calls;
} Recording;

static void record_call(void *userdata) {
        Recording *recording = userdata;

        ck_assert_uint_lt(recording->n_calls, ELEMENTS(recording->at_call));
        recording->at_call[recording->n_calls++] = journal_size(recording->f);
}

static void record_scene(size_t scene, Recording *ret) {
        Fixture f;
        Recording recording = { .f = &f };

        begin(&f);
        for (size_t i = 0; i < scene; i++)
                play(&f, &story[i]);
        recording.begin = journal_size(&f);
        kernel_fake_set_watch(f.fake, record_call, &recording);
        play(&f, &story[scene]);
        kernel_fake_set_watch(f.fake, NULL, NULL);
        recording.end = journal_size(&f);
        fixture_done(&f);
        *ret = recording;
}

/* Plays up to the scene, dies in it after n calls, with the journal cut at size (-1: as it is), and recovers. */
static void die_and_recover(size_t scene, unsigned n_calls, off_t size) {
        Fixture f;
        Guard guard = { .f = &f };

        begin(&f);
        for (size_t i = 0; i < scene; i++)
                play(&f, &story[i]);
        kernel_fake_stop_after(f.fake, n_calls);
        play(&f, &story[scene]);
        fixture_kill(&f);
        if (size >= 0)
                ck_assert_int_eq(truncate(f.state, size), 0);
        (void)snprintf(
                guard.place, sizeof guard.place, "scene %zu, %u calls, journal cut at %jd", scene,
                n_calls, (intmax_t)size
        );
        wishes_after(scene, guard.before);
        wishes_after(scene + 1, guard.after);
        recover(&f, &guard);
        check_kernel(&f, &guard);
        end(&f);
}

/* Calls that had been made when the journal had that size and the next line was being written. */
static unsigned calls_before(const Recording *recording, off_t size) {
        unsigned n = 0;

        while (n < recording->n_calls && recording->at_call[n] <= size)
                n++;
        return n;
}

START_TEST(journal_cut_at_every_byte_is_settled)
{
        for (size_t scene = 0; scene < ELEMENTS(story); scene++) {
                Recording recording;

                record_scene(scene, &recording);
                ck_assert_int_lt(recording.begin, recording.end);
                for (off_t size = recording.begin; size <= recording.end; size++)
                        die_and_recover(scene, calls_before(&recording, size), size);
        }
}
END_TEST

START_TEST(death_after_every_call_is_settled)
{
        for (size_t scene = 0; scene < ELEMENTS(story); scene++) {
                Recording recording;

                record_scene(scene, &recording);
                for (unsigned n = 0; n <= recording.n_calls; n++) {
                        off_t size = n == 0 ? -1 : recording.at_call[n - 1];

                        die_and_recover(scene, n, size);
                }
        }
}
END_TEST

CHECK_MAIN(
        "track/crash",
        600,
        death_after_every_call_is_settled,
        journal_cut_at_every_byte_is_settled
)
