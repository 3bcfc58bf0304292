/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The specifiers of systemd.unit(5), for the system manager. Those that depend on what only the manager knows
 * (credentials, the cgroup of a running unit) are refused by name: an empty text in their place would be a wrong
 * path. */

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <glib.h>

#include "src/base/file.h"
#include "units/expand.h"
#include "units/unit-name.h"

typedef char *(*SpecifierRead)(const char *unit);

typedef struct Specifier {
        char letter;
        SpecifierRead read; /* result by malloc(); NULL: cannot be had */
        const char *fixed; /* used where read is NULL */
} Specifier;

static char *read_name(const char *unit) {
        return strdup(unit);
}

static char *read_name_without_type(const char *unit) {
        const char *dot = strrchr(unit, '.');

        return strndup(unit, dot ? (size_t)(dot - unit) : strlen(unit));
}

static char *read_prefix(const char *unit) {
        return unit_name_prefix(unit);
}

static char *read_instance(const char *unit) {
        return unit_name_kind(unit) == UNIT_NAME_INSTANCE ? unit_name_instance(unit) : strdup("");
}

static char *read_last_of_prefix(const char *unit) {
        _cleanup_free_ char *prefix = unit_name_prefix(unit);
        const char *dash = prefix ? strrchr(prefix, '-') : NULL;

        return dash ? strdup(dash + 1) : TAKE_PTR(prefix);
}

static char *unescaped(char *name) {
        char *result = name ? unit_name_unescape(name) : NULL;

        free(name);
        return result;
}

static char *read_prefix_unescaped(const char *unit) {
        return unescaped(read_prefix(unit));
}

static char *read_instance_unescaped(const char *unit) {
        return unescaped(read_instance(unit));
}

static char *read_last_of_prefix_unescaped(const char *unit) {
        return unescaped(read_last_of_prefix(unit));
}

static char *read_path(const char *unit) {
        _cleanup_free_ char *name = unit_name_kind(unit) == UNIT_NAME_INSTANCE
                                            ? unit_name_instance(unit)
                                            : unit_name_prefix(unit);

        return name ? unit_name_unescape_path(name) : NULL;
}

static char *read_host(const char *unit) {
        char name[HOST_NAME_MAX + 1] = {};

        return gethostname(name, sizeof name - 1) < 0 ? NULL : strdup(name);
}

static char *read_short_host(const char *unit) {
        char *name = read_host(unit);

        if (name)
                name[strcspn(name, ".")] = 0;
        return name;
}

static char *read_machine_id(const char *unit) {
        char *id = NULL;

        if (file_read_line("/etc/machine-id", &id) < 0)
                return NULL;
        if (strlen(id) == 32 && strspn(id, "0123456789abcdef") == 32)
                return id;
        free(id);
        return NULL;
}

static char *read_boot_id(const char *unit) {
        char *id = NULL;

        return file_boot_id(&id) < 0 ? NULL : id;
}

static char *read_kernel(const char *unit) {
        struct utsname names;

        return uname(&names) < 0 ? NULL : strdup(names.release);
}

static const Specifier specifiers[] = {
        { '%', .fixed = "%" },
        { 'n', .read = read_name },
        { 'N', .read = read_name_without_type },
        { 'p', .read = read_prefix },
        { 'P', .read = read_prefix_unescaped },
        { 'i', .read = read_instance },
        { 'I', .read = read_instance_unescaped },
        { 'j', .read = read_last_of_prefix },
        { 'J', .read = read_last_of_prefix_unescaped },
        { 'f', .read = read_path },
        { 't', .fixed = "/run" },
        { 'S', .fixed = "/var/lib" },
        { 'C', .fixed = "/var/cache" },
        { 'L', .fixed = "/var/log" },
        { 'E', .fixed = "/etc" },
        { 'T', .fixed = "/tmp" },
        { 'V', .fixed = "/var/tmp" },
        { 'u', .fixed = "root" },
        { 'U', .fixed = "0" },
        { 'g', .fixed = "root" },
        { 'G', .fixed = "0" },
        { 'h', .fixed = "/root" },
        { 'H', .read = read_host },
        { 'l', .read = read_short_host },
        { 'm', .read = read_machine_id },
        { 'b', .read = read_boot_id },
        { 'v', .read = read_kernel },
};

/* Known to the service manager, not to a reader of files. */
static const char manager_only[] = "aABcdDMoqrRswWyY";

int specifier_resolve(char specifier, const char *unit, char **ret, Diag *diag) {
        for (size_t i = 0; i < G_N_ELEMENTS(specifiers); i++) {
                const Specifier *row = &specifiers[i];
                char *text;

                if (row->letter != specifier)
                        continue;
                text = row->read ? row->read(unit) : strdup(row->fixed);
                if (!text)
                        return diag_fail(
                                diag, -EINVAL, "specifier '%%%c' has no value for unit '%s'",
                                specifier, unit
                        );
                *ret = text;
                return 0;
        }
        if (specifier && strchr(manager_only, specifier))
                return diag_fail(
                        diag, -EOPNOTSUPP, "specifier '%%%c' is not supported here", specifier
                );
        if (!g_ascii_isprint(specifier))
                return diag_fail(diag, -EINVAL, "a single '%%' stands for nothing, write '%%%%'");
        return diag_fail(diag, -EINVAL, "unknown specifier '%%%c'", specifier);
}
