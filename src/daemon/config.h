/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* unitbpfd.conf and its drop-ins, section [Daemon]. A mistake in them never keeps the daemon from working: an
 * unknown key is a warning with file and line, and a bad value leaves the last good one in force. */

#include <stdbool.h>

#include <glib.h>

#include "src/base/name-table.h"

typedef enum OnStop {
        ON_STOP_KEEP,
        ON_STOP_DETACH,
        _ON_STOP_MAX,
        _ON_STOP_INVALID = -22,
} OnStop;
DECLARE_NAME_TABLE(OnStop, on_stop); /* keep detach */

typedef enum SourceKind {
        SOURCE_AUTO,
        SOURCE_CGROUP,
        SOURCE_SYSTEMD,
        _SOURCE_KIND_MAX,
        _SOURCE_KIND_INVALID = -22,
} SourceKind;
DECLARE_NAME_TABLE(SourceKind, source_kind); /* auto cgroup systemd */

typedef struct Config {
        OnStop on_stop;
        unsigned attach_timeout_sec;
        int log_level;
        SourceKind source;
        char *cgroup_root; /* NULL: default */
        char *bpffs; /* NULL: default */
        char **unit_path; /* NULL: default */
} Config;

typedef struct ConfigPlaces {
        const char *file; /* may be missing */
        const char *const *dropin_directories; /* highest precedence first, NULL at the end */
        bool trust; /* refuse what is not under root's control alone */
} ConfigPlaces;

void config_init(Config *config); /* the defaults */
void config_done(Config *config);

/* Reads the files into a new configuration. previous (NULL: the defaults) gives the value of a key that is set
 * badly. Each message (FILE:LINE: what is wrong) is appended to messages, an array that frees its texts. */
void config_load(
        const ConfigPlaces *places,
        const Config *previous,
        Config *ret,
        GPtrArray *messages
);
