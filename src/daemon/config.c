/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/daemon/config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <syslog.h>

#include "src/base/cleanup.h"
#include "src/base/fd.h"
#include "src/base/limits.h"
#include "src/base/log.h"
#include "src/base/text.h"
#include "src/base/trust.h"

#define CONFIG_BYTES_MAX (1024U * 1024U)
#define TIMEOUT_SEC_MAX  3600U

static const char *const on_stop_table[_ON_STOP_MAX] = {
        [ON_STOP_KEEP] = "keep",
        [ON_STOP_DETACH] = "detach",
};
DEFINE_NAME_TABLE(OnStop, on_stop, on_stop_table);

static const char *const source_kind_table[_SOURCE_KIND_MAX] = {
        [SOURCE_AUTO] = "auto",
        [SOURCE_CGROUP] = "cgroup",
        [SOURCE_SYSTEMD] = "systemd",
};
DEFINE_NAME_TABLE(SourceKind, source_kind, source_kind_table);

void config_init(Config *config) {
        *config = (Config){
                .on_stop = ON_STOP_KEEP,
                .attach_timeout_sec = LIMIT_ATTACH_TIMEOUT_SEC,
                .log_level = LOG_INFO,
                .source = SOURCE_AUTO,
        };
}

void config_done(Config *config) {
        g_free(config->cgroup_root);
        g_free(config->bpffs);
        g_strfreev(config->unit_path);
        config_init(config);
}

/* A key: how a value gets in (NULL or what is wrong with it), and how the last good one is taken over. */
typedef struct ConfigKey {
        const char *name;
        const char *(*set)(Config *config, const char *value);
        void (*take_over)(Config *config, const Config *previous);
} ConfigKey;

static const char *set_on_stop(Config *config, const char *value) {
        OnStop on_stop = on_stop_from_string(value);

        if (on_stop < 0)
                return "must be keep or detach";
        config->on_stop = on_stop;
        return NULL;
}

static void take_over_on_stop(Config *config, const Config *previous) {
        config->on_stop = previous->on_stop;
}

static const char *set_timeout(Config *config, const char *value) {
        g_autofree char *digits = g_strdup(value);
        uint32_t seconds;

        if (g_str_has_suffix(digits, "s"))
                digits[strlen(digits) - 1] = 0;
        if (text_to_u32(digits, &seconds) < 0 || seconds == 0 || seconds > TIMEOUT_SEC_MAX)
                return "must be seconds from 1 to 3600";
        config->attach_timeout_sec = seconds;
        return NULL;
}

static void take_over_timeout(Config *config, const Config *previous) {
        config->attach_timeout_sec = previous->attach_timeout_sec;
}

static const char *set_log_level(Config *config, const char *value) {
        int level = log_level_from_string(value);

        if (level < 0)
                return "must be a level from debug to emerg";
        config->log_level = level;
        return NULL;
}

static void take_over_log_level(Config *config, const Config *previous) {
        config->log_level = previous->log_level;
}

static const char *set_source(Config *config, const char *value) {
        SourceKind source = source_kind_from_string(value);

        if (source < 0)
                return "must be auto, cgroup or systemd";
        config->source = source;
        return NULL;
}

static void take_over_source(Config *config, const Config *previous) {
        config->source = previous->source;
}

static const char *set_path(char **path, const char *value) {
        if (*value && *value != '/')
                return "must be an absolute path";
        g_free(*path);
        *path = *value ? g_strdup(value) : NULL;
        return NULL;
}

static const char *set_cgroup_root(Config *config, const char *value) {
        return set_path(&config->cgroup_root, value);
}

static void take_over_cgroup_root(Config *config, const Config *previous) {
        g_free(config->cgroup_root);
        config->cgroup_root = g_strdup(previous->cgroup_root);
}

static const char *set_bpffs(Config *config, const char *value) {
        return set_path(&config->bpffs, value);
}

static void take_over_bpffs(Config *config, const Config *previous) {
        g_free(config->bpffs);
        config->bpffs = g_strdup(previous->bpffs);
}

static const char *set_unit_path(Config *config, const char *value) {
        g_auto(GStrv) paths = *value ? g_strsplit(value, ":", -1) : NULL;

        for (char **path = paths; path && *path; path++)
                if (**path != '/')
                        return "must be absolute paths with ':' between";
        g_strfreev(config->unit_path);
        config->unit_path = g_steal_pointer(&paths);
        return NULL;
}

static void take_over_unit_path(Config *config, const Config *previous) {
        g_strfreev(config->unit_path);
        config->unit_path = g_strdupv(previous->unit_path);
}

static const ConfigKey config_keys[] = {
        { "OnStop", set_on_stop, take_over_on_stop },
        { "AttachTimeoutSec", set_timeout, take_over_timeout },
        { "LogLevel", set_log_level, take_over_log_level },
        { "Source", set_source, take_over_source },
        { "CgroupRoot", set_cgroup_root, take_over_cgroup_root },
        { "BpffsRoot", set_bpffs, take_over_bpffs },
        { "UnitPath", set_unit_path, take_over_unit_path },
};

static const char *nearest_key(const char *name) {
        const char *names[ELEMENTS(config_keys) + 1] = {};

        for (size_t i = 0; i < ELEMENTS(config_keys); i++)
                names[i] = config_keys[i].name;
        return text_nearest(name, names);
}

