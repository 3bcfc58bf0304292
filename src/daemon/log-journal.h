/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Log messages to the journal with their fields (UNITBPF_UNIT= and so on), where there is a journal and nobody
 * reads stderr on a terminal; else they stay on stderr. */

/* To be called once at start. */
void log_journal_use(void);
