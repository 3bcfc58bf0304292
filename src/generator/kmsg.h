/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where a generator can speak: the journal may not be there yet, but what is in the kernel's log gets into it. */

/* One line at warning level. Of many lines only the first are said, and that there were more. */
void kmsg_warn(const char *format, ...) __attribute__((__format__(__printf__, 1, 2)));
