/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Each kind of record is a table of fields: key, kind of value, place in the struct. The writer walks it, the
 * reader walks it, and the tests walk it; a key that only one side knows cannot happen. */

#include "src/track/record.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "src/base/text.h"

static const char *const intent_operation_names[_INTENT_OPERATION_MAX] = {
        [INTENT_ATTACH] = "attach",
        [INTENT_REPLACE] = "replace",
        [INTENT_DETACH] = "detach",
};
DEFINE_NAME_TABLE(IntentOperation, intent_operation, intent_operation_names);

typedef enum FieldKind {
        FIELD_TEXT, /* GRefString */
        FIELD_U64,
        FIELD_U32,
        FIELD_BOOL, /* written when true */
        FIELD_VIA,
        FIELD_POLICY,
        FIELD_ON_LOSS,
        FIELD_STATE, /* written when it is not "attached" */
        FIELD_UNIT_STATE, /* written when it is worse than "covered" */
} FieldKind;

typedef struct Field {
        const char *key;
        FieldKind kind;
        size_t offset;
        bool required;
} Field;

#define ATTACHMENT_FIELD(name, kind, member) \
        { name, kind, offsetof(Attachment, member), false }
#define ATTACHMENT_NEEDS(name, kind, member) \
        { name, kind, offsetof(Attachment, member), true }
#define UNIT_FIELD(name, kind, member) \
        { name, kind, offsetof(TrackedUnit, member), false }

static const Field attachment_fields[] = {
        ATTACHMENT_NEEDS("id", FIELD_U64, id),
        ATTACHMENT_FIELD("unit", FIELD_TEXT, unit),
        ATTACHMENT_FIELD("invocation-id", FIELD_TEXT, invocation_id),
        ATTACHMENT_NEEDS("via", FIELD_VIA, via),
        ATTACHMENT_NEEDS("cgroup-id", FIELD_U64, cgroup_id),
        /* prog-id stands here in the line: it lives in the program */
        ATTACHMENT_FIELD("link-id", FIELD_U32, link_id),
        ATTACHMENT_FIELD("policy", FIELD_POLICY, policy),
        ATTACHMENT_FIELD("covered-from-start", FIELD_BOOL, covered_from_start),
        ATTACHMENT_FIELD("origin", FIELD_TEXT, origin),
        ATTACHMENT_FIELD("state", FIELD_STATE, state),
        ATTACHMENT_FIELD("on-loss", FIELD_ON_LOSS, on_loss),
        ATTACHMENT_FIELD("repair", FIELD_BOOL, repair),
        ATTACHMENT_FIELD("lease", FIELD_BOOL, lease),
        ATTACHMENT_FIELD("adopted", FIELD_BOOL, adopted),
        ATTACHMENT_FIELD("since-usec", FIELD_U64, since_usec),
};
#define PROG_ID_BEHIND 5U /* prog-id is written behind the fifth field, as the manual shows it */

static const Field unit_fields[] = {
        UNIT_FIELD("cgroup", FIELD_TEXT, cgroup),
        UNIT_FIELD("cgroup-id", FIELD_U64, cgroup_id),
        UNIT_FIELD("invocation-id", FIELD_TEXT, invocation_id),
        UNIT_FIELD("held-off", FIELD_BOOL, held_off),
        UNIT_FIELD("covered-from-start", FIELD_BOOL, covered_from_start),
        UNIT_FIELD("since-usec", FIELD_U64, since_usec),
        UNIT_FIELD("state", FIELD_UNIT_STATE, state),
        UNIT_FIELD("state-since-usec", FIELD_U64, changed_usec),
};

static const char *const keys[] = {
        "boot-id", "generation",  "next-id",       "program", "attachment",
        "unit",    "end",         "intent",        "commit",  "detached",
        "crc",     "id",          "invocation-id", "via",     "cgroup-id",
        "prog-id", "old-prog-id", "link-id",       "policy",  "covered-from-start",
        "origin",  "state",       "on-loss",       "repair",  "lease",
        "adopted", "since-usec",  "name",          "object",  "object-id",
        "tag",     "cgroup",      "held-off",      "gone",    "state-since-usec",
        NULL,
};

const char *const *record_keys(void) {
        return keys;
}

