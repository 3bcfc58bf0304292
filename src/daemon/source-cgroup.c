/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The tree is kept as nodes, one for each directory that was judged. A trusted node is watched with inotify (its
 * children, changes of owner and mode) and, if it is a unit, so is its cgroup.events. A node that is not trusted is
 * kept without a watch and never looked into: what others can make must not cost us anything. It is judged again
 * when its parent's watch tells that its owner or mode changed.
 *
 * Events carry names, and by the time they are read a name can mean another cgroup. So an event only says where to
 * look; the inode found there decides. When the queue overflowed, everything is compared once. */

#include "src/daemon/source-cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "src/base/fd.h"
#include "src/base/limits.h"
#include "src/base/log.h"
#include "src/daemon/cgroup-dir.h"
#include "src/daemon/priority.h"
#include "units/unit-name.h"

#define WATCH_DIRECTORY                                                                 \
        (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR | \
         IN_DONT_FOLLOW)
#define NODES_MAX          (4U * LIMIT_UNITS)
#define RESCAN_USEC        (5U * 1000U * 1000U) /* while not everything can be watched */
#define EVENT_BUFFER_BYTES (64U * 1024U)

typedef struct Node Node;

struct Node {
        char *path;
        const char *
                name; /* last part of path, undone where systemd escaped it: the unit's if it is one */
        uint64_t id;
        Node *parent;
        GHashTable *children; /* set of Node */
        unsigned depth; /* 0: the root */
        int watch, events_watch; /* -1: none */
        bool trusted;
        bool unit; /* told as a unit */
        bool refused; /* told as refused */
        bool populated;
};

typedef struct SourceCgroup {
        UnitSource source;
        CgroupLayout layout;
        char *root;
        int inotify;
        sd_event_source *io, *timer;
        GHashTable *by_path; /* owns the nodes */
        GHashTable *by_watch, *by_unit;
        unsigned n_refused_twins; /* refused since another cgroup has the name */
        bool unwatched; /* some directory could not be watched: look around from time to time */
} SourceCgroup;

static void node_enter(SourceCgroup *source, Node *parent, const char *name);

static Node *node_new(SourceCgroup *source, Node *parent, char *path, uint64_t id) {
        Node *node = g_new0(Node, 1);

        node->path = path;
        node->name = strrchr(path, '/') + 1;
        if (source->layout == CGROUP_LAYOUT_SYSTEMD && *node->name == '_')
                node->name++;
        node->id = id;
        node->parent = parent;
        node->depth = parent ? parent->depth + 1 : 0;
        node->watch = node->events_watch = -1;
        node->children = g_hash_table_new(NULL, NULL);
        if (parent)
                g_hash_table_add(parent->children, node);
        g_hash_table_insert(source->by_path, node->path, node);
        return node;
}

static void node_refuse(SourceCgroup *source, Node *node, const char *text) {
        if (!unit_name_has_cgroup(node->name))
                return;
        node->refused = text != NULL;
        source->source.events.refused(source->source.events.userdata, node->name, node->path, text);
}

static void unwatch(SourceCgroup *source, int *watch) {
        if (*watch < 0)
                return;
        g_hash_table_remove(source->by_watch, GINT_TO_POINTER(*watch));
        (void)inotify_rm_watch(source->inotify, *watch); /* gone already if the directory is */
        *watch = -1;
}

static void node_remove(SourceCgroup *source, Node *node) {
        for (;;) {
                GHashTableIter iter;
                void *child;

                g_hash_table_iter_init(&iter, node->children);
                if (!g_hash_table_iter_next(&iter, &child, NULL))
                        break;
                node_remove(source, child);
        }
        unwatch(source, &node->watch);
        unwatch(source, &node->events_watch);
        if (node->parent)
                g_hash_table_remove(node->parent->children, node);
        if (node->refused)
                node_refuse(source, node, NULL);
        g_hash_table_remove(source->by_path, node->path);
        if (node->unit) {
                g_hash_table_remove(source->by_unit, node->name);
                source->source.events.gone(source->source.events.userdata, node->name, node->id);
        }
        g_hash_table_unref(node->children);
        g_free(node->path);
        g_free(node);
}

