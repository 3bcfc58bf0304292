/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/daemon/log-journal.h"

/* fields tell where a message comes from by themselves */
#define SD_JOURNAL_SUPPRESS_LOCATION

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <systemd/sd-journal.h>

#include "src/base/log.h"
#include "src/base/text.h"

#define FIELDS_MAX     12
#define JOURNAL_SOCKET "/run/systemd/journal/socket"

typedef struct Entry {
        struct iovec fields[FIELDS_MAX];
        int n;
} Entry;

/* Takes over text; without memory the field is left out. */
static void add_field(Entry *entry, char *text) {
        if (text)
                entry->fields[entry->n++] = (struct iovec){ .iov_base = text,
                                                            .iov_len = strlen(text) };
}

/* The second field makes the message one of the unit's own for journalctl -u and systemctl status. */
static void add_unit(Entry *entry, const char *unit) {
        add_field(entry, text_format("UNITBPF_UNIT=%s", unit));
        add_field(entry, text_format("OBJECT_SYSTEMD_UNIT=%s", unit));
}

static void sink_journal(int level, const LogFields *fields, const char *text) {
        Entry entry = {};

        add_field(&entry, text_format("MESSAGE=%s", text));
        add_field(&entry, text_format("PRIORITY=%d", level));
        add_field(&entry, text_format("SYSLOG_IDENTIFIER=unitbpfd"));
        if (fields->unit)
                add_unit(&entry, fields->unit);
        if (fields->hook)
                add_field(&entry, text_format("UNITBPF_HOOK=%s", fields->hook));
        if (fields->message_id)
                add_field(&entry, text_format("MESSAGE_ID=%s", fields->message_id));
        if (fields->attachment_id)
                add_field(&entry, text_format("UNITBPF_ID=%" PRIu64, fields->attachment_id));
        if (fields->prog_id)
                add_field(&entry, text_format("UNITBPF_PROG_ID=%" PRIu32, fields->prog_id));
        if (fields->link_id)
                add_field(&entry, text_format("UNITBPF_LINK_ID=%" PRIu32, fields->link_id));
        if (entry.n == 0 || sd_journal_sendv(entry.fields, entry.n) < 0)
                (void)fprintf(stderr, "<%d>%s\n", level, text); /* the last place there is */
        for (int i = 0; i < entry.n; i++)
                free(entry.fields[i].iov_base);
}

void log_journal_use(void) {
        if (access(JOURNAL_SOCKET, W_OK) == 0 && !isatty(STDERR_FILENO))
                log_set_sink(sink_journal);
}
