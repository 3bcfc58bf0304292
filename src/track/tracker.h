/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The tracker: which programs are attached to which units, by what, since when, from which line; the one that
 * attaches, replaces and detaches them; and what carries all this over a re-exec, a crash or an upgrade.
 *
 * Every change goes intent line -> kernel call -> hold -> commit line, so that a crash at any point is settled by
 * asking the kernel. Freeing is the only thing that detaches; forgetting closes and leaves the kernel as it is.
 * A tracker is used from one thread. Views are read-only and valid until the next call that changes anything. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/kernel-ops.h"
#include "bpf/look/target.h"
#include "serialize/fdset.h"
#include "serialize/writer.h"
#include "src/base/diag.h"
#include "src/track/attachment-state.h"

typedef struct Tracker Tracker;

/* States of a unit. */
typedef enum UnitState {
        UNIT_INACTIVE, /* known by a file, no cgroup */
        UNIT_COVERED, /* every line that is not skipped is in force */
        UNIT_DEGRADED, /* something is not as the files say */
        UNIT_FAILED, /* a required line is not in force */
        _UNIT_STATE_MAX,
        _UNIT_STATE_INVALID = -22,
} UnitState;
DECLARE_NAME_TABLE(UnitState, unit_state); /* inactive covered degraded failed */

/* One attachment as others see it. Texts may be NULL where unset, numbers 0. */
typedef struct AttachmentView {
        uint64_t id; /* 0: a quarantined thing without an id of its own */
        const char *unit, *invocation_id;
        Hook hook; /* _HOOK_INVALID if not known */
        Via via; /* _VIA_INVALID if not known */
        AttachMode mode;
        const char *target; /* cgroup path as opened */
        uint64_t cgroup_id;
        const char *program, *object, *prog_tag;
        uint32_t prog_id, link_id;
        Policy policy;
        AttachmentState state;
        bool covered_from_start;
        bool lease; /* held by a lease, not by a unit file */
        const char *origin; /* FILE:LINE */
        uint64_t since_usec; /* CLOCK_REALTIME of the attach, kept over re-exec */
        const char *error, *detail;
        const char *pin; /* path, valid until the next view; NULL if nothing is pinned */
        int fd; /* link held; -EBADF if none */
} AttachmentView;

typedef struct UnitProblem {
        char *origin, *text, *detail;
        Policy policy;
        bool skipped; /* optional and absent: no failure */
} UnitProblem;

typedef struct UnitView {
        const char *unit, *invocation_id, *cgroup;
        uint64_t cgroup_id;
        UnitState state;
        bool held_off;
        bool covered_from_start; /* all that is in force was, from the first instruction */
        size_t n_attachments;
        size_t n_adopted; /* of them, which no line of a file decides about */
        const UnitProblem *problems; /* of the last apply */
        size_t n_problems;
        uint64_t since_usec; /* CLOCK_REALTIME of its start, kept over re-exec */
        uint64_t state_since_usec; /* CLOCK_REALTIME since when it is in this state, kept likewise */
} UnitView;

typedef enum TrackerEventKind {
        TRACKER_ATTACHMENT_NEW,
        TRACKER_ATTACHMENT_CHANGED,
        TRACKER_ATTACHMENT_REMOVED,
        TRACKER_UNIT_CHANGED,
} TrackerEventKind;

/* Exactly one of the views is set. Called inside the tracker: note down and return, never call it back. */
typedef void (*TrackerEvent
)(void *userdata, TrackerEventKind kind, const AttachmentView *attachment, const UnitView *unit);

typedef struct TrackerOptions {
        const KernelOps *ops;
        const char *
                pin_directory; /* existing directory on a bpffs; NULL: links are held by descriptors alone */
        const char *state_path; /* journal file; NULL: none is kept */
        const char *boot_id; /* 32 hex digits; NULL: this boot's */
        TrackerEvent event; /* or NULL */
        void *userdata;
} TrackerOptions;

/* Makes an empty tracker; texts are copied. Nothing is read yet: tracker_restore() must be called once before
 * anything else is. */
int tracker_new(const TrackerOptions *options, Tracker **ret, Diag *diag);

