/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/track/state-image.h"

#include <errno.h>
#include <string.h>

#include "src/base/text.h"

static void free_record(void *record) {
        attachment_record_free(record);
}

static void free_program(void *program) {
        known_program_unref(program);
}

static void free_unit(void *unit) {
        tracked_unit_free(unit);
}

static void refusal_done(void *refusal) {
        g_free(((StateRefusal *)refusal)->reason);
}

static StateImage *image_new(void) {
        StateImage *image = g_new0(StateImage, 1);

        image->attachments = g_ptr_array_new_with_free_func(free_record);
        image->by_id = g_hash_table_new(g_int64_hash, g_int64_equal);
        image->programs = g_ptr_array_new_with_free_func(free_program);
        image->units = g_ptr_array_new_with_free_func(free_unit);
        image->unit_places = g_hash_table_new(NULL, NULL); /* interned names: equal pointers */
        image->intents = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, free_record);
        image->duplicates = g_ptr_array_new_with_free_func(free_record);
        image->refused = g_array_new(FALSE, FALSE, sizeof(StateRefusal));
        g_array_set_clear_func(image->refused, refusal_done);
        return image;
}

StateImage *state_image_free(StateImage *image) {
        if (!image)
                return NULL;
        g_free(image->boot_id);
        g_hash_table_unref(image->by_id);
        g_hash_table_unref(image->unit_places);
        g_hash_table_unref(image->intents);
        g_ptr_array_unref(image->attachments);
        g_ptr_array_unref(image->programs);
        g_ptr_array_unref(image->units);
        g_ptr_array_unref(image->duplicates);
        g_array_unref(image->refused);
        g_free(image);
        return NULL;
}

static void refuse(StateImage *image, unsigned line, const char *reason) {
        StateRefusal refusal = { .line = line, .reason = g_strdup(reason) };

        g_array_append_val(image->refused, refusal);
}

/* In a journal the last line for an id wins and keeps its place; in a snapshot the first wins. */
static void add_attachment(StateImage *image, AttachmentRecord *record, bool is_journal) {
        AttachmentRecord *old = NULL;

        if (!record->three_word)
                old = g_hash_table_lookup(image->by_id, &record->attachment->id);
        if (old && !is_journal) {
                g_ptr_array_add(image->duplicates, record);
                return;
        }
        if (!record->three_word)
                g_hash_table_replace(image->by_id, &record->attachment->id, record);
        record->place = old ? old->place : image->attachments->len;
        if (old) {
                image->attachments->pdata[old->place] = record;
                attachment_record_free(old);
                return;
        }
        g_ptr_array_add(image->attachments, record);
}

/* Ids are never given twice, not even those whose attachment is gone. */
static void see_id(StateImage *image, uint64_t id) {
        if (id >= image->next_id && id <= RECORD_ID_MAX)
                image->next_id = id + 1;
}

static int take_attachment(
        StateImage *image,
        const Record *line,
        unsigned number,
        bool is_journal,
        Diag *diag
) {
        AttachmentRecord *record;
        int r = record_read_attachment(line, &record, diag);

        if (r < 0)
                return r;
        record->line = number;
        see_id(image, record->attachment->id);
        if (record->operation >= 0)
                g_hash_table_replace(image->intents, &record->attachment->id, record);
        else
                add_attachment(image, record, is_journal);
        return 0;
}

static int take_ended(StateImage *image, const Record *line, Diag *diag) {
        AttachmentRecord *record;
        uint64_t id;

        if (text_to_u64(record_value(line), &id) < 0)
                return diag_fail(diag, -EBADMSG, "'%s' is no id", record_value(line));
        see_id(image, id);
        g_hash_table_remove(image->intents, &id);
        if (strcmp(record_key(line), "commit") == 0)
                return 0;
        record = g_hash_table_lookup(image->by_id, &id);
        if (record) {
                g_hash_table_remove(image->by_id, &id);
                image->attachments->pdata[record->place] = NULL;
                attachment_record_free(record);
        }
        return 0;
}

static int take_program(StateImage *image, const Record *line, Diag *diag) {
        KnownProgram *program;
        int r = record_read_program(line, &program, diag);

        if (r >= 0)
                g_ptr_array_add(image->programs, program);
        return r;
}

