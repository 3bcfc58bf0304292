/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Every bound of the program, in one place. Beyond a bound there is a clear error, never a cut. */

#define LIMIT_LINE_BYTES          (64U * 1024U) /* one line of the state text or journal */
#define LIMIT_STATE_BYTES         (64U * 1024U * 1024U) /* a whole state text or journal */
#define LIMIT_RECORD_WORDS        128U /* words on one line of the state text */
#define LIMIT_UNIT_NAME           255U /* as systemd: bytes of a unit name */
#define LIMIT_UNIT_FILE_BYTES     (1024U * 1024U)
#define LIMIT_UNIT_LINE_BYTES     (64U * 1024U)
#define LIMIT_UNIT_DROPINS        256U
#define LIMIT_UNIT_DIRECTIVES     1024U /* [X-BPF] lines of one unit */
#define LIMIT_UNIT_PROGRAMS       512U /* attachments of one unit */
#define LIMIT_UNITS               16384U
#define LIMIT_ATTACHMENTS         65536U
#define LIMIT_HOOK_PROGRAMS       64U /* kernel: per cgroup and attach type */
#define LIMIT_OBJECT_BYTES        (64U * 1024U * 1024U)
#define LIMIT_OBJECT_PROGRAMS     1024U
#define LIMIT_OBJECT_MAPS         1024U
#define LIMIT_OBJECT_VARIABLES    16384U
#define LIMIT_VERIFIER_LOG_BYTES  (16U * 1024U * 1024U)
#define LIMIT_QUARANTINE          4096U
#define LIMIT_CGROUP_DEPTH        16U /* below the unit root */
#define LIMIT_BUS_CONNECTIONS     256U
#define LIMIT_BUS_CONNECTIONS_UID 32U /* for each uid but root */
#define LIMIT_BUS_CALLS_PENDING   64U
#define LIMIT_BUS_MESSAGE_BYTES   (1024U * 1024U) /* incoming, of all but root */
#define LIMIT_BUS_UNREAD_BYTES    (16U * 1024U * 1024U) /* answers kept for one uid but root */
#define LIMIT_HOOK_CONNECTIONS    512U
#define LIMIT_LEASES              4096U
#define LIMIT_MAP_DUMP_ENTRIES    10000U /* shown by the maps verb */
#define LIMIT_ATTACH_TIMEOUT_SEC  10U /* default of AttachTimeoutSec= */
