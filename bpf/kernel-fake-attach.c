/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "bpf/kernel-fake-model.h"
#include "bpf/look/hook.h"

/* The rules of attachment as the kernel has them. The order of the checks is part of the behaviour: flag mask,
 * program, fit, cgroup, program to replace, combination of flags, revision, ancestors, mode, limit, duplicate or
 * target of the replacement, anchor. */

#define MODE_MASK    (BPF_F_ALLOW_OVERRIDE | BPF_F_ALLOW_MULTI)
#define PLACE_MASK   (UAPI_F_BEFORE | UAPI_F_AFTER | UAPI_F_ID | UAPI_F_LINK)
#define LINK_FLAGS   (PLACE_MASK | UAPI_F_PREORDER)
#define ATTACH_FLAGS (LINK_FLAGS | MODE_MASK | BPF_F_REPLACE)

/* One thing to put into a list; exactly one of program and link is set. */
typedef struct Addition {
        FakeProgram *program;
        FakeLink *link;
        FakeProgram *replace;
        uint32_t flags;
        uint32_t anchor;
        uint64_t revision;
} Addition;

static Hook cgroup_hook(uint32_t attach_type) {
        Hook hook = hook_from_attach_type(attach_type);

        /* as in the real wrappers: such a call would hit an interface */
        assert(hook >= 0 && hook_info(hook)->target == HOOK_TARGET_CGROUP);
        return hook;
}

static bool program_fits(const FakeProgram *program, Hook hook) {
        const HookInfo *info = hook_info(hook);

        if (program->type != info->prog_type)
                return false;
        /* types with several hooks of unlike context are bound to one at load */
        if (info->expected == HOOK_EXPECTED_NO && program->type != BPF_PROG_TYPE_CGROUP_SOCK)
                return true;
        return program->expected == info->attach_type;
}

/* Has an ancestor a program that allows nothing below? */
static bool ancestors_allow(const FakeCgroup *cgroup, Hook hook) {
        for (const FakeCgroup *up = cgroup->parent; up; up = up->parent) {
                const FakeList *list = &up->lists[hook];

                if (list->mode & BPF_F_ALLOW_MULTI)
                        return true;
                if (list->n > 0)
                        return list->mode & BPF_F_ALLOW_OVERRIDE;
        }
        return true;
}

/* The flags the running kernel knows. */
static uint32_t known_flags(const KernelFake *fake, bool link) {
        uint32_t flags = link ? LINK_FLAGS : ATTACH_FLAGS;

        if (!fake->features[FEATURE_REPLACE])
                flags &= ~(uint32_t)BPF_F_REPLACE;
        if (!fake->features[FEATURE_REVISION])
                flags &= ~(PLACE_MASK | (link ? UAPI_F_PREORDER : 0));
        if (!fake->features[FEATURE_PREORDER])
                flags &= ~UAPI_F_PREORDER;
        return flags;
}

static FakeEntry *find_program(FakeList *list, const FakeProgram *program) {
        for (size_t i = 0; i < list->n; i++)
                if (!list->entries[i].link && list->entries[i].program == program)
                        return &list->entries[i];
        return NULL;
}

static FakeEntry *find_link(FakeList *list, const FakeLink *link) {
        for (size_t i = 0; i < list->n; i++)
                if (list->entries[i].link == link)
                        return &list->entries[i];
        return NULL;
}

static int anchor_object(KernelFake *fake, const Addition *addition, FakeObject **ret) {
        FakeKind kind = addition->link ? FAKE_LINK : FAKE_PROGRAM;
        FakeObject *object;

        if (!(addition->flags & UAPI_F_ID) && addition->anchor == 0)
                return -EINVAL;
        object = addition->flags & UAPI_F_ID ? fake_object_find(fake, kind, addition->anchor)
                                             : fake_fd_object(fake, (int)addition->anchor);
        if (!object)
                return addition->flags & UAPI_F_ID ? -ENOENT : -EBADF;
        if (object->kind != kind)
                return -EINVAL;
        *ret = object;
        return 0;
}