static int take_unit(StateImage *image, const Record *line, Diag *diag) {
        TrackedUnit *unit;
        bool gone;
        guint place;
        int r = record_read_unit(line, &unit, &gone, diag);

        if (r < 0)
                return r;
        place = GPOINTER_TO_UINT(g_hash_table_lookup(image->unit_places, unit->name));
        if (place > 0)
                g_clear_pointer(&image->units->pdata[place - 1], free_unit);
        if (gone) {
                g_hash_table_remove(image->unit_places, unit->name);
                tracked_unit_free(unit);
                return 0;
        }
        g_ptr_array_add(image->units, unit);
        g_hash_table_replace(image->unit_places, unit->name, GUINT_TO_POINTER(image->units->len));
        return 0;
}

static int take_head(StateImage *image, const Record *line, Diag *diag) {
        const char *key = record_key(line), *value = record_value(line);
        uint64_t number;

        if (strcmp(key, "boot-id") == 0) {
                g_free(image->boot_id);
                image->boot_id = g_strdup(value);
                return 0;
        }
        if (text_to_u64(value, &number) < 0 || number > RECORD_ID_MAX)
                return diag_fail(diag, -EBADMSG, "'%s' is no number", value);
        if (strcmp(key, "generation") == 0)
                image->generation = number;
        else
                image->next_id = MAX(image->next_id, number);
        return 0;
}

static int take_line(
        StateImage *image,
        const Record *line,
        unsigned number,
        bool is_journal,
        Diag *diag
) {
        const char *key = record_key(line);

        if (strcmp(key, "attachment") == 0 || (is_journal && strcmp(key, "intent") == 0))
                return take_attachment(image, line, number, is_journal, diag);
        if (strcmp(key, "program") == 0)
                return take_program(image, line, diag);
        if (strcmp(key, "unit") == 0)
                return take_unit(image, line, diag);
        if (is_journal && (strcmp(key, "commit") == 0 || strcmp(key, "detached") == 0))
                return take_ended(image, line, diag);
        if (strcmp(key, "boot-id") == 0 || strcmp(key, "generation") == 0 ||
            strcmp(key, "next-id") == 0)
                return take_head(image, line, diag);
        return 0; /* unknown keys are of a later version: skipped */
}

static void read_lines(StateImage *image, Reader *reader, bool is_journal) {
        for (;;) {
                _cleanup_diag_ Diag diag = {};
                const Record *line;
                int r = reader_next(reader, &line, &diag);

                if (r == READER_TORN && !is_journal)
                        image->truncated = true;
                if (r == READER_END || r == READER_TORN)
                        return;
                if (r == READER_RECORD)
                        r = take_line(image, line, reader_line(reader), is_journal, &diag);
                if (r < 0)
                        refuse(image, reader_line(reader), diag_text(&diag, r));
        }
}

/* Lines of the head: boot-id, generation, next-id. */
#define HEAD_LINES 3U

bool state_image_is_superseded(const char *journal, size_t size, const StateImage *snapshot) {
        _cleanup_(state_image_free_ptr) StateImage *head = image_new();
        _cleanup_(reader_free_ptr) Reader *reader = NULL;

        if (snapshot->truncated || reader_new(journal, size, READER_JOURNAL, &reader) < 0 ||
            reader_header(reader, &head->version, NULL) < 0 || head->version != RECORD_VERSION)
                return false;
        for (unsigned i = 0; i < HEAD_LINES; i++) {
                const Record *line;

                if (reader_next(reader, &line, NULL) != READER_RECORD ||
                    take_line(head, line, reader_line(reader), true, NULL) < 0)
                        return false;
        }
        return head->generation > 0 && head->generation <= snapshot->generation &&
               text_equal(head->boot_id, snapshot->boot_id);
}

int state_image_read(const char *text, size_t size, bool is_journal, StateImage **ret, Diag *diag) {
        _cleanup_(state_image_free_ptr) StateImage *image = image_new();
        _cleanup_(reader_free_ptr) Reader *reader = NULL;
        int r = reader_new(text, size, is_journal ? READER_JOURNAL : 0, &reader);

        if (r < 0)
                return diag_errno(diag, r, "cannot read state");
        r = reader_header(reader, &image->version, diag);
        if (r < 0)
                return r;
        if (image->version != RECORD_VERSION) {
                r = diag_fail(
                        diag, -EPROTONOSUPPORT, "state text has version %u, this build knows %u",
                        image->version, RECORD_VERSION
                );
                *ret = TAKE_PTR(image);
                return r;
        }
        read_lines(image, reader, is_journal);
        if (!is_journal && reader_complete(reader) != 1)
                image->truncated = true;
        *ret = TAKE_PTR(image);
        return 0;
}
