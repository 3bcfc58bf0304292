/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Options that answer the same question form a group; a line may answer each question once. */

#include "units/option.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <glib.h>

#include "src/base/text.h"
#include "units/unit-name.h"
#include "units/wish.h"

typedef enum OptionGroup {
        GROUP_MODE,
        GROUP_VIA,
        GROUP_PREORDER,
        GROUP_BEFORE,
        GROUP_AFTER,
        GROUP_PLACE,
        GROUP_POLICY,
        GROUP_SHARED,
        GROUP_FRESH_MAPS,
        GROUP_TAKEOVER,
        _GROUP_MAX,
} OptionGroup;

typedef enum OptionValue {
        VALUE_NONE,
        VALUE_VIA,
        VALUE_ANCHOR, /* UNIT[/PROGRAM] */
} OptionValue;

typedef struct Option {
        const char *name; /* with its '=' where it takes a value */
        OptionGroup group;
        OptionValue value;
        bool unsupported;
} Option;

static const Option options[] = {
        { "multi", GROUP_MODE },
        { "override", GROUP_MODE },
        { "exclusive", GROUP_MODE },
        { "via=", GROUP_VIA, VALUE_VIA },
        { "preorder", GROUP_PREORDER, .unsupported = true },
        { "before=", GROUP_BEFORE, VALUE_ANCHOR, .unsupported = true },
        { "after=", GROUP_AFTER, VALUE_ANCHOR, .unsupported = true },
        { "first", GROUP_PLACE, .unsupported = true },
        { "last", GROUP_PLACE, .unsupported = true },
        { "required", GROUP_POLICY },
        { "wanted", GROUP_POLICY },
        { "optional", GROUP_POLICY },
        { "shared", GROUP_SHARED },
        { "fresh-maps", GROUP_FRESH_MAPS },
        { "takeover", GROUP_TAKEOVER },
};

static const struct {
        const char *name;
        bool unsupported;
} mechanisms[] = {
        { "link", false },
        { "legacy", false },
        { "tcx", true },
        { "tc", true },
};

const char *const *directive_option_names(void) {
        static const char *names[G_N_ELEMENTS(options) + 1];

        for (size_t i = 0; i < G_N_ELEMENTS(options); i++)
                names[i] = options[i].name;
        return names;
}

/* The row of a word, and its value where it takes one. */
static const Option *option_find(const char *word, const char **ret_value) {
        for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
                const Option *option = &options[i];
                const char *rest = text_after_prefix(word, option->name);

                if (!rest || (option->value == VALUE_NONE && *rest))
                        continue;
                *ret_value = rest;
                return option;
        }
        return NULL;
}

static int refuse_unknown(const char *word, Diag *diag) {
        const char *nearest;

        if (!*word)
                return diag_fail(diag, -EINVAL, "an option is empty");
        nearest = text_nearest(word, directive_option_names());
        if (!nearest)
                return diag_fail(diag, -EINVAL, "unknown option '%s'", word);
        return diag_fail(diag, -EINVAL, "unknown option '%s', did you mean '%s'?", word, nearest);
}

/* 0, or -EINVAL; *unsupported is set where the value is fine but not for this build. */
static int check_value(
        const Option *option,
        const char *word,
        const char *value,
        bool *unsupported,
        Diag *diag
) {
        if (option->value == VALUE_VIA) {
                for (size_t i = 0; i < G_N_ELEMENTS(mechanisms); i++)
                        if (strcmp(mechanisms[i].name, value) == 0) {
                                *unsupported |= mechanisms[i].unsupported;
                                return 0;
                        }
                return diag_fail(
                        diag, -EINVAL, "option '%s': it is one of link, legacy, tcx, tc", word
                );
        }
        if (option->value == VALUE_ANCHOR) {
                g_autofree char *unit = g_strndup(value, strcspn(value, "/"));
                const char *slash = strchr(value, '/');

                if ((int)unit_name_kind(unit) < 0 || (slash && !slash[1]))
                        return diag_fail(
                                diag, -EINVAL, "option '%s': it names no UNIT[/PROGRAM]", word
                        );
        }
        return 0;
}

int option_check(char *const *words, Diag *diag) {
        const char *seen[_GROUP_MAX] = {}, *first_unsupported = NULL;

        for (; words && *words; words++) {
                const char *value = NULL, *before;
                const Option *option = option_find(*words, &value);
                bool unsupported;
                int r;

                if (!option)
                        return refuse_unknown(*words, diag);
                unsupported = option->unsupported;
                before = seen[option->group];
                if (before && strcmp(before, *words) == 0)
                        return diag_fail(diag, -EINVAL, "option '%s' stands twice", *words);
                if (before && option->value != VALUE_ANCHOR)
                        return diag_fail(
                                diag, -EINVAL, "options '%s' and '%s' contradict each other",
                                before, *words
                        );
                seen[option->group] = *words;
                r = check_value(option, *words, value, &unsupported, diag);
                if (r < 0)
                        return r;
                if (unsupported && !first_unsupported)
                        first_unsupported = *words;
        }
        if (first_unsupported)
                return diag_fail(
                        diag, -EOPNOTSUPP, "option '%s' is not supported by this build",
                        first_unsupported
                );
        return 0;
}