/* Detaches everything it holds, quarantined things too, and forgets the units: a later start begins anew. Tries each even
 * if one fails; the first error is returned, and what could not be detached stays recorded. */
int tracker_let_go(Tracker *tracker, Diag *diag);

/* tracker_let_go(), then releases it. NULL is allowed. */
Tracker *tracker_free(Tracker *tracker);

/* Releases it without detaching: pins, legacy attachments and descriptors kept elsewhere hold on. For exit with
 * OnStop=keep. Descriptors of links are closed. */
Tracker *tracker_forget(Tracker *tracker);
DEFINE_CLEANUP(Tracker, tracker_forget);

typedef struct RestoreReport {
        bool first_start; /* there was no state at all: units met now are met on first install */
        bool other_boot; /* the state was of another boot and has been set aside as STATE.old */
        bool unknown_version; /* nothing touched, everything quarantined, the tracker is read-only */
        unsigned restored, quarantined, settled, refused_lines;
} RestoreReport;

/* Reads everything (snapshot of a re-exec if given, the journal, the pins), verifies everything against the
 * kernel, settles open intents. Descriptors are taken out of inherited, those nobody claims too, into quarantine;
 * what is no BPF object is closed.
 * Problems with single records do not fail it; they are counted, logged at debug, and shown as quarantined.
 * snapshot NULL: none. Negative only if the tracker cannot work at all. */
int tracker_restore(
        Tracker *tracker,
        const char *snapshot,
        size_t snapshot_size,
        FdSet *inherited,
        RestoreReport *ret,
        Diag *diag
);

/* Lines of problems that restore met ("state line 12: ..."), NULL at the end. Static until the next restore. */
const char *const *tracker_restore_messages(const Tracker *tracker);

/* Writes the whole state as a text that ends with end=N; descriptors of links are put into fds (borrowed). The
 * tracker stays as it is. */
int tracker_snapshot(const Tracker *tracker, Writer *writer, FdSet *fds);

typedef enum ApplyReason {
        APPLY_START, /* before the first instruction: a required line that fails undoes all and refuses */
        APPLY_LATE, /* the unit runs already */
        APPLY_RELOAD, /* files changed: what fails leaves the old in force */
        APPLY_RESTORE, /* first look after a restart of ours */
} ApplyReason;

/* Where a unit lives. */
typedef struct UnitPlace {
        const char *unit;
        const char *invocation_id; /* 32 hex digits */
        const char *cgroup; /* path */
        uint64_t cgroup_id; /* 0: whatever is at the path now */
} UnitPlace;

enum {
        APPLY_COVERED = 0, /* all in force (or skipped as optional) */
        APPLY_DEGRADED =
                1, /* some wanted, optional or (not at start) required line is not in force */
        APPLY_REFUSED = 2, /* a required line failed; at APPLY_START nothing is left attached */
};

/* Brings one unit to what its targets say. Same cgroup and other invocation id: its attachments are transferred.
 * Another cgroup id than before: the old attachments are freed after the new ones are made. Held-off units are
 * left alone (APPLY_DEGRADED) except by APPLY_START. Failed targets keep what they had in force. Answers APPLY_*, or
 * a negative errno if nothing could be tried (-ESTALE: other cgroup at the path, -EROFS: read-only, -ENOSPC: a
 * limit); diag has the first failure, problems of the unit have all. */
int tracker_apply(
        Tracker *tracker,
        const UnitPlace *place,
        const TargetSet *targets,
        ApplyReason reason,
        Diag *diag
);

/* Marks a unit as degraded without touching what it has in force, since its files cannot be read. */
int tracker_unit_problem(
        Tracker *tracker,
        const char *unit,
        const char *origin,
        const char *text,
        Policy policy
);

/* The unit has stopped or is no longer ours: frees its attachments and forgets it. 0 also if it is unknown. */
int tracker_unit_stop(Tracker *tracker, const char *unit, Diag *diag);

/* The unit's cgroup was seen empty after the attach, or its hook was used: what is claimed to users. */
int tracker_unit_set_covered_from_start(Tracker *tracker, const char *unit, bool covered);

