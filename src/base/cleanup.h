/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Ownership made visible: every owning local carries one of these attributes and a start value, and
 * ownership leaves a function only through TAKE_PTR or TAKE_FD. */

#include <stdlib.h>

#define _cleanup_(f)   __attribute__((__cleanup__(f)))
#define _public_       __attribute__((__visibility__("default")))
#define _printf_(a, b) __attribute__((__format__(__printf__, a, b)))
#define _unused_       __attribute__((__unused__))
#define _must_check_   __attribute__((__warn_unused_result__))

/* Hands a pointer on: evaluates to its value and leaves NULL behind. */
#define TAKE_PTR(p)                            \
        ({                                     \
                typeof(p) *_take_ptr = &(p);   \
                typeof(p) _taken = *_take_ptr; \
                *_take_ptr = NULL;             \
                _taken;                        \
        })

/* Hands a file descriptor on: evaluates to its number and leaves -EBADF behind. */
#define TAKE_FD(fd)                        \
        ({                                 \
                int *_take_fd = &(fd);     \
                int _taken_fd = *_take_fd; \
                *_take_fd = -9;            \
                _taken_fd;                 \
        })

/* Makes release_ptr() out of release(), for use as _cleanup_(release_ptr). release must accept what
 * a half-built object looks like; it is not called for NULL. */
#define DEFINE_CLEANUP(type, release)                \
        static inline void release##_ptr(type **p) { \
                if (*p)                              \
                        (void)release(*p);           \
        }                                            \
        struct unitbpf_swallow_semicolon

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

static inline void free_memory_ptr(void *p) {
        free(*(void **)p);
}

#define _cleanup_free_ _cleanup_(free_memory_ptr)