static int watch(SourceCgroup *source, Node *node, const char *file, uint32_t mask, int *ret) {
        g_autofree char *path = file ? g_build_filename(node->path, file, NULL) : NULL;
        int wd = inotify_add_watch(source->inotify, path ? path : node->path, mask);

        if (wd < 0) {
                int error = -errno;

                if (error != -ENOENT && !source->unwatched) {
                        log_warning(
                                "cannot watch cgroup '%s': %s, looking around every few seconds instead",
                                node->path, strerror(-error)
                        );
                        source->unwatched = true;
                }
                return error;
        }
        g_hash_table_insert(source->by_watch, GINT_TO_POINTER(wd), node);
        *ret = wd;
        return 0;
}

/* The trusted node becomes a unit if it may. */
static void node_become_unit(SourceCgroup *source, Node *node) {
        const UnitSourceEvents *events = &source->source.events;
        Node *twin;
        int r;

        if (node->depth == 0 || node->unit || !unit_name_has_cgroup(node->name))
                return;
        twin = g_hash_table_lookup(source->by_unit, node->name);
        if (twin) {
                g_autofree char *text = g_strdup_printf(
                        "'%s' has the name of a unit that is there already as '%s'", node->path,
                        twin->path
                );

                source->n_refused_twins++;
                node_refuse(source, node, text);
                return;
        }
        if (g_hash_table_size(source->by_unit) >= LIMIT_UNITS) {
                node_refuse(source, node, "there are too many units");
                return;
        }
        if (node->refused)
                node_refuse(source, node, NULL);
        (void)watch(source, node, "cgroup.events", IN_MODIFY, &node->events_watch);
        /* read behind the watch, so that no change falls between */
        r = cgroup_dir_populated(node->path);
        if (r == -ENOENT)
                return; /* its removal is on the way to us */
        node->populated = r != 0; /* unknown: as if somebody were inside */
        node->unit = true;
        g_hash_table_insert(source->by_unit, (char *)node->name, node);
        events->appeared(events->userdata, node->name, node->path, node->id, node->populated);
}

static void node_scan(SourceCgroup *source, Node *node) {
        DIR *dir = opendir(node->path);
        struct dirent *entry;

        if (!dir)
                return; /* removed since: the parent's watch tells */
        while ((entry = readdir(dir)))
                if (entry->d_type == DT_DIR && strcmp(entry->d_name, ".") != 0 &&
                    strcmp(entry->d_name, "..") != 0)
                        node_enter(source, node, entry->d_name);
        (void)closedir(dir);
}

/* Is what lies below this one the business of its own alone? */
static bool node_is_closed(const SourceCgroup *source, const Node *node) {
        return source->layout == CGROUP_LAYOUT_SYSTEMD && node->depth > 0 &&
               !g_str_has_suffix(node->name, ".slice");
}

/* Judges a node, for the first time or again. What is a unit stays one: taking programs off because somebody
 * changed an owner would be a way around them. */
static void node_judge(SourceCgroup *source, Node *node) {
        _cleanup_diag_ Diag diag = {};
        int r;

        if (node_is_closed(source, node)) {
                /* only root can make it in a slice; whom it has been given since is the unit's own business */
                node->trusted = true;
                node_become_unit(source, node);
                return;
        }
        r = cgroup_dir_check_trust(node->path, &diag);
        if (r == -ENOENT)
                return;
        if (r >= 0 && node->depth > LIMIT_CGROUP_DEPTH)
                r = diag_fail(
                        &diag, -E2BIG, "'%s' lies more than %u levels below the unit root",
                        node->path, LIMIT_CGROUP_DEPTH
                );
        if (r < 0) {
                node->trusted = false;
                unwatch(source, &node->watch);
                node_refuse(source, node, diag_text(&diag, r));
                return;
        }
        if (node->unit && node->refused)
                node_refuse(source, node, NULL);
        node->trusted = true;
        if (node->watch < 0)
                (void)watch(source, node, NULL, WATCH_DIRECTORY, &node->watch);
        node_become_unit(source, node);
        node_scan(source, node);
}

static void node_enter(SourceCgroup *source, Node *parent, const char *name) {
        g_autofree char *path = g_build_filename(parent->path, name, NULL);
        Node *node = g_hash_table_lookup(source->by_path, path);
        uint64_t id;
        int r = cgroup_dir_id(path, &id);

        if (node && (r < 0 || node->id != id)) {
                node_remove(source, node);
                node = NULL;
        }
        if (r < 0)
                return; /* gone again */
        if (!node) {
                if (g_hash_table_size(source->by_path) >= NODES_MAX) {
                        log_warning(
                                "too many cgroups below '%s', '%s' is not looked at", source->root,
                                path
                        );
                        return;
                }
                node = node_new(source, parent, g_steal_pointer(&path), id);
                node_judge(source, node);
        } else if (node->trusted)
                node_become_unit(source, node); /* a twin whose other has gone */
}

