/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One attachment: a program at a hook of one cgroup, and everything known of it. Texts that repeat over many
 * attachments are interned (GRefString), so that ten thousand of them stay small. */

#include <glib.h>

#include "src/track/known-program.h"
#include "src/track/tracker.h"

typedef struct Attachment {
        uint64_t id; /* 0: has none (a failed line, or a quarantined thing without pin) */
        GRefString *unit; /* NULL: not of a unit file */
        GRefString *invocation_id;
        GRefString *path; /* cgroup as opened */
        GRefString *origin;
        uint64_t cgroup_id;
        uint64_t since_usec;
        KnownProgram *program; /* NULL if not known (quarantine, failed line) */
        char *error, *detail;
        uint32_t link_id;
        int fd; /* of the link; -EBADF for legacy and where there is none */
        Hook hook;
        Via via;
        AttachMode mode;
        Policy policy;
        OnLoss on_loss;
        AttachmentState state;
        bool repair, covered_from_start, lease, adopted, pinned;
} Attachment;

Attachment *attachment_new(void);

/* Releases the memory alone: what it has open must have been closed or handed on before. */
Attachment *attachment_free(Attachment *attachment);
DEFINE_CLEANUP(Attachment, attachment_free);

/* Interned text for the fields above; NULL stays NULL. Belongs to the caller (text_release). */
GRefString *text_intern(const char *text);
void text_release(GRefString **text);
void text_assign(GRefString **field, const char *text);

/* The one place where a state changes: refuses transitions the table does not know, logs at debug. error may be
 * NULL, which clears the former one. */
void attachment_set_state(Attachment *attachment, AttachmentState state, const char *error);

/* Whether the lines of unit files decide about it; a lease and what was adopted are beside them. */
bool attachment_is_of_files(const Attachment *attachment);

/* Fills a view, all but its pin, whose name only the tracker knows. */
void attachment_view(const Attachment *attachment, AttachmentView *ret);

/* BPF_F_* mode flags of PROG_ATTACH, and back (_ATTACH_MODE_INVALID for what is none). */
uint32_t attach_mode_flags(AttachMode mode);
AttachMode attach_mode_from_flags(uint32_t flags);
