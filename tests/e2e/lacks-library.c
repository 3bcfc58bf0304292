/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/e2e/library.h"

int main(void) {
        return e2e_library_answer();
}
