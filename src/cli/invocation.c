/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One table has all options; getopt's arrays, the help and the check of what fits a verb are made from it. */

#include "src/cli/invocation.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/text.h"
#include "src/cli/verb.h"

#define DEFAULT_RUNTIME_DIRECTORY "/run/unitbpf"

typedef struct Option {
        const char *name; /* NULL: short form only */
        char letter; /* 0: long form only */
        const char *argument; /* NULL: takes none */
        const char *what;
        unsigned scopes; /* any of them fits; OPTION_ANYWHERE: all verbs */
        /* Takes the value into the invocation; what is wrong with it, or NULL. */
        const char *(*take)(Invocation *invocation, const char *value);
        size_t flag; /* offset of the flag it sets, if take is NULL */
} Option;

static const char *take_property(Invocation *invocation, const char *value) {
        g_ptr_array_insert(
                invocation->properties, (int)invocation->properties->len - 1, (void *)value
        );
        return NULL;
}

static const char *take_value_of(Invocation *invocation, const char *value) {
        invocation->value = true;
        return take_property(invocation, value);
}

static const char *take_type(Invocation *invocation, const char *value) {
        g_autoptr(GStrvBuilder) types = g_strv_builder_new();
        g_auto(GStrv) words = g_strsplit(value, ",", -1);
        g_auto(GStrv) before = g_steal_pointer(&invocation->types);

        if (before)
                g_strv_builder_addv(types, (const char **)before);
        g_strv_builder_addv(types, (const char **)words);
        invocation->types = g_strv_builder_end(types);
        return NULL;
}

static const char *take_json(Invocation *invocation, const char *value) {
        static const char *const names[_JSON_FORMAT_MAX] = {
                [JSON_FORMAT_OFF] = "off",
                [JSON_FORMAT_SHORT] = "short",
                [JSON_FORMAT_PRETTY] = "pretty",
        };

        for (size_t i = 0; i < ELEMENTS(names); i++)
                if (strcmp(names[i], value) == 0) {
                        invocation->json = (JsonFormat)i;
                        return NULL;
                }
        return "must be pretty, short or off";
}

/* The formats of systemctl; those of the journal are no JSON. */
static const char *take_output(Invocation *invocation, const char *value) {
        static const struct {
                const char *name;
                JsonFormat format;
        } names[] = {
                { "short", JSON_FORMAT_OFF },
                { "json", JSON_FORMAT_SHORT },
                { "json-short", JSON_FORMAT_SHORT },
                { "json-pretty", JSON_FORMAT_PRETTY },
        };

        for (size_t i = 0; i < ELEMENTS(names); i++)
                if (strcmp(names[i].name, value) == 0) {
                        invocation->json = names[i].format;
                        return NULL;
                }
        return "must be short, json or json-pretty";
}

static const char *take_unit(Invocation *invocation, const char *value) {
        invocation->unit = value;
        return NULL;
}

static const char *take_slice(Invocation *invocation, const char *value) {
        invocation->slice = value;
        return NULL;
}

static const char *take_runtime_directory(Invocation *invocation, const char *value) {
        if (*value != '/')
                return "must be an absolute path";
        g_free(invocation->runtime_directory);
        invocation->runtime_directory = g_strdup(value);
        invocation->own_runtime_directory = true;
        return NULL;
}

static const char *take_host(Invocation *invocation, const char *value) {
        invocation->host = value;
        invocation->machine = NULL;
        return *value ? NULL : "must name a host";
}

static const char *take_machine(Invocation *invocation, const char *value) {
        invocation->machine = value;
        invocation->host = NULL;
        return *value ? NULL : "must name a machine";
}

#define FLAG(member) .flag = offsetof(Invocation, member)