static void node_update_populated(SourceCgroup *source, Node *node) {
        const UnitSourceEvents *events = &source->source.events;
        int r = cgroup_dir_populated(node->path);

        if (r == -ENOENT)
                return;
        node->populated = r != 0;
        events->populated(events->userdata, node->name, node->id, node->populated);
}

/* Drops what is gone and enters what is new, everywhere. */
static void rescan(SourceCgroup *source) {
        g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
        GHashTableIter iter;
        void *value;

        source->n_refused_twins = 0;
        g_hash_table_iter_init(&iter, source->by_path);
        while (g_hash_table_iter_next(&iter, NULL, &value))
                g_ptr_array_add(paths, g_strdup(((Node *)value)->path));
        for (unsigned i = 0; i < paths->len; i++) {
                Node *node = g_hash_table_lookup(source->by_path, paths->pdata[i]);
                uint64_t id;

                if (!node || node->depth == 0)
                        continue;
                if (cgroup_dir_id(node->path, &id) < 0 || id != node->id) {
                        node_remove(source, node);
                        continue;
                }
                if (node->unit && cgroup_dir_populated(node->path) != (int)node->populated)
                        node_update_populated(source, node);
        }
        for (unsigned i = 0; i < paths->len; i++) {
                Node *node = g_hash_table_lookup(source->by_path, paths->pdata[i]);

                if (node)
                        node_judge(source, node);
        }
}

static void handle_directory_event(
        SourceCgroup *source,
        Node *node,
        const struct inotify_event *event
) {
        g_autofree char *path = NULL;
        Node *child;
        uint64_t id;

        if (event->len == 0) {
                if ((event->mask & IN_ATTRIB) && node->depth > 0)
                        node_judge(source, node);
                return;
        }
        if (!(event->mask & IN_ISDIR)) {
                /* cgroup.procs or cgroup.subtree_control given away */
                if (event->mask & IN_ATTRIB)
                        node_judge(source, node);
                return;
        }
        path = g_build_filename(node->path, event->name, NULL);
        child = g_hash_table_lookup(source->by_path, path);
        if (cgroup_dir_id(path, &id) < 0) {
                if (child)
                        node_remove(source, child);
                if (source->n_refused_twins > 0)
                        rescan(source);
                return;
        }
        if (child && child->id == id && (event->mask & IN_ATTRIB))
                node_judge(source, child);
        else
                node_enter(source, node, event->name);
}

static void handle_event(SourceCgroup *source, const struct inotify_event *event) {
        Node *node;

        if (event->mask & IN_Q_OVERFLOW) {
                log_warning(
                        "too many cgroup events at once below '%s', comparing all", source->root
                );
                rescan(source);
                return;
        }
        node = g_hash_table_lookup(source->by_watch, GINT_TO_POINTER(event->wd));
        if (!node)
                return; /* told after the watch was taken off */
        if (event->mask & IN_IGNORED) {
                g_hash_table_remove(source->by_watch, GINT_TO_POINTER(event->wd));
                if (event->wd == node->watch)
                        node->watch = -1;
                if (event->wd == node->events_watch)
                        node->events_watch = -1;
                return;
        }
        if (event->wd == node->events_watch)
                node_update_populated(source, node);
        else
                handle_directory_event(source, node, event);
}

static int on_inotify(sd_event_source *io, int fd, uint32_t revents, void *userdata) {
        SourceCgroup *source = userdata;
        g_autofree char *buffer = g_malloc(EVENT_BUFFER_BYTES);
        ssize_t n = read(fd, buffer, EVENT_BUFFER_BYTES);

        for (ssize_t i = 0; i < n;) {
                const struct inotify_event *event = (const void *)(buffer + i);

                handle_event(source, event);
                i += (ssize_t)(sizeof *event + event->len);
        }
        return 0;
}

static int on_timer(sd_event_source *timer, uint64_t usec, void *userdata) {
        SourceCgroup *source = userdata;

        if (source->unwatched)
                rescan(source);
        (void
        )sd_event_source_set_time_relative(timer, RESCAN_USEC); /* fails only on a dead source */
        return 0;
}

