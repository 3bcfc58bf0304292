/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Records of the state text, one key table for both directions: what is written can be read, key by key. */

#include "serialize/reader.h"
#include "serialize/writer.h"
#include "src/track/attachment.h"
#include "src/track/tracked-unit.h"

#define RECORD_VERSION 1U
#define RECORD_ID_MAX  (UINT64_MAX / 2) /* so that counting on from any id in a text cannot wrap */

/* Operations an intent line can announce. */
typedef enum IntentOperation {
        INTENT_ATTACH,
        INTENT_REPLACE,
        INTENT_DETACH,
        _INTENT_OPERATION_MAX,
        _INTENT_OPERATION_INVALID = -22,
} IntentOperation;
DECLARE_NAME_TABLE(IntentOperation, intent_operation); /* attach replace detach */

/* An attachment as a line tells it. */
typedef struct AttachmentRecord {
        Attachment *attachment; /* without program and descriptor */
        uint32_t prog_id;
        uint32_t old_prog_id; /* intent to replace: what was there before; else 0 */
        int fd; /* number in the text; -1: none */
        char *fd_name; /* @NAME of a carrier; else NULL */
        bool three_word; /* systemd's form: mode, ids and unit are unknown */
        IntentOperation operation; /* of an intent; invalid for an attachment line */
        unsigned line;
        unsigned place; /* index in the list it was read into */
} AttachmentRecord;

AttachmentRecord *attachment_record_free(AttachmentRecord *record);
DEFINE_CLEANUP(AttachmentRecord, attachment_record_free);

/* Writes one attachment line; fd is the number to write, -1 writes "-". */
void record_write_attachment(Writer *writer, const Attachment *attachment, int fd);

/* Writes an intent. attachment is what will be true afterwards; for INTENT_DETACH only its id is written. */
void record_write_intent(
        Writer *writer,
        IntentOperation operation,
        const Attachment *attachment,
        uint32_t old_prog_id
);
void record_write_commit(Writer *writer, uint64_t id);
void record_write_detached(Writer *writer, uint64_t id);
void record_write_program(Writer *writer, const KnownProgram *program);

/* A unit line; gone writes that it ended. */
void record_write_unit(Writer *writer, const TrackedUnit *unit, bool gone);

/* Header and the three lines behind it. */
void record_write_head(Writer *writer, const char *boot_id, uint64_t generation, uint64_t next_id);

/* Reads an attachment= or intent= line. -EBADMSG with the reason in diag. */
int record_read_attachment(const Record *record, AttachmentRecord **ret, Diag *diag);
int record_read_program(const Record *record, KnownProgram **ret, Diag *diag);

/* Reads a unit= line into a unit without descriptor; *ret_gone tells that it ended. */
int record_read_unit(const Record *record, TrackedUnit **ret, bool *ret_gone, Diag *diag);

/* All keys and field keys there are, NULL at the end: the manual must name each. Static. */
const char *const *record_keys(void);