static const Option options[] = {
        { "help", 'h', NULL, "Show this help, or that of a verb", FLAG(help) },
        { "version", 0, NULL, "Show the version", FLAG(version) },
        { "no-pager", 0, NULL, "Do not pipe output into a pager", FLAG(no_pager) },
        { "no-legend", 0, NULL, "Do not print headers and footers", FLAG(no_legend) },
        { "full", 'l', NULL, "Do not shorten what is too wide", FLAG(full) },
        { "quiet", 'q', NULL, "Say nothing but errors", FLAG(quiet) },
        { "all", 'a', NULL, "Inactive units and unset properties too; detach: everything",
          .scopes = OPTION_ALL, FLAG(all) },
        { "json", 0, "FORMAT", "Print JSON: pretty, short or off", .scopes = OPTION_JSON,
          take_json },
        { "output", 'o', "FORMAT", "As systemctl: short, json or json-pretty",
          .scopes = OPTION_JSON, take_output },
        { "type", 't', "TYPE[,TYPE...]", "Only units of these types", .scopes = OPTION_TYPE,
          take_type },
        { "property", 'p', "NAME[,NAME...]", "show: only these; run: KEY=VALUE, a line of [X-BPF]",
          .scopes = OPTION_PROPERTY, take_property },
        { NULL, 'P', "NAME", "As --value --property=NAME", .scopes = OPTION_VALUE, take_value_of },
        { "value", 0, NULL, "Print values without their names", .scopes = OPTION_VALUE,
          FLAG(value) },
        { "effective", 0, NULL, "All programs that run for the unit, in order",
          .scopes = OPTION_EFFECTIVE, FLAG(effective) },
        { "unit", 0, "UNIT", "run: name of the unit", .scopes = OPTION_RUN, take_unit },
        { "slice", 0, "SLICE", "run: slice to put it in", .scopes = OPTION_RUN, take_slice },
        { "runtime-dir", 0, "DIR", "Directory of the daemon to talk to",
          .take = take_runtime_directory },
        { "host", 'H', "[USER@]HOST", "Operate on another host, over ssh", .scopes = OPTION_BUS,
          take_host },
        { "machine", 'M', "NAME", "Operate on a local container", .scopes = OPTION_BUS,
          take_machine },
};

/* What getopt returns for the long form of the first option: above all letters. */
#define LONG_FORM 256

static void option_arrays(struct option *longs, char *shorts) {
        size_t n = 0, n_longs = 0;

        shorts[n++] = '+'; /* stop at the first word that is no option: run needs to know where */
        shorts[n++] = ':';
        for (size_t i = 0; i < ELEMENTS(options); i++) {
                if (options[i].name)
                        longs[n_longs++] = (struct option){
                                .name = options[i].name,
                                .has_arg = options[i].argument ? required_argument : no_argument,
                                .val = LONG_FORM + (int)i,
                        };
                if (!options[i].letter)
                        continue;
                shorts[n++] = options[i].letter;
                if (options[i].argument)
                        shorts[n++] = ':';
        }
        longs[n_longs] = (struct option){};
        shorts[n] = 0;
}

static const Option *option_by_value(int value) {
        if (value >= LONG_FORM)
                return &options[value - LONG_FORM];
        for (size_t i = 0; i < ELEMENTS(options); i++)
                if (value && options[i].letter == value)
                        return &options[i];
        return NULL;
}

/* The option as people write it. The text belongs to the caller. */
static char *option_form(const Option *option) {
        if (option->name)
                return g_strdup_printf("--%s", option->name);
        return g_strdup_printf("-%c", option->letter);
}

static int option_unknown(const char *word, Diag *diag) {
        const char *names[ELEMENTS(options) + 1] = {};
        g_autofree char *name = NULL;
        const char *near;
        size_t n = 0;

        if (!word || strncmp(word, "--", 2) != 0)
                return diag_fail(diag, -EINVAL, "unknown option '-%c'", optopt);
        for (size_t i = 0; i < ELEMENTS(options); i++)
                if (options[i].name)
                        names[n++] = options[i].name;
        name = g_strndup(word + 2, strcspn(word + 2, "="));
        near = text_nearest(name, names);
        if (near)
                return diag_fail(
                        diag, -EINVAL, "unknown option '--%s', did you mean '--%s'?", name, near
                );
        return diag_fail(diag, -EINVAL, "unknown or ambiguous option '--%s'", name);
}