static void write_field(Writer *writer, const Field *field, const void *base) {
        const void *at = (const char *)base + field->offset;

        switch (field->kind) {
        case FIELD_TEXT:
                writer_field(writer, field->key, *(GRefString *const *)at);
                break;
        case FIELD_U64:
                if (field->required || *(const uint64_t *)at)
                        writer_field_u64(writer, field->key, *(const uint64_t *)at);
                break;
        case FIELD_U32:
                if (*(const uint32_t *)at)
                        writer_field_u64(writer, field->key, *(const uint32_t *)at);
                break;
        case FIELD_BOOL:
                if (*(const bool *)at)
                        writer_field_bool(writer, field->key, true);
                break;
        case FIELD_VIA:
                writer_field(writer, field->key, via_to_string(*(const Via *)at));
                break;
        case FIELD_POLICY:
                writer_field(writer, field->key, policy_to_string(*(const Policy *)at));
                break;
        case FIELD_ON_LOSS:
                if (*(const OnLoss *)at != ON_LOSS_CONTINUE)
                        writer_field(writer, field->key, on_loss_to_string(*(const OnLoss *)at));
                break;
        case FIELD_STATE:
                if (*(const AttachmentState *)at != ATTACHMENT_ATTACHED)
                        writer_field(
                                writer, field->key,
                                attachment_state_to_string(*(const AttachmentState *)at)
                        );
                break;
        case FIELD_UNIT_STATE:
                if (*(const UnitState *)at > UNIT_COVERED)
                        writer_field(
                                writer, field->key, unit_state_to_string(*(const UnitState *)at)
                        );
                break;
        }
}

/* An enum read by name: 1 and stored, or -EINVAL. All our enums have the size of an int. */
static int read_enum(const char *value, int number, int *at) {
        if (!value)
                return 0;
        if (number < 0)
                return -EINVAL;
        *at = number;
        return 1;
}

/* 1 the field is there, 0 it is not, negative: malformed. */
static int read_field(const Record *record, const Field *field, void *base) {
        void *at = (char *)base + field->offset;
        const char *value = record_field(record, field->key);

        switch (field->kind) {
        case FIELD_TEXT:
                text_assign(at, value);
                return value != NULL;
        case FIELD_U64:
                return record_field_u64(record, field->key, at);
        case FIELD_U32:
                return record_field_u32(record, field->key, at);
        case FIELD_BOOL:
                return record_field_bool(record, field->key, at);
        case FIELD_VIA:
                return read_enum(value, via_from_string(value), at);
        case FIELD_POLICY:
                return read_enum(value, policy_from_string(value), at);
        case FIELD_ON_LOSS:
                return read_enum(value, on_loss_from_string(value), at);
        case FIELD_STATE:
                return read_enum(value, attachment_state_from_string(value), at);
        case FIELD_UNIT_STATE:
                return read_enum(value, unit_state_from_string(value), at);
        }
        return -EINVAL;
}

static int read_fields(const Record *record, const Field *fields, size_t n, void *base, Diag *diag) {
        for (size_t i = 0; i < n; i++) {
                int r = read_field(record, &fields[i], base);

                if (r < 0)
                        return diag_fail(
                                diag, -EBADMSG,
                                "bad value '%s' of %s=", record_field(record, fields[i].key),
                                fields[i].key
                        );
                if (r == 0 && fields[i].required)
                        return diag_fail(diag, -EBADMSG, "%s= is missing", fields[i].key);
        }
        return 0;
}

static void write_attachment_body(Writer *writer, const Attachment *a, uint32_t old_prog_id) {
        writer_word(writer, hook_to_string(a->hook) ?: "-");
        writer_word(writer, attach_mode_to_string(a->mode));
        writer_word(writer, a->path ?: "/");
        for (size_t i = 0; i < ELEMENTS(attachment_fields); i++) {
                if (i == PROG_ID_BEHIND && a->program)
                        writer_field_u64(writer, "prog-id", a->program->id);
                write_field(writer, &attachment_fields[i], a);
        }
        if (old_prog_id)
                writer_field_u64(writer, "old-prog-id", old_prog_id);
        writer_end(writer);
}

void record_write_attachment(Writer *writer, const Attachment *a, int fd) {
        if (fd >= 0)
                writer_begin_u64(writer, "attachment", (uint64_t)fd);
        else
                writer_begin(writer, "attachment", "-");
        write_attachment_body(writer, a, 0);
}

void record_write_intent(
        Writer *writer,
        IntentOperation operation,
        const Attachment *a,
        uint32_t old_prog_id
) {
        writer_begin_u64(writer, "intent", a->id);
        writer_word(writer, intent_operation_to_string(operation));
        if (operation == INTENT_DETACH)
                writer_end(writer);
        else
                write_attachment_body(writer, a, old_prog_id);
}

static void write_number_line(Writer *writer, const char *key, uint64_t value) {
        writer_begin_u64(writer, key, value);
        writer_end(writer);
}

void record_write_commit(Writer *writer, uint64_t id) {
        write_number_line(writer, "commit", id);
}

void record_write_detached(Writer *writer, uint64_t id) {
        write_number_line(writer, "detached", id);
}