/* Index at which the addition goes into the list. */
static int find_place(KernelFake *fake, FakeList *list, const Addition *addition, size_t *ret) {
        bool before = addition->flags & UAPI_F_BEFORE, after = addition->flags & UAPI_F_AFTER;
        bool is_link = addition->flags & UAPI_F_LINK;
        FakeObject *object;
        FakeEntry *entry;
        int r;

        if (!(addition->flags & (UAPI_F_LINK | UAPI_F_ID)) && addition->anchor == 0) {
                if (list->n > 0 && before && after)
                        return -EINVAL;
                *ret = before ? 0 : list->n;
                return 0;
        }
        if (before == after || is_link != !!addition->link)
                return -EINVAL;
        r = anchor_object(fake, addition, &object);
        if (r < 0)
                return r;
        entry = is_link ? find_link(list, (FakeLink *)object)
                        : find_program(list, (FakeProgram *)object);
        if (!entry)
                return -ENOENT;
        if (entry->preorder != !!(addition->flags & UAPI_F_PREORDER))
                return -EINVAL;
        *ret = (size_t)(entry - list->entries) + (after ? 1 : 0);
        return 0;
}

static int check_combination(const Addition *addition) {
        uint32_t flags = addition->flags;

        if ((flags & MODE_MASK) == MODE_MASK)
                return -EINVAL;
        if ((flags & BPF_F_REPLACE) && !(flags & BPF_F_ALLOW_MULTI))
                return -EINVAL;
        if ((flags & BPF_F_REPLACE) && (flags & (UAPI_F_BEFORE | UAPI_F_AFTER)))
                return -EINVAL;
        return 0;
}

/* The entry the addition takes the place of; NULL with 0 if it takes a new one. */
static int find_replaced(FakeList *list, const Addition *addition, FakeEntry **ret) {
        *ret = NULL;
        if (!(addition->flags & BPF_F_ALLOW_MULTI)) {
                *ret = list->n > 0 ? &list->entries[0] : NULL;
                return 0;
        }
        if (addition->program && addition->program != addition->replace &&
            find_program(list, addition->program))
                return -EINVAL;
        if (!addition->replace)
                return 0;
        *ret = find_program(list, addition->replace);
        return *ret ? 0 : -ENOENT;
}

static int check_list(const FakeCgroup *cgroup, Hook hook, const Addition *addition) {
        const FakeList *list = &cgroup->lists[hook];
        int r = check_combination(addition);

        if (r < 0)
                return r;
        if (addition->revision && addition->revision != list->revision)
                return -ESTALE;
        if (!ancestors_allow(cgroup, hook))
                return -EPERM;
        if (list->n > 0 && list->mode != (addition->flags & MODE_MASK))
                return -EPERM;
        return list->n >= LIMIT_HOOK_PROGRAMS ? -E2BIG : 0;
}

static int list_add(KernelFake *fake, FakeCgroup *cgroup, Hook hook, const Addition *addition) {
        FakeList *list = &cgroup->lists[hook];
        FakeEntry *entry = NULL;
        size_t place;
        int r = check_list(cgroup, hook, addition);

        if (r >= 0)
                r = find_replaced(list, addition, &entry);
        if (r < 0)
                return r;
        if (!entry) {
                r = find_place(fake, list, addition, &place);
                if (r < 0)
                        return r;
                entry = &list->entries[place];
                memmove(entry + 1, entry, (list->n++ - place) * sizeof *entry);
                *entry = (FakeEntry){};
        }
        if (addition->program) {
                fake_object_ref(&addition->program->object);
                if (entry->program)
                        fake_object_unref(&entry->program->object);
        }
        *entry = (FakeEntry){
                .program = addition->program ?: addition->link->program,
                .link = addition->link,
                .preorder = addition->flags & UAPI_F_PREORDER,
        };
        list->mode = addition->flags & MODE_MASK;
        list->revision++;
        return 0;
}

static void list_remove(FakeList *list, FakeEntry *entry) {
        FakeProgram *program = entry->link ? NULL : entry->program;
        size_t i = (size_t)(entry - list->entries);

        memmove(entry, entry + 1, (--list->n - i) * sizeof *entry);
        if (list->n == 0)
                list->mode = 0;
        list->revision++;
        if (program)
                fake_object_unref(&program->object);
}