typedef struct ConfigReading {
        const char *path;
        unsigned line;
        bool in_section, any_section;
        bool set_well[ELEMENTS(config_keys)]; /* by these files already */
        Config *config;
        const Config *previous;
        GPtrArray *messages;
} ConfigReading;

static void complain(const ConfigReading *reading, const char *format, ...) _printf_(2, 3);

static void complain(const ConfigReading *reading, const char *format, ...) {
        g_autofree char *text = NULL;
        va_list arguments;

        va_start(arguments, format);
        text = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        g_ptr_array_add(
                reading->messages, g_strdup_printf("%s:%u: %s", reading->path, reading->line, text)
        );
}

static void read_assignment(ConfigReading *reading, const char *name, const char *value) {
        const char *near, *wrong;

        for (size_t i = 0; i < ELEMENTS(config_keys); i++) {
                if (strcmp(config_keys[i].name, name) != 0)
                        continue;
                wrong = config_keys[i].set(reading->config, value);
                if (!wrong)
                        reading->set_well[i] = true;
                else {
                        if (!reading->set_well[i])
                                config_keys[i].take_over(reading->config, reading->previous);
                        complain(
                                reading, "%s=%s %s, keeping the last good value", name, value, wrong
                        );
                }
                return;
        }
        near = nearest_key(name);
        if (near)
                complain(reading, "unknown key '%s', did you mean '%s'? Ignoring", name, near);
        else
                complain(reading, "unknown key '%s', ignoring", name);
}

static void read_line(ConfigReading *reading, char *line) {
        char *equals;

        line = g_strstrip(line);
        if (!*line || *line == '#' || *line == ';')
                return;
        if (*line == '[') {
                reading->any_section = true;
                reading->in_section = strcmp(line, "[Daemon]") == 0;
                if (!reading->in_section)
                        complain(reading, "unknown section '%s', ignoring", line);
                return;
        }
        equals = strchr(line, '=');
        if (!equals) {
                complain(reading, "line without '=', ignoring");
                return;
        }
        if (!reading->in_section) {
                if (!reading->any_section) /* an unknown section has been complained of itself */
                        complain(reading, "'%s' stands before the first section, ignoring", line);
                return;
        }
        *equals = 0;
        read_assignment(reading, g_strchomp(line), g_strchug(equals + 1));
}

static int read_text(const char *path, bool trust, char **ret, Diag *diag) {
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (trust) {
                r = trust_open(path, TRUST_FINAL_LINK, &fd, diag);
                if (r < 0)
                        return r;
        } else {
                fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
                if (fd < 0)
                        return diag_errno(diag, -errno, "cannot open it");
        }
        r = fd_read_all(fd, CONFIG_BYTES_MAX, ret, NULL);
        return r < 0 ? diag_errno(diag, r, "cannot read it") : 0;
}

static void read_file(ConfigReading *reading, const char *path, bool trust) {
        _cleanup_diag_ Diag diag = {};
        _cleanup_free_ char *text = NULL;
        char *rest, *line;
        int r = read_text(path, trust, &text, &diag);

        reading->path = path;
        reading->line = 0;
        reading->in_section = reading->any_section = false;
        if (r == -ENOENT)
                return;
        if (r < 0) {
                complain(reading, "%s, ignoring the file", diag_text(&diag, r));
                return;
        }
        rest = text;
        while ((line = strsep(&rest, "\n"))) {
                reading->line++;
                read_line(reading, line);
        }
}

static int compare_names(const void *a, const void *b) {
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names of drop-ins over all directories, each once, sorted; the first directory that has a name gives the file. */
static GPtrArray *list_dropins(const ConfigPlaces *places) {
        g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        g_autoptr(GPtrArray) names = g_ptr_array_new();
        GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
        GHashTableIter iter;
        void *name;

        for (const char *const *directory = places->dropin_directories; directory && *directory;
             directory++) {
                g_autoptr(GDir) dir = g_dir_open(*directory, 0, NULL);
                const char *entry;

                while (dir && (entry = g_dir_read_name(dir)))
                        if (entry[0] != '.' && g_str_has_suffix(entry, ".conf") &&
                            !g_hash_table_contains(seen, entry))
                                g_hash_table_insert(
                                        seen, g_strdup(entry),
                                        g_build_filename(*directory, entry, NULL)
                                );
        }
        g_hash_table_iter_init(&iter, seen);
        while (g_hash_table_iter_next(&iter, &name, NULL))
                g_ptr_array_add(names, name);
        g_ptr_array_sort(names, compare_names);
        for (unsigned i = 0; i < names->len; i++)
                g_ptr_array_add(paths, g_strdup(g_hash_table_lookup(seen, names->pdata[i])));
        return paths;
}

void config_load(
        const ConfigPlaces *places,
        const Config *previous,
        Config *ret,
        GPtrArray *messages
) {
        g_autoptr(GPtrArray) dropins = list_dropins(places);
        Config config, defaults;
        ConfigReading reading = { .config = &config, .messages = messages };

        config_init(&config);
        config_init(&defaults);
        reading.previous = previous ? previous : &defaults;
        read_file(&reading, places->file, places->trust);
        for (unsigned i = 0; i < dropins->len; i++)
                read_file(&reading, dropins->pdata[i], places->trust);
        *ret = config;
}
