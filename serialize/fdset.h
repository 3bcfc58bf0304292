/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A set of file descriptors on their way from one process image to the next. On the giving side it *borrows*
 * descriptors: no duplicates, the owner keeps them and a failed exec changes nothing. On the taking side it
 * *owns* what was inherited until somebody takes a descriptor out, once; what nobody claimed stays in the set
 * for quarantine and is closed only with the set. */

#include <stdbool.h>
#include <stddef.h>

#include "src/base/cleanup.h"

typedef struct FdSet FdSet;

FdSet *fdset_new(void); /* NULL without memory */
FdSet *fdset_free(FdSet *set);
DEFINE_CLEANUP(FdSet, fdset_free);

/* Adds fd without owning it. -EBADF if it is no descriptor or below 3, -EEXIST if it is in the set. */
int fdset_borrow(FdSet *set, int fd);

/* Adds fd and owns it from now on (on failure it stays the caller's). Same errors. */
int fdset_adopt(FdSet *set, int fd);

/* Adopts every descriptor of 3 or above that is not close-on-exec, and sets close-on-exec on each at once.
 * keep lists descriptors to leave out (not touched), ending with -1; NULL: none. On failure those adopted so far
 * are in the set. */
int fdset_adopt_inherited(FdSet *set, const int *keep);

/* Takes fd out; it is the caller's from now on (a borrowed one remains its owner's). Returns fd, or -ENOENT if
 * it is not, or no longer, in the set. */
int fdset_take(FdSet *set, int fd);

bool fdset_contains(const FdSet *set, int fd);
size_t fdset_size(const FdSet *set);

/* Descriptors in ascending order: the smallest that is above after; -1 when there is none. Begin with -1. */
int fdset_next(const FdSet *set, int after);
