/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/track/attachment.h"

#include <inttypes.h>
#include <linux/bpf.h>

#include "src/base/log.h"

GRefString *text_intern(const char *text) {
        return text ? g_ref_string_new_intern(text) : NULL;
}

void text_release(GRefString **text) {
        if (*text)
                g_ref_string_release(*text);
        *text = NULL;
}

void text_assign(GRefString **field, const char *text) {
        GRefString *fresh = text_intern(text); /* before the release: text may be the field's own */

        text_release(field);
        *field = fresh;
}

Attachment *attachment_new(void) {
        Attachment *attachment = g_new0(Attachment, 1);

        attachment->fd = -EBADF;
        attachment->hook = _HOOK_INVALID;
        attachment->via = _VIA_INVALID;
        attachment->state = ATTACHMENT_PENDING;
        return attachment;
}

Attachment *attachment_free(Attachment *attachment) {
        if (!attachment)
                return NULL;
        text_release(&attachment->unit);
        text_release(&attachment->invocation_id);
        text_release(&attachment->path);
        text_release(&attachment->origin);
        known_program_unref(attachment->program);
        g_free(attachment->error);
        g_free(attachment->detail);
        g_free(attachment);
        return NULL;
}

void attachment_set_state(Attachment *attachment, AttachmentState state, const char *error) {
        char *text = g_strdup(error);

        g_assert(attachment_state_may_follow(attachment->state, state));
        if (attachment->state != state)
                log_debug(
                        "attachment %" PRIu64 " of '%s': %s -> %s%s%s", attachment->id,
                        attachment->unit ?: "-", attachment_state_to_string(attachment->state),
                        attachment_state_to_string(state), text ? ": " : "", text ?: ""
                );
        attachment->state = state;
        g_free(attachment->error);
        attachment->error = text;
        g_clear_pointer(&attachment->detail, g_free);
}

void attachment_view(const Attachment *a, AttachmentView *ret) {
        const KnownProgram *program = a->program;

        *ret = (AttachmentView){
                .id = a->id,
                .unit = a->unit,
                .invocation_id = a->invocation_id,
                .hook = a->hook,
                .via = a->via,
                .mode = a->mode,
                .target = a->path,
                .cgroup_id = a->cgroup_id,
                .program = program ? program->name : NULL,
                .object = program ? program->object : NULL,
                .prog_tag = program && program->tag[0] ? program->tag : NULL,
                .prog_id = program ? program->id : 0,
                .link_id = a->link_id,
                .policy = a->policy,
                .state = a->state,
                .covered_from_start = a->covered_from_start,
                .lease = a->lease,
                .origin = a->origin,
                .since_usec = a->since_usec,
                .error = a->error,
                .detail = a->detail,
                .fd = a->fd,
        };
        if (a->state == ATTACHMENT_HELD_OFF) /* what had these ids is gone */
                ret->prog_id = ret->link_id = 0;
}

bool attachment_is_of_files(const Attachment *a) {
        return !a->lease && !a->adopted;
}

uint32_t attach_mode_flags(AttachMode mode) {
        switch (mode) {
        case ATTACH_MULTI:
                return BPF_F_ALLOW_MULTI;
        case ATTACH_OVERRIDE:
                return BPF_F_ALLOW_OVERRIDE;
        case ATTACH_EXCLUSIVE:
        case _ATTACH_MODE_MAX:
        case _ATTACH_MODE_INVALID:
                break;
        }
        return 0;
}

AttachMode attach_mode_from_flags(uint32_t flags) {
        if (flags & BPF_F_ALLOW_MULTI)
                return ATTACH_MULTI;
        if (flags & BPF_F_ALLOW_OVERRIDE)
                return ATTACH_OVERRIDE;
        return flags == 0 ? ATTACH_EXCLUSIVE : _ATTACH_MODE_INVALID;
}