static int start(UnitSource *unit_source, sd_event *event, Diag *diag) {
        SourceCgroup *source = (SourceCgroup *)unit_source;
        uint64_t id;
        Node *root;
        int r = cgroup_dir_id(source->root, &id);

        if (r >= 0)
                r = cgroup_dir_check_trust(source->root, diag);
        if (r < 0)
                return diag_errno(diag, r, "cannot use '%s' as the unit root", source->root);
        source->inotify = fd_above_stdio(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
        if (source->inotify < 0)
                return diag_errno(diag, source->inotify, "cannot watch cgroups");
        r = sd_event_add_io(event, &source->io, source->inotify, EPOLLIN, on_inotify, source);
        if (r >= 0)
                r = sd_event_add_time_relative(
                        event, &source->timer, CLOCK_MONOTONIC, RESCAN_USEC, 0, on_timer, source
                );
        if (r >= 0)
                r = sd_event_source_set_enabled(source->timer, SD_EVENT_ON);
        if (r < 0)
                return diag_errno(diag, r, "cannot set up events");
        (void)sd_event_source_set_priority(source->io, PRIORITY_SOURCE);
        (void)sd_event_source_set_description(source->io, "cgroup-watch");
        (void)sd_event_source_set_description(source->timer, "cgroup-rescan");
        root = node_new(source, NULL, g_strdup(source->root), id);
        root->trusted = true;
        r = watch(source, root, NULL, WATCH_DIRECTORY, &root->watch);
        node_scan(source, root);
        return 0;
}

/* Enters each part of the path in turn. */
static int look(UnitSource *unit_source, const char *cgroup) {
        SourceCgroup *source = (SourceCgroup *)unit_source;
        size_t n = strlen(source->root);
        g_auto(GStrv) parts = NULL;
        Node *node = g_hash_table_lookup(source->by_path, source->root);

        if (strncmp(cgroup, source->root, n) != 0 || cgroup[n] != '/')
                return -ENOENT;
        parts = g_strsplit(cgroup + n + 1, "/", -1);
        for (char **part = parts; *part; part++) {
                g_autofree char *path = g_build_filename(node->path, *part, NULL);

                node_enter(source, node, *part);
                node = g_hash_table_lookup(source->by_path, path);
                if (!node)
                        return -ENOENT;
                if (!node->trusted)
                        return -EPERM;
                if (node_is_closed(source, node))
                        return 0;
        }
        return 0;
}

static int reload(UnitSource *unit_source) {
        rescan((SourceCgroup *)unit_source);
        return 0;
}

static int kill_unit(UnitSource *unit_source, const char *unit) {
        SourceCgroup *source = (SourceCgroup *)unit_source;
        Node *node = g_hash_table_lookup(source->by_unit, unit);

        return node ? cgroup_dir_kill(node->path) : -ENOENT;
}

static void node_release(Node *node) {
        g_hash_table_unref(node->children);
        g_free(node->path);
        g_free(node);
}

static UnitSource *release(UnitSource *unit_source) {
        SourceCgroup *source = (SourceCgroup *)unit_source;
        GHashTableIter iter;
        void *node;

        (void)sd_event_source_disable_unref(source->io);
        (void)sd_event_source_disable_unref(source->timer);
        (void)fd_close(source->inotify);
        g_hash_table_iter_init(&iter, source->by_path);
        while (g_hash_table_iter_next(&iter, NULL, &node)) {
                g_hash_table_iter_steal(&iter);
                node_release(node);
        }
        g_hash_table_unref(source->by_path);
        g_hash_table_unref(source->by_watch);
        g_hash_table_unref(source->by_unit);
        g_free(source->root);
        g_free(source);
        return NULL;
}

static const UnitSourceOps source_cgroup_ops = {
        .name = "cgroup",
        .start = start,
        .look = look,
        .reload = reload,
        .kill = kill_unit,
        .free = release,
};

int source_cgroup_new(
        const char *root,
        CgroupLayout layout,
        const UnitSourceEvents *events,
        UnitSource **ret
) {
        SourceCgroup *source = g_new0(SourceCgroup, 1);

        source->source.ops = &source_cgroup_ops;
        source->source.events = *events;
        source->layout = layout;
        source->root = g_strdup(root);
        source->inotify = -EBADF;
        source->by_path = g_hash_table_new(g_str_hash, g_str_equal);
        source->by_watch = g_hash_table_new(NULL, NULL);
        source->by_unit = g_hash_table_new(g_str_hash, g_str_equal);
        *ret = &source->source;
        return 0;
}