/* getopt did not like the word: it is unknown, lacks its value, or has one that it does not take. */
static int option_refuse(int value, const char *word, Diag *diag) {
        const Option *option = option_by_value(optopt);
        g_autofree char *form = NULL;

        if (!option)
                return option_unknown(word, diag);
        form = option_form(option);
        if (value == ':')
                return diag_fail(diag, -EINVAL, "%s needs a value: %s", form, option->argument);
        return diag_fail(diag, -EINVAL, "%s takes no value", form);
}

static int option_take(Invocation *invocation, const Option *option, Diag *diag) {
        const char *wrong;

        if (!option->take) {
                *(bool *)((char *)invocation + option->flag) = true;
                return 0;
        }
        wrong = option->take(invocation, optarg);
        if (wrong) {
                g_autofree char *form = option_form(option);

                return diag_fail(diag, -EINVAL, "%s=%s %s", form, optarg, wrong);
        }
        return 0;
}

static int verb_take(Invocation *invocation, const char *word, Diag *diag) {
        const char *near;

        invocation->verb = verb_find(word);
        if (invocation->verb)
                return 0;
        near = verb_nearest(word);
        if (near)
                return diag_fail(
                        diag, -EINVAL, "unknown verb '%s', did you mean '%s'?", word, near
                );
        return diag_fail(
                diag, -EINVAL, "unknown verb '%s', 'unitbpfctl help' lists them all", word
        );
}

static void argument_add(Invocation *invocation, const char *word) {
        g_ptr_array_insert(
                invocation->arguments, (int)invocation->arguments->len - 1, (void *)word
        );
}

static int word_take(Invocation *invocation, const char *word, Diag *diag) {
        if (!invocation->verb)
                return verb_take(invocation, word, diag);
        argument_add(invocation, word);
        return 0;
}

/* Takes the next word that is no option; behind "--" or the verb run, all that is left: getopt, asked again behind
 * the end, would begin anew. */
static int words_take(Invocation *invocation, char **argv, int argc, bool rest, Diag *diag) {
        int r;

        rest = rest || (invocation->verb && invocation->verb->run == verb_run);
        do
                r = word_take(invocation, argv[optind++], diag);
        while (r >= 0 && rest && optind < argc);
        return r;
}

/* An option that means nothing to the verb is a mistake of the caller, not something to pass over. */
static int check_scope(const Invocation *invocation, const Option *option, Diag *diag) {
        const Verb *verb = invocation->verb;
        g_autofree char *form = NULL;

        if (!option->scopes || !verb || (verb->scopes & option->scopes))
                return 0;
        form = option_form(option);
        return diag_fail(diag, -EINVAL, "%s means nothing to '%s'", form, verb->name);
}

static int check_number(const Invocation *invocation, Diag *diag) {
        const Verb *verb = invocation->verb;
        size_t n = invocation_n(invocation);

        if (!verb || invocation->help || invocation->version)
                return 0;
        if (n < verb->min && !(invocation->all && verb->run == verb_detach))
                return diag_fail(
                        diag, -EINVAL, "'%s' needs more arguments: %s %s", verb->name, verb->name,
                        verb->arguments
                );
        if (n > verb->max)
                return diag_fail(
                        diag, -EINVAL, "too many arguments: '%s' is one too many for '%s'",
                        invocation_argument(invocation, verb->max), verb->name
                );
        return 0;
}

