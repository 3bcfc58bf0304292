/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A subprogram alone is no program. */

int helper(int a);

int helper(int a) {
        return a + 1;
}
