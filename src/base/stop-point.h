/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A stop point is a place in the code at which a test can have the process killed, to prove that a crash
 * right there loses nothing. Without the environment variable UNITBPF_STOP_POINT it is one comparison.
 * UNITBPF_STOP_POINT=NAME[:COUNT] kills with SIGKILL at the COUNT-th (default 1st) arrival at NAME;
 * NAME "*" counts the arrivals at all of them. UNITBPF_STOP_POINT_LOG=FILE appends each name passed. */
void stop_point(const char *name);