static int read_words(int argc, char **argv, Invocation *invocation, bool *seen, Diag *diag) {
        struct option longs[ELEMENTS(options) + 1];
        char shorts[2 * ELEMENTS(options) + 3];
        int value, r = 0;

        option_arrays(longs, shorts);
        opterr = 0;
        optind = 0; /* also resets what getopt remembers of an earlier command line */
        while (r >= 0) {
                int at = optind;

                value = getopt_long(argc, argv, shorts, longs, NULL);
                if (value < 0) {
                        bool rest = optind > 1 && optind > at &&
                                    strcmp(argv[optind - 1], "--") == 0;

                        if (optind >= argc)
                                return 0;
                        r = words_take(invocation, argv, argc, rest, diag);
                        if (optind >= argc)
                                return r;
                } else if (value == '?' || value == ':') {
                        r = option_refuse(value, argv[optind - 1], diag);
                } else {
                        const Option *option = option_by_value(value);

                        seen[option - options] = true;
                        r = option_take(invocation, option, diag);
                }
        }
        return r;
}

int invocation_parse(int argc, char **argv, Invocation *ret, Diag *diag) {
        const char *directory = getenv("UNITBPF_RUNTIME_DIR");
        bool seen[ELEMENTS(options)] = {};
        int r;

        *ret = (Invocation){
                .arguments = g_ptr_array_new(),
                .properties = g_ptr_array_new(),
                .runtime_directory =
                        g_strdup(directory && *directory ? directory : DEFAULT_RUNTIME_DIRECTORY),
                .own_runtime_directory = directory && *directory,
        };
        g_ptr_array_add(ret->arguments, NULL);
        g_ptr_array_add(ret->properties, NULL);
        r = read_words(argc, argv, ret, seen, diag);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTS(options); i++) {
                r = seen[i] ? check_scope(ret, &options[i], diag) : 0;
                if (r < 0)
                        return r;
        }
        return check_number(ret, diag);
}

void invocation_done(Invocation *invocation) {
        g_clear_pointer(&invocation->arguments, g_ptr_array_unref);
        g_clear_pointer(&invocation->properties, g_ptr_array_unref);
        g_clear_pointer(&invocation->types, g_strfreev);
        g_clear_pointer(&invocation->runtime_directory, g_free);
}

size_t invocation_n(const Invocation *invocation) {
        return invocation->arguments->len - 1;
}

const char *invocation_argument(const Invocation *invocation, size_t index) {
        return index < invocation_n(invocation) ? invocation->arguments->pdata[index] : NULL;
}

bool invocation_wants_type(const Invocation *invocation, const char *unit) {
        const char *dot = unit ? strrchr(unit, '.') : NULL;

        if (!invocation->types)
                return true;
        return dot && g_strv_contains((const char *const *)invocation->types, dot + 1);
}

static const char *argument_mark(const Option *option) {
        return option->name && option->argument ? "=" : "";
}

char *invocation_help(unsigned scopes, bool general) {
        GString *text = g_string_new(NULL);

        for (size_t i = 0; i < ELEMENTS(options); i++) {
                const Option *option = &options[i];
                g_autofree char *form = NULL;

                if (option->scopes ? !(option->scopes & scopes) : !general)
                        continue;
                form = g_strdup_printf(
                        "%s%s%s", option->name ? option->name : "", argument_mark(option),
                        option->argument ? option->argument : ""
                );
                if (option->letter)
                        g_string_append_printf(text, "  -%c", option->letter);
                else
                        g_string_append(text, "    ");
                g_string_append_printf(
                        text, " %s%-*s %s\n", option->name ? "--" : "", option->name ? 28 : 30,
                        form, option->what
                );
        }
        return g_string_free(text, FALSE);
}

char *invocation_general(void) {
        GString *text = g_string_new(NULL);

        for (size_t i = 0; i < ELEMENTS(options); i++)
                if (!options[i].scopes)
                        g_string_append_printf(
                                text, "%s--%s%s", text->len > 0 ? " " : "", options[i].name,
                                argument_mark(&options[i])
                        );
        return g_string_free(text, FALSE);
}
