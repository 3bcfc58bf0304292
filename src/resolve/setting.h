/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* BPFVariable= and BPFMap=: which objects of the unit they concern. */

#include <glib.h>

#include "bpf/look/target.h"
#include "src/base/diag.h"
#include "src/resolve/object-file.h"
#include "units/wish.h"

/* Does the wish (a variable or a map) concern any of the objects (of ObjectFile)? 0 if so, or if that cannot be
 * told since an object it may concern could not be read; -ENOENT with diag if not. */
int setting_check(const Wish *wish, const GPtrArray *objects, Diag *diag);

/* Gives the target what the unit says about the variables and maps of its object; of several lines about one name
 * the last counts, a line that names the object before one that does not. Negative, with the line in diag: the
 * variable's type has no such value (-ERANGE, -EINVAL), or a map cannot be pinned there (-EINVAL). */
int setting_apply(Target *target, const ObjectFile *object, const UnitWish *unit, Diag *diag);
