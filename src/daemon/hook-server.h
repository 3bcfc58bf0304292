/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The socket units wait at before their first instruction (src/base/hook-protocol.h). It is served before everything
 * else, and only root is. */

#include "serialize/fdset.h"
#include "src/base/hook-protocol.h"
#include "src/daemon/daemon.h"

/* listen_fd is a listening socket taken over from before a re-exec (owned from now on), or -EBADF to make one. */
int hook_server_new(Daemon *daemon, int listen_fd, HookServer **ret, Diag *diag);
HookServer *hook_server_free(HookServer *server);

/* A connection accepted before a re-exec, not yet answered. Owns fd in any case. */
void hook_server_add_connection(HookServer *server, int fd);

/* Descriptors for a re-exec: calls each with a name ("hook", "hook-connection"). */
void hook_server_each_fd(
        const HookServer *server,
        void (*each)(int fd, const char *name, void *userdata),
        void *userdata
);

typedef struct HookRequest {
        char *unit;
        char invocation_id[HOOK_INVOCATION_SIZE + 1]; /* empty: not said */
} HookRequest;

/* *ret is to be released with hook_request_done(). -EBADMSG for anything else. Does not look at the descriptor. */
int hook_request_parse(const char *text, size_t size, HookRequest *ret);
void hook_request_done(HookRequest *request);