int fake_prog_attach(KernelFake *fake, const AttachArguments *arguments) {
        Hook hook = cgroup_hook(arguments->attach_type);
        Addition addition = {
                .flags = arguments->flags,
                .anchor = arguments->anchor,
                .revision = arguments->expected_revision,
        };
        FakeCgroup *cgroup;
        int r;

        if (arguments->flags & ~known_flags(fake, false))
                return -EINVAL;
        if (!fake->features[FEATURE_REVISION] && (addition.anchor || addition.revision))
                return -EINVAL;
        r = fake_fd_program(fake, arguments->prog_fd, &addition.program);
        if (r < 0)
                return r;
        if (!program_fits(addition.program, hook))
                return -EINVAL;
        r = fake_fd_cgroup(fake, arguments->cgroup_fd, &cgroup);
        if (r < 0)
                return r;
        if ((arguments->flags & BPF_F_REPLACE) && (arguments->flags & BPF_F_ALLOW_MULTI)) {
                r = fake_fd_program(fake, arguments->replace_prog_fd, &addition.replace);
                if (r >= 0 && addition.replace->type != addition.program->type)
                        r = -EINVAL;
                if (r < 0)
                        return r;
        }
        return list_add(fake, cgroup, hook, &addition);
}

int fake_prog_detach(KernelFake *fake, const AttachArguments *arguments) {
        Hook hook = cgroup_hook(arguments->attach_type);
        FakeProgram *program = NULL;
        FakeCgroup *cgroup;
        FakeEntry *entry;
        FakeList *list;
        int r = fake_fd_cgroup(fake, arguments->cgroup_fd, &cgroup);

        if (r < 0)
                return r;
        list = &cgroup->lists[hook];
        if (!fake->features[FEATURE_REVISION] && arguments->expected_revision)
                return -EINVAL;
        if (arguments->expected_revision && arguments->expected_revision != list->revision)
                return -ESTALE;
        if (list->n == 0)
                return -ENOENT;
        if (!(list->mode & BPF_F_ALLOW_MULTI)) {
                list_remove(list, &list->entries[0]); /* whatever the caller named */
                return 0;
        }
        r = fake_fd_program(fake, arguments->prog_fd, &program);
        if (r < 0 || program->type != hook_info(hook)->prog_type)
                return -EINVAL;
        entry = find_program(list, program);
        if (!entry)
                return -ENOENT;
        list_remove(list, entry);
        return 0;
}

int fake_prog_fits(KernelFake *fake, int prog_fd, uint32_t attach_type) {
        Hook hook = cgroup_hook(attach_type);
        FakeProgram *program;
        int r = fake_fd_program(fake, prog_fd, &program);

        if (r < 0)
                return r;
        return program_fits(program, hook) ? 0 : -EINVAL;
}

static int create_checks(
        KernelFake *fake,
        const LinkArguments *arguments,
        FakeProgram **ret_program,
        FakeCgroup **ret_cgroup
) {
        int r;

        if (!fake->features[FEATURE_CGROUP_LINK])
                return -EINVAL;
        r = fake_fd_program(fake, arguments->prog_fd, ret_program);
        if (r < 0)
                return r;
        if (!program_fits(*ret_program, hook_from_attach_type(arguments->attach_type)))
                return -EINVAL;
        if (arguments->flags & ~known_flags(fake, true))
                return -EINVAL;
        return fake_fd_cgroup(fake, arguments->cgroup_fd, ret_cgroup);
}

int fake_link_create(KernelFake *fake, const LinkArguments *arguments) {
        Hook hook = cgroup_hook(arguments->attach_type);
        Addition addition = {
                .flags = arguments->flags | BPF_F_ALLOW_MULTI,
                .anchor = arguments->anchor,
                /* kernels without revisions ignore the word */
                .revision = fake->features[FEATURE_REVISION] ? arguments->expected_revision : 0,
        };
        FakeProgram *program;
        FakeCgroup *cgroup;
        FakeLink *link;
        int r = create_checks(fake, arguments, &program, &cgroup);

        if (r < 0)
                return r;
        link = fake_allocate(1, sizeof *link);
        link->program = program;
        addition.link = link;
        r = list_add(fake, cgroup, hook, &addition);
        if (r < 0) {
                free(link);
                return r;
        }
        fake_object_add(fake, &link->object, FAKE_LINK, ++fake->last_link_id);
        fake_object_ref(&program->object);
        link->cgroup = cgroup;
        link->attach_type = arguments->attach_type;
        return fake_fd_new(fake, &link->object);
}