/* Operator's detach: frees the attachments and holds the unit off until its next start or tracker_unit_release().
 * -ENOENT: unknown. */
int tracker_unit_detach(Tracker *tracker, const char *unit, Diag *diag);
int tracker_unit_release(Tracker *tracker, const char *unit);
int tracker_detach(Tracker *tracker, uint64_t id, Diag *diag);
/* Detaches one for good, without holding it off. -ENOENT: there is none of that id. */
int tracker_free_attachment(Tracker *tracker, uint64_t id, Diag *diag);
int tracker_detach_all(Tracker *tracker, Diag *diag); /* quarantined things too */

/* One program by descriptor instead of a file, held until tracker_detach(). The descriptors stay the caller's.
 * -EBUSY: a program in the way (named in diag), foreign without takeover or one of ours. */
typedef struct ProgramRequest {
        const char *unit; /* whose it is; NULL: nobody's but the holder's of its lease */
        const char *invocation_id; /* of the unit; NULL: the one it has */
        int prog_fd;
        int cgroup_fd;
        Hook hook;
        AttachMode mode;
        Via via;
        bool lease;
        bool takeover; /* a foreign program in the way in override or exclusive mode is displaced; ours never is */
        bool adopt; /* by tracker_adopt(): the program is there, and stays whatever happens */
        const char *origin; /* who asked, for people */
} ProgramRequest;
int tracker_attach_program(
        Tracker *tracker,
        const ProgramRequest *request,
        uint64_t *ret_id,
        Diag *diag
);

/* Makes a program that somebody else attached without a link to the unit's cgroup (place->cgroup_id: which one) an
 * attachment of the unit, in the mode it has and without a moment in which it is not in force. Files have no say about it: it
 * stays until the unit stops or it is detached. On failure the foreign attachment is as it was. -ENOENT: it is not
 * attached there; -EBUSY: it is ours already, or held by a link; -EPERM: an exclusive program above came later, the kernel
 * would not take it again; -EOPNOTSUPP: this kernel can exchange nothing in such a list. */
int tracker_adopt(
        Tracker *tracker,
        const UnitPlace *place,
        uint32_t prog_id,
        uint64_t *ret_id,
        Diag *diag
);

/* How many attachments are not what their record says, or are known not to be. Asks the kernel, changes nothing. */
size_t tracker_count_lost(Tracker *tracker);

/* Looks at all attachments once: defunct links, programs gone. Marks them drifted or defunct; the number found. */
int tracker_check(Tracker *tracker);

bool tracker_is_read_only(const Tracker *tracker);
uint64_t tracker_generation(const Tracker *tracker);

/* Attachments in the order of their ids, quarantined things last; index from 0. */
size_t tracker_n_attachments(const Tracker *tracker);
bool tracker_get_attachment(const Tracker *tracker, size_t index, AttachmentView *ret);
bool tracker_find_attachment(const Tracker *tracker, uint64_t id, AttachmentView *ret);

/* Units in the order they were met. */
size_t tracker_n_units(const Tracker *tracker);
bool tracker_get_unit(const Tracker *tracker, size_t index, UnitView *ret);
bool tracker_find_unit(const Tracker *tracker, const char *unit, UnitView *ret);

/* What tracker_apply() would do, in words for people: one line a step with the kernel call, conflicts and cost.
 * Compares with what the kernel has now, so a repair of drift nobody has noticed yet is shown. The array (NULL at the
 * end) and its texts belong to the caller. Asks the kernel, changes nothing. */
typedef struct PlanStep {
        char *operation; /* attach replace keep detach adopt conflict skip */
        char *hook;
        char *call; /* exact calls, or why not */
        char *object;
        char *origin;
        char *cost; /* such as "37 cgroups below" */
        uint64_t id; /* of the attachment concerned; 0 for a new one */
        bool conflict;
} PlanStep;
int tracker_plan(
        Tracker *tracker,
        const UnitPlace *place,
        const TargetSet *targets,
        PlanStep **ret,
        size_t *ret_n,
        Diag *diag
);
void plan_steps_free(PlanStep *steps, size_t n);