/* PATH#NAME for a program of an object file; the bare path for a pin, which names one program by itself. */
static void write_object(Writer *writer, const KnownProgram *program) {
        bool is_pin = program->object_id &&
                      text_after_prefix(program->object_id, KNOWN_PROGRAM_PIN_PREFIX);
        char *object;

        if (!program->object || is_pin || !program->name) {
                writer_field(writer, "object", program->object);
                return;
        }
        object = g_strdup_printf("%s#%s", program->object, program->name);
        writer_field(writer, "object", object);
        g_free(object);
}

/* The path of object=PATH#NAME. */
static char *object_path(const char *object, const char *name) {
        const char *hash = object ? strrchr(object, '#') : NULL;

        if (hash && text_equal(hash + 1, name))
                return g_strndup(object, (gsize)(hash - object));
        return g_strdup(object);
}

void record_write_program(Writer *writer, const KnownProgram *program) {
        writer_begin(writer, "program", "-");
        writer_field_u64(writer, "id", program->id);
        writer_field(writer, "name", program->name);
        write_object(writer, program);
        writer_field(writer, "object-id", program->object_id);
        writer_field(writer, "tag", program->tag[0] ? program->tag : NULL);
        writer_end(writer);
}

void record_write_unit(Writer *writer, const TrackedUnit *unit, bool gone) {
        writer_begin(writer, "unit", unit->name);
        for (size_t i = 0; i < ELEMENTS(unit_fields) && !gone; i++)
                write_field(writer, &unit_fields[i], unit);
        if (gone)
                writer_field_bool(writer, "gone", true);
        writer_end(writer);
}

void record_write_head(Writer *writer, const char *boot_id, uint64_t generation, uint64_t next_id) {
        writer_header(writer, RECORD_VERSION);
        writer_begin(writer, "boot-id", boot_id);
        writer_end(writer);
        write_number_line(writer, "generation", generation);
        write_number_line(writer, "next-id", next_id);
}

AttachmentRecord *attachment_record_free(AttachmentRecord *record) {
        if (!record)
                return NULL;
        attachment_free(record->attachment);
        g_free(record->fd_name);
        g_free(record);
        return NULL;
}

static int read_fd_word(const char *word, AttachmentRecord *record, Diag *diag) {
        int r;

        if (strcmp(word, "-") == 0)
                return 0;
        if (word[0] == '@' && word[1]) {
                record->fd_name = g_strdup(word + 1);
                return 0;
        }
        r = text_to_fd(word, &record->fd);
        if (r < 0 || record->fd < 3) {
                record->fd = -1;
                return diag_fail(diag, -EBADMSG, "'%s' is no descriptor number", word);
        }
        return 0;
}

static int read_three_word(const Record *line, AttachmentRecord *record, Diag *diag) {
        char *path = NULL;
        int r = record_three_word_path(line, &path);

        if (r < 0)
                return diag_fail(diag, -EBADMSG, "bad escape in the path");
        if (r == 0)
                return 0;
        record->three_word = true;
        record->attachment->mode = _ATTACH_MODE_INVALID;
        text_assign(&record->attachment->path, path);
        free(path);
        return 1;
}

/* Words behind the first: [OP] TYPE FLAGS PATH. */
static int read_words(const Record *line, size_t first, AttachmentRecord *record, Diag *diag) {
        Attachment *a = record->attachment;
        const char *type = record_word(line, first), *flags = record_word(line, first + 1);
        const char *path = record_word(line, first + 2);

        if (!type || !flags || !path)
                return diag_fail(diag, -EBADMSG, "it needs type, flags and path");
        a->hook = hook_from_string(type);
        if (a->hook < 0)
                return diag_fail(diag, -EBADMSG, "unknown attach type '%s'", type);
        a->mode = attach_mode_from_string(flags);
        if (a->mode < 0)
                return diag_fail(diag, -EBADMSG, "unknown flags '%s'", flags);
        if (path[0] != '/' && !text_after_prefix(path, "netns:"))
                return diag_fail(diag, -EBADMSG, "'%s' is no path", path);
        text_assign(&a->path, path);
        return read_fields(line, attachment_fields, ELEMENTS(attachment_fields), a, diag);
}

static bool is_cgroup_hook(Hook hook) {
        return hook_info(hook)->target == HOOK_TARGET_CGROUP;
}

/* What the fields say together. A hook of another kind of target must never meet a cgroup's descriptor: the kernel
 * reads the same word as the number of an interface. */
