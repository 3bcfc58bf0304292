/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* First all objects are opened, then the lines are gone through in file order: each program line becomes a target,
 * each line that cannot be met a target with an error. What targets own is released with free(); GLib's allocator
 * is malloc's. */

#include "src/resolve/resolve.h"

#include <errno.h>
#include <string.h>

#include "src/base/fd.h"
#include "src/base/limits.h"
#include "src/base/text.h"
#include "src/resolve/object-file.h"
#include "src/resolve/setting.h"

typedef struct Resolver {
        const UnitWish *unit;
        TargetSet *set;
        GPtrArray *objects; /* of ObjectFile */
        size_t n_programs;
} Resolver;

static void object_file_release(void *object) {
        (void)object_file_free(object);
}

static const ObjectFile *find_object(const Resolver *resolver, const char *path) {
        for (guint i = 0; i < resolver->objects->len; i++) {
                const ObjectFile *object = g_ptr_array_index(resolver->objects, i);

                if (strcmp(object->path, path) == 0)
                        return object;
        }
        return NULL;
}

/* Words like "wanted" or "via=legacy": unit files have been checked, so what is unknown here is another's. */
static void take_option(Target *target, const char *word) {
        Policy policy = policy_from_string(word);
        AttachMode mode = attach_mode_from_string(word);

        if ((int)policy >= 0)
                target->policy = policy;
        else if ((int)mode >= 0)
                target->mode = mode;
        else if (strcmp(word, "via=link") == 0)
                target->via = VIA_CGROUP_LINK;
        else if (strcmp(word, "via=legacy") == 0)
                target->via = VIA_CGROUP_LEGACY;
        else if (strcmp(word, "shared") == 0)
                target->shared = true;
        else if (strcmp(word, "fresh-maps") == 0)
                target->fresh_maps = true;
        else if (strcmp(word, "takeover") == 0)
                target->takeover = true;
}

/* Takes over what the line and its unit say, and what needs no file to be understood. */
static void describe(Target *target, const UnitWish *unit, const Wish *wish) {
        Policy policy = unit->policy ? policy_from_string(unit->policy) : POLICY_REQUIRED;
        OnLoss on_loss = unit->on_loss ? on_loss_from_string(unit->on_loss) : ON_LOSS_CONTINUE;

        target->policy = (int)policy < 0 ? POLICY_REQUIRED : policy;
        target->on_loss = (int)on_loss < 0 ? ON_LOSS_CONTINUE : on_loss;
        target->repair = unit->repair_set ? unit->repair : true;
        target->origin = g_strdup_printf("%s:%u", wish->file, wish->line);
        target->path = g_strdup(wish->path);
        target->program = g_strdup(wish->program);
        if (wish->hook)
                target->hook = hook_from_string(wish->hook);
        for (char **word = wish->options; word && *word; word++)
                take_option(target, *word);
}

static int check_hook(const Target *target, const Wish *wish, Diag *diag) {
        const char *nearest;

        if ((int)target->hook < 0) {
                nearest = text_nearest(wish->hook, hook_names());
                if (nearest)
                        return diag_fail(
                                diag, -EINVAL, "unknown hook '%s', did you mean '%s'?", wish->hook,
                                nearest
                        );
                return diag_fail(diag, -EINVAL, "unknown hook '%s'", wish->hook);
        }
        if (hook_info(target->hook)->target != HOOK_TARGET_CGROUP)
                return diag_fail(
                        diag, -EOPNOTSUPP, "hook '%s' is not supported by this build",
                        hook_to_string(target->hook)
                );
        return 0;
}

static int check_mode(const Target *target, Diag *diag) {
        if (target->mode != ATTACH_MULTI && target->via == VIA_CGROUP_LINK)
                return diag_fail(
                        diag, -EINVAL, "option '%s' needs via=legacy, links are always multi",
                        attach_mode_to_string(target->mode)
                );
        return 0;
}

/* Takes over the object: its descriptor and identity, and which of its programs is meant. */
static int take_object(Target *target, const ObjectFile *object, const UnitWish *unit, Diag *diag) {
        const InspectProgram *program = NULL;
        int fd, r;

        if (object->error.text) {
                target->absent = object->absent;
                (void)diag_fail(diag, -ENOENT, "%s", object->error.text);
                diag_detail(diag, object->error.detail);
                return -ENOENT;
        }
        target->is_pin = object->is_pin;
        target->identity = object->identity;
        if (object->is_pin && target->program)
                return diag_fail(
                        diag, -EINVAL,
                        "'%s' is a pin and holds one program, '#%s' cannot be chosen in it",
                        target->path, target->program
                );
        if (!object->is_pin) {
                r = inspect_select(object->inspect, target->program, target->hook, &program, diag);
                if (r < 0)
                        return r;
                free(target->program);
                target->program = g_strdup(program->name);
                target->has_state = object->inspect->has_state;
                r = setting_apply(target, object, unit, diag);
                if (r < 0)
                        return r;
        }
        fd = fd_duplicate(object->fd);
        if (fd < 0)
                return diag_errno(
                        diag, fd, "cannot duplicate the descriptor of '%s'", target->path
                );
        target->fd = fd;
        return 0;
}

