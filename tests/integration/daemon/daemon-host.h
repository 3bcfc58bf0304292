/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A unitbpfd of the test's own: private runtime directory, BPF file system, unit files and cgroup root, and the proof
 * at the end that nothing of them is left. The binaries come from the environment (UNITBPFD, UNITBPF_HOOK). */

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include <systemd/sd-bus.h>

#include "bpf/look/hook.h"

/* Makes the directories; exits 77 where the test cannot run. */
void daemon_host_begin(void);

/* Starts the daemon (more arguments, NULL at the end) and waits until it answers. */
void daemon_host_start(const char *first, ...);

/* Ends it by a signal and waits; returns the wait status. */
int daemon_host_stop(int signal);
pid_t daemon_host_pid(void);

/* Stops a daemon that still runs, removes everything, and checks that it is gone. */
void daemon_host_end(void);

/* Path below the test's directory; the caller's. */
char *daemon_host_path(const char *name);
/* Path of a cgroup below the unit root. */
char *daemon_host_cgroup(const char *name);
void daemon_host_make_cgroup(const char *name);
void daemon_host_remove_cgroup(const char *name);

/* Writes units/NAME. */
void daemon_host_unit(const char *name, const char *format, ...)
        __attribute__((__format__(__printf__, 2, 3)));

/* Pins a program that lets everything pass at this hook; path of the pin, the caller's. */
char *daemon_host_pin(const char *name, Hook hook);

/* A connection to the daemon; with sd_bus_unref() it ends. */
sd_bus *daemon_host_connect(void);

/* Calls a method of the manager on a connection of its own; error name "" when it went well. */
const char *daemon_host_call(const char *method, const char *types, ...);

/* Text value of a key of a unit or of the manager's property; the caller's, NULL if absent. */
char *daemon_host_unit_text(const char *unit, const char *key);
char *daemon_host_property(const char *name);

/* Number of programs at a hook of a cgroup, as the kernel says. */
unsigned daemon_host_programs(const char *cgroup, Hook hook);

/* Waits up to 5 s until the condition holds. */
bool daemon_host_wait(bool (*condition)(const void *userdata), const void *userdata);
bool daemon_host_wait_state(const char *unit, const char *state);
bool daemon_host_wait_programs(const char *cgroup, Hook hook, unsigned n);

/* Starts a process in the cgroup that sleeps; its pid. */
pid_t daemon_host_sleeper(const char *cgroup);

/* Runs unitbpf-hook inside the cgroup; its exit status. */
int daemon_host_hook(const char *cgroup, const char *unit, const char *policy, const char *timeout);