static int check_sense(const AttachmentRecord *record, Diag *diag) {
        const Attachment *a = record->attachment;
        bool cgroup_via = a->via == VIA_CGROUP_LINK || a->via == VIA_CGROUP_LEGACY;

        if (a->id == 0 || a->id > RECORD_ID_MAX)
                return diag_fail(diag, -EBADMSG, "%" PRIu64 " is no id", a->id);
        if (is_cgroup_hook(a->hook) != cgroup_via)
                return diag_fail(
                        diag, -EBADMSG, "%s cannot be had by %s", hook_to_string(a->hook),
                        via_to_string(a->via)
                );
        if (a->via == VIA_CGROUP_LINK && a->mode != ATTACH_MULTI)
                return diag_fail(
                        diag, -EBADMSG, "a link is never %s", attach_mode_to_string(a->mode)
                );
        if (record->operation >= 0)
                return 0; /* an intent: pending by nature */
        if (a->state == ATTACHMENT_PENDING || a->state == ATTACHMENT_FAILED ||
            a->state == ATTACHMENT_QUARANTINED)
                return diag_fail(
                        diag, -EBADMSG, "what is %s has no record",
                        attachment_state_to_string(a->state)
                );
        return 0;
}

static int read_attachment_line(const Record *line, AttachmentRecord *record, Diag *diag) {
        int r = read_fd_word(record_value(line), record, diag);

        if (r < 0)
                return r;
        r = read_three_word(line, record, diag);
        if (r < 0)
                return r;
        if (r > 0) {
                record->attachment->hook = hook_from_string(record_word(line, 0));
                if (record->attachment->hook < 0 || !is_cgroup_hook(record->attachment->hook))
                        return diag_fail(
                                diag, -EBADMSG, "unknown attach type '%s'", record_word(line, 0)
                        );
                if (record->fd < 0)
                        return diag_fail(diag, -EBADMSG, "the three-word form needs a descriptor");
                return 0;
        }
        return read_words(line, 0, record, diag);
}

static int read_intent_line(const Record *line, AttachmentRecord *record, Diag *diag) {
        const char *word = record_word(line, 0);
        uint64_t id;

        if (text_to_u64(record_value(line), &id) < 0 || id == 0 || id > RECORD_ID_MAX)
                return diag_fail(diag, -EBADMSG, "'%s' is no id", record_value(line));
        record->operation = intent_operation_from_string(word);
        if (record->operation < 0)
                return diag_fail(diag, -EBADMSG, "unknown operation '%s'", word ?: "");
        if (record->operation == INTENT_DETACH) {
                record->attachment->id = id;
                return 0;
        }
        return read_words(line, 1, record, diag);
}

int record_read_attachment(const Record *line, AttachmentRecord **ret, Diag *diag) {
        _cleanup_(attachment_record_free_ptr)
                AttachmentRecord *record = g_new0(AttachmentRecord, 1);
        int r;

        record->attachment = attachment_new();
        record->attachment->state = ATTACHMENT_ATTACHED;
        record->fd = -1;
        record->operation = _INTENT_OPERATION_INVALID;
        if (strcmp(record_key(line), "intent") == 0)
                r = read_intent_line(line, record, diag);
        else
                r = read_attachment_line(line, record, diag);
        if (r < 0)
                return r;
        if (record_field_u32(line, "prog-id", &record->prog_id) < 0 ||
            record_field_u32(line, "old-prog-id", &record->old_prog_id) < 0)
                return diag_fail(diag, -EBADMSG, "bad program id");
        if (!record->three_word && record->operation != INTENT_DETACH) {
                r = check_sense(record, diag);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(record);
        return 0;
}

int record_read_program(const Record *line, KnownProgram **ret, Diag *diag) {
        const char *object = record_field(line, "object"), *tag = record_field(line, "tag");
        uint32_t id = 0;
        char *path;

        if (record_field_u32(line, "id", &id) != 1 || id == 0)
                return diag_fail(diag, -EBADMSG, "a program needs a good id=");
        path = object_path(object, record_field(line, "name"));
        *ret = known_program_new(
                id, record_field(line, "name"), path, record_field(line, "object-id")
        );
        g_free(path);
        if (tag)
                (void)g_strlcpy((*ret)->tag, tag, sizeof(*ret)->tag); /* information only */
        return 0;
}

int record_read_unit(const Record *line, TrackedUnit **ret, bool *ret_gone, Diag *diag) {
        TrackedUnit *unit = tracked_unit_new(record_value(line));
        bool gone = false;
        int r = record_field_bool(line, "gone", &gone);

        if (r >= 0 && !gone)
                r = read_fields(line, unit_fields, ELEMENTS(unit_fields), unit, diag);
        if (r < 0) {
                tracked_unit_free(unit);
                return diag_fail(diag, -EBADMSG, "bad unit line");
        }
        *ret = unit;
        *ret_gone = gone;
        return 0;
}