static bool is_same_program(const Target *a, const Target *b) {
        return a->identity.device == b->identity.device && a->identity.inode == b->identity.inode &&
               text_equal(a->program, b->program);
}

/* Does the line get along with the good ones before it? */
static int check_neighbours(const TargetSet *set, const Target *target, Diag *diag) {
        unsigned n = 0;

        for (const Target *other = set->targets; other < target; other++) {
                if (other->error || other->hook != target->hook)
                        continue;
                if (++n >= LIMIT_HOOK_PROGRAMS)
                        return diag_fail(
                                diag, -E2BIG, "%s takes %u programs of a cgroup, this is one more",
                                hook_to_string(target->hook), LIMIT_HOOK_PROGRAMS
                        );
                if (is_same_program(other, target))
                        return diag_fail(
                                diag, -EEXIST, "the same program is attached to %s twice, see %s",
                                hook_to_string(target->hook), other->origin
                        );
                if (other->mode != target->mode)
                        return diag_fail(
                                diag, -EINVAL, "%s is %s here but %s in %s, a cgroup has one mode",
                                hook_to_string(target->hook), attach_mode_to_string(target->mode),
                                attach_mode_to_string(other->mode), other->origin
                        );
                if (target->mode != ATTACH_MULTI)
                        return diag_fail(
                                diag, -EEXIST,
                                "%s takes one program in mode %s, that of %s would be displaced",
                                hook_to_string(target->hook), attach_mode_to_string(target->mode),
                                other->origin
                        );
        }
        return 0;
}

static int understand(Resolver *resolver, Target *target, const Wish *wish, Diag *diag) {
        int r;

        r = check_hook(target, wish, diag);
        if (r < 0)
                return r;
        r = check_mode(target, diag);
        if (r < 0)
                return r;
        if (++resolver->n_programs > LIMIT_UNIT_PROGRAMS)
                return diag_fail(
                        diag, -E2BIG, "the unit has more than %u programs", LIMIT_UNIT_PROGRAMS
                );
        r = take_object(target, find_object(resolver, wish->path), resolver->unit, diag);
        if (r < 0)
                return r;
        return check_neighbours(resolver->set, target, diag);
}

/* Turns the target into a failed line. */
static void fail_target(Target *target, const char *error, const char *detail) {
        target->error = g_strdup(error);
        target->detail = g_strdup(detail);
        target->fd = fd_close(target->fd);
}

static int add_target(Resolver *resolver, const Wish *wish, Target **ret) {
        Target *target = target_set_add(resolver->set);

        if (!target)
                return -ENOMEM;
        describe(target, resolver->unit, wish);
        *ret = target;
        return 0;
}

static int resolve_program(Resolver *resolver, const Wish *wish) {
        _cleanup_diag_ Diag diag = {};
        Target *target;
        int r;

        r = add_target(resolver, wish, &target);
        if (r < 0)
                return r;
        r = understand(resolver, target, wish, &diag);
        if (r < 0)
                fail_target(target, diag_text(&diag, r), diag.detail);
        return 0;
}

static int resolve_failed(Resolver *resolver, const Wish *wish, const char *error) {
        Target *target;
        int r;

        r = add_target(resolver, wish, &target);
        if (r < 0)
                return r;
        fail_target(target, error, NULL);
        return 0;
}

static int resolve_setting(Resolver *resolver, const Wish *wish) {
        _cleanup_diag_ Diag diag = {};
        int r;

        r = setting_check(wish, resolver->objects, &diag);
        return r < 0 ? resolve_failed(resolver, wish, diag_text(&diag, r)) : 0;
}

static int resolve_wish(Resolver *resolver, const Wish *wish) {
        switch (wish->kind) {
        case WISH_PROGRAM:
                return resolve_program(resolver, wish);
        case WISH_VARIABLE:
        case WISH_MAP:
                return resolve_setting(resolver, wish);
        case WISH_FAILED:
                return resolve_failed(resolver, wish, wish->error);
        }
        return -EINVAL;
}

static void open_objects(Resolver *resolver, bool trust) {
        for (guint i = 0; i < resolver->unit->wishes->len; i++) {
                const Wish *wish = g_ptr_array_index(resolver->unit->wishes, i);

                if (wish->kind == WISH_PROGRAM && !find_object(resolver, wish->path))
                        g_ptr_array_add(resolver->objects, object_file_new(wish->path, trust));
        }
}

int resolve_unit(const UnitWish *wish, const ResolveOptions *options, TargetSet **ret) {
        _cleanup_(target_set_free_ptr) TargetSet *set = target_set_new(wish->unit);
        g_autoptr(GPtrArray) objects = g_ptr_array_new_with_free_func(object_file_release);
        Resolver resolver = { .unit = wish, .set = set, .objects = objects };

        if (!set)
                return -ENOMEM;
        if (!wish->masked) {
                open_objects(&resolver, options->trust);
                for (guint i = 0; i < wish->wishes->len; i++) {
                        int r = resolve_wish(&resolver, g_ptr_array_index(wish->wishes, i));

                        if (r < 0)
                                return r;
                }
        }
        *ret = TAKE_PTR(set);
        return 0;
}
