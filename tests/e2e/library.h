/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* All there is in the library that one of the binaries lacks; 0. */
int e2e_library_answer(void);
