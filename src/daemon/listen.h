/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Listening sockets of the file system, and who is at the other end. */

#include <sys/socket.h>
#include <sys/types.h>

#include "src/base/diag.h"

/* Makes a socket of this type (SOCK_STREAM, SOCK_SEQPACKET) at path, in place of what a crashed process left there.
 * Non-blocking; the caller's. */
int listen_on(const char *path, int type, mode_t mode, int *ret, Diag *diag);

/* Who connected, as the kernel knows it. */
int listen_peer(int fd, struct ucred *ret);
