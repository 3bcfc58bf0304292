/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What unitbpf-hook and unitbpfd say to each other on RUNTIME/hook, a socket of type SOCK_SEQPACKET. One packet there:
 *
 *         start UNIT [INVOCATION]
 *
 * with the O_PATH descriptor of the cgroup by SCM_RIGHTS, or without one: then it is the cgroup of the process that
 * connected. INVOCATION is 32 hexadecimal digits, as the service manager says them to the commands of a start,
 *
 * and one packet back, a single line:
 *
 *         ok
 *         degraded TEXT         the unit may start
 *         refused TEXT          it must not
 *
 * after which the daemon closes. Both are told apart by SO_PEERCRED: the daemon answers root only. */

#define HOOK_SOCKET            "hook" /* below the runtime directory */
#define HOOK_REQUEST_PREFIX    "start "
#define HOOK_ANSWER_OK         "ok"
#define HOOK_ANSWER_DEGRADED   "degraded "
#define HOOK_ANSWER_REFUSED    "refused "
#define HOOK_INVOCATION_SIZE   32U
#define HOOK_INVOCATION_DIGITS "0123456789abcdef"
#define HOOK_PACKET_MAX        4096U /* bytes of one packet; a longer text is cut */
