/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What libbpf would print, kept instead: nothing of it may reach the standard error of a daemon or of a program that
 * embeds us, and all of it may explain a failure. */

#include "bpf/kernel-ops.h"
#include "src/base/cleanup.h"

typedef struct Messages {
        char *text; /* lines of warnings; NULL: none yet */
        size_t size;
        char program[KERNEL_NAME_MAX * 4]; /* the one whose load failed last; empty: none */
} Messages;

/* Catches the messages of this thread in memory of the caller, until messages_end(). Does not nest, and libbpf has one print
 * function for the whole process, so it is not for several threads at once. */
void messages_begin(Messages *messages);

/* Releases what was caught and lets libbpf print as before. */
void messages_end(Messages *messages);

#define _cleanup_messages_ _cleanup_(messages_end)

/* First line, without newline and without the name of the library. Belongs to the caller; NULL if there is none. */
char *messages_first(const Messages *messages);
