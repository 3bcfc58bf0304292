/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A command born inside a cgroup, and the wait for its end with signals passed on. */

/* Starts the command (argv, NULL at the end; PATH is searched) as a child that is a member of the cgroup from its
 * first instruction, and waits for it. Signals sent to this process go on to the command; those a terminal sends
 * reach it anyway. Returns the exit status to end with: the command's own, 128 + N if signal N killed it, 126 or
 * 127 if it cannot be executed or found, 125 if it could not even be tried; what happened has been said. */
int child_run(int cgroup_fd, char *const *argv);