int fake_link_update(KernelFake *fake, int link_fd, int new_fd, int old_fd) {
        FakeProgram *program = NULL, *old = NULL;
        FakeList *list;
        FakeLink *link;
        int r;

        if (!fake->features[FEATURE_CGROUP_LINK])
                return -EINVAL;
        r = fake_fd_link(fake, link_fd, &link);
        if (r >= 0)
                r = fake_fd_program(fake, new_fd, &program);
        if (r >= 0 && old_fd >= 0)
                r = fake_fd_program(fake, old_fd, &old);
        if (r < 0)
                return r;
        if (!link->cgroup)
                return -ENOLINK;
        if (old && old != link->program)
                return -EPERM;
        if (program->type != link->program->type)
                return -EINVAL;
        list = &link->cgroup->lists[hook_from_attach_type(link->attach_type)];
        find_link(list, link)->program = program;
        list->revision++;
        fake_object_ref(&program->object);
        fake_object_unref(&link->program->object);
        link->program = program;
        return 0;
}

void fake_link_detach(FakeLink *link) {
        FakeList *list;

        if (!link->cgroup)
                return;
        list = &link->cgroup->lists[hook_from_attach_type(link->attach_type)];
        list_remove(list, find_link(list, link));
        link->cgroup = NULL;
}

void fake_cgroup_drop_programs(FakeCgroup *cgroup) {
        for (Hook hook = 0; hook < _HOOK_MAX; hook++) {
                FakeList *list = &cgroup->lists[hook];

                for (size_t i = list->n; i-- > 0;)
                        if (!list->entries[i].link)
                                list_remove(list, &list->entries[i]);
        }
}

void fake_cgroup_drop_links(FakeCgroup *cgroup) {
        for (Hook hook = 0; hook < _HOOK_MAX; hook++)
                for (FakeList *list = &cgroup->lists[hook]; list->n > 0;)
                        fake_link_detach(list->entries[0].link);
}

/* One class of one level, in list order. */
static size_t collect(const FakeList *list, bool preorder, uint32_t *ids) {
        size_t n = 0;

        for (size_t i = 0; i < list->n; i++)
                if (list->entries[i].preorder == preorder)
                        ids[n++] = (uint32_t)list->entries[i].program->object.id;
        return n;
}

static size_t depth_of(const FakeCgroup *cgroup) {
        size_t depth = 0;

        for (; cgroup; cgroup = cgroup->parent)
                depth++;
        return depth;
}

/* Upwards from the cgroup: own programs always, those of an ancestor if nothing was found so far or it is in multi mode.
 * PREORDER programs stand in front of all others, those of the top-most ancestor first. */
static void effective(const FakeCgroup *cgroup, Hook hook, QueryResult *result) {
        size_t room = depth_of(cgroup) * LIMIT_HOOK_PROGRAMS, n_early = 0, n_late = 0, n;
        _cleanup_free_ uint32_t *early = fake_allocate(room, sizeof *early);
        _cleanup_free_ uint32_t *late = fake_allocate(room, sizeof *late);
        uint32_t level[LIMIT_HOOK_PROGRAMS];

        for (; cgroup; cgroup = cgroup->parent) {
                const FakeList *list = &cgroup->lists[hook];

                if (n_early + n_late > 0 && !(list->mode & BPF_F_ALLOW_MULTI))
                        continue;
                n_late += collect(list, false, late + n_late);
                n = collect(list, true, level);
                memmove(early + n, early, n_early * sizeof *early);
                memcpy(early, level, n * sizeof *early);
                n_early += n;
        }
        result->prog_ids = fake_allocate(n_early + n_late + 1, sizeof *late);
        memcpy(result->prog_ids, early, n_early * sizeof *early);
        memcpy(result->prog_ids + n_early, late, n_late * sizeof *late);
        result->n_prog_ids = n_early + n_late;
}

int fake_query(
        KernelFake *fake,
        int cgroup_fd,
        uint32_t attach_type,
        bool is_effective,
        QueryResult *ret
) {
        Hook hook = cgroup_hook(attach_type);
        QueryResult result = {};
        const FakeList *list;
        FakeCgroup *cgroup;
        int r = fake_fd_cgroup(fake, cgroup_fd, &cgroup);

        if (r < 0)
                return r;
        if (is_effective) {
                effective(cgroup, hook, &result);
                *ret = result;
                return 0;
        }
        list = &cgroup->lists[hook];
        result.prog_ids = fake_allocate(list->n + 1, sizeof *result.prog_ids);
        for (size_t i = 0; i < list->n; i++)
                result.prog_ids[i] = (uint32_t)list->entries[i].program->object.id;
        result.n_prog_ids = list->n;
        result.attach_flags = list->mode;
        result.revision = fake->features[FEATURE_REVISION] ? list->revision : 0;
        *ret = result;
        return 0;
}
