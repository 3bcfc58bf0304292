/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Times for people. The texts belong to the caller. */

#include <stdint.h>

/* "5min ago", "in 3s" for what lies ahead; both in microseconds of CLOCK_REALTIME. */
char *human_ago(uint64_t usec, uint64_t now);

/* "Sat 2026-11-21 02:40:11 UTC" in local time. */
char *human_timestamp(uint64_t usec);

uint64_t human_now(void);
