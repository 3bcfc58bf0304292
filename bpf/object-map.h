/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Maps of an object that are not made anew: taken from a pin, or from programs that run already. */

#include "bpf/kernel-ops.h"
#include "src/base/diag.h"

struct bpf_map;
struct bpf_object;

typedef struct ObjectMaps {
        const LoadRequest *request;
        struct bpf_map **
                fresh; /* for each map of the request: to be pinned after the load; NULL: came from the pin */
} ObjectMaps;

/* Puts other maps in place of those of the open object: pins of the request first, then maps of the donors. Variables
 * must be set by now. ret is to be released with object_maps_done(). */
int object_maps_prepare(
        struct bpf_object *object,
        const LoadRequest *request,
        ObjectMaps *ret,
        Diag *diag
);

/* Pins the fresh ones of the loaded object. None is pinned after a failure. */
int object_maps_pin(const ObjectMaps *maps, Diag *diag);

/* Takes the pins of a successful object_maps_pin() away again. */
void object_maps_unpin(const ObjectMaps *maps);

void object_maps_done(ObjectMaps *maps);
