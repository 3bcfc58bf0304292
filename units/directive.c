/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One row for each key. A key is a list of program lines, a list of names with values, a setting of the unit, or
 * a rule this build cannot enforce. An empty value takes back whatever the key has said so far, in this file and
 * those read before; failed lines of the key go with it. Nothing else ever makes a line vanish. */

#include "units/directive.h"

#include <errno.h>
#include <string.h>

#include "src/base/text.h"
#include "units/expand.h"
#include "units/program-line.h"
#include "units/rule-check.h"

typedef struct Directive {
        const char *name;
        /* makes wishes; adds one at least, and explains a failure in the diag */
        int (*parse)(UnitWish *unit, Wish *wish, const DirectiveLine *line, Diag *diag);
        const char *hook; /* of those that have one of their own */
        int (*parse_program)(Wish *wish, const char *value, const char *unit, Diag *diag);
        int (*check)(const char *value, Diag *diag);
        void (*reset)(UnitWish *unit);
} Directive;

static const Directive *directive_find(const char *key);

static Wish *wish_add(UnitWish *unit, const DirectiveLine *line, WishKind kind) {
        Wish *wish = g_new0(Wish, 1);

        wish->kind = kind;
        wish->key = g_strdup(line->key);
        wish->file = g_strdup(line->file);
        wish->line = line->line;
        g_ptr_array_add(unit->wishes, wish);
        return wish;
}

void directive_fail(UnitWish *unit, const DirectiveLine *line, const char *error) {
        wish_add(unit, line, WISH_FAILED)->error = g_strdup(error);
}

static int parse_program(UnitWish *unit, Wish *wish, const DirectiveLine *line, Diag *diag) {
        const Directive *directive = directive_find(line->key);

        wish->kind = WISH_PROGRAM;
        if (directive->hook)
                wish->hook = g_strdup(directive->hook);
        return directive->parse_program(wish, line->value, unit->unit, diag);
}

/* [OBJECT-STEM.]NAME=VALUE, the specifiers of VALUE still in it. */
static int parse_variable(Wish *wish, const char *word, const char *unit, Diag *diag) {
        const char *equals = strchr(word, '=');
        g_autofree char *name = NULL;
        char *dot;

        if (!equals)
                return diag_fail(diag, -EINVAL, "'%s' is not [OBJECT-STEM.]NAME=VALUE", word);
        name = g_strndup(word, (gsize)(equals - word));
        dot = strrchr(name, '.');
        if (dot) {
                wish->object_stem = g_strndup(name, (gsize)(dot - name));
                if (!*wish->object_stem || strchr(wish->object_stem, '/'))
                        return diag_fail(
                                diag, -EINVAL, "'%s' is not the stem of an object's name",
                                wish->object_stem
                        );
        }
        wish->name = g_strdup(dot ? dot + 1 : name);
        if (!program_line_is_identifier(wish->name))
                return diag_fail(diag, -EINVAL, "'%s' is not the name of a variable", wish->name);
        return expand_value(equals + 1, unit, 0, &wish->value, diag);
}

/* Each word of the line is an assignment of its own. */
static int parse_variables(UnitWish *unit, Wish *wish, const DirectiveLine *line, Diag *diag) {
        g_auto(GStrv) words = NULL;
        int r;

        r = expand_words(line->value, &words, diag);
        if (r < 0)
                return r;
        for (char **word = words; *word; word++) {
                if (word != words)
                        wish = wish_add(unit, line, WISH_VARIABLE);
                wish->kind = WISH_VARIABLE;
                r = parse_variable(wish, *word, unit->unit, diag);
                if (r >= 0)
                        continue;
                if (word[1]) { /* the last one's failure is the caller's to note */
                        wish->kind = WISH_FAILED;
                        wish->error = g_strdup(diag_text(diag, r));
                        diag_done(diag);
                        r = 0;
                }
        }
        return r;
}

static int parse_map(UnitWish *unit, Wish *wish, const DirectiveLine *line, Diag *diag) {
        const char *colon = program_line_find(line->value, ':');
        int r;

        wish->kind = WISH_MAP;
        if (!colon)
                return diag_fail(diag, -EINVAL, "'%s' is not NAME:PATH", line->value);
        wish->name = g_strndup(line->value, (gsize)(colon - line->value));
        if (!program_line_is_identifier(wish->name))
                return diag_fail(diag, -EINVAL, "'%s' is not the name of a map", wish->name);
        r = expand_value(
                colon + 1, unit->unit, EXPAND_ESCAPES | EXPAND_DOTS_AWAY, &wish->value, diag
        );
        if (r < 0)
                return r;
        return program_line_check_path(wish->value, diag);
}

static int refuse_word(const char *value, const char *const *words, Diag *diag) {
        g_autofree char *all = g_strjoinv(", ", (char **)words);
        const char *nearest = text_nearest(value, words);

        if (nearest)
                return diag_fail(
                        diag, -EINVAL, "unknown value '%s', did you mean '%s'?", value, nearest
                );
        return diag_fail(diag, -EINVAL, "unknown value '%s', it is one of %s", value, all);
}

static int set_word(char **setting, const char *value, const char *const *words, Diag *diag) {
        if (!g_strv_contains(words, value))
                return refuse_word(value, words, diag);
        g_free(*setting);
        *setting = g_strdup(value);
        return 0;
}

static int parse_policy(UnitWish *unit, Wish *wish, const DirectiveLine *line, Diag *diag) {
        static const char *const words[] = { "required", "wanted", "optional", NULL };

        return set_word(&unit->policy, line->value, words, diag);
}

static void reset_policy(UnitWish *unit) {
        g_clear_pointer(&unit->policy, g_free);
}

static int parse_on_loss(UnitWish *unit, Wish *wish, const DirectiveLine *line, Diag *diag) {
        static const char *const words[] = { "continue", "stop", NULL };

        return set_word(&unit->on_loss, line->value, words, diag);
}

static void reset_on_loss(UnitWish *unit) {
        g_clear_pointer(&unit->on_loss, g_free);
}

static int parse_repair(UnitWish *unit, Wish *wish, const DirectiveLine *line, Diag *diag) {
        int r = text_to_bool(line->value);

        if (r < 0)
                return diag_fail(diag, r, "'%s' is neither yes nor no", line->value);
        unit->repair = r > 0;
        unit->repair_set = true;
        return 0;
}

static void reset_repair(UnitWish *unit) {
        unit->repair = true;
        unit->repair_set = false;
}

static int refuse_rule(const Directive *directive, int r, Diag *diag) {
        if (r < 0)
                return r;
        return diag_fail(diag, -EOPNOTSUPP, "%s= is not supported by this build", directive->name);
}

static int parse_rule(UnitWish *unit, Wish *wish, const DirectiveLine *line, Diag *diag) {
        const Directive *directive = directive_find(line->key);

        return refuse_rule(directive, directive->check(line->value, diag), diag);
}

static int parse_net_program(UnitWish *unit, Wish *wish, const DirectiveLine *line, Diag *diag) {
        const Directive *directive = directive_find(line->key);

        return refuse_rule(
                directive, directive->parse_program(wish, line->value, unit->unit, diag), diag
        );
}

static const Directive directives[] = {
        { "BPFProgram", parse_program, .parse_program = program_line_parse },
        { "IPIngressFilterPath", parse_program, "ingress", program_line_parse_path },
        { "IPEgressFilterPath", parse_program, "egress", program_line_parse_path },
        { "TCProgram", parse_net_program, .parse_program = program_line_parse_tc },
        { "XDPProgram", parse_net_program, .parse_program = program_line_parse_xdp },
        { "BPFVariable", parse_variables },
        { "BPFMap", parse_map },
        { "BPFPolicy", parse_policy, .reset = reset_policy },
        { "BPFRepair", parse_repair, .reset = reset_repair },
        { "BPFOnLoss", parse_on_loss, .reset = reset_on_loss },
        { "IPAddressAllow", parse_rule, .check = rule_check_addresses },
        { "IPAddressDeny", parse_rule, .check = rule_check_addresses },
        { "IPAccounting", parse_rule, .check = rule_check_boolean },
        { "DevicePolicy", parse_rule, .check = rule_check_device_policy },
        { "DeviceAllow", parse_rule, .check = rule_check_device },
        { "SocketBindAllow", parse_rule, .check = rule_check_socket_bind },
        { "SocketBindDeny", parse_rule, .check = rule_check_socket_bind },
        { "RestrictNetworkInterfaces", parse_rule, .check = rule_check_interfaces },
        { "RestrictFileSystems", parse_rule, .check = rule_check_file_systems },
};

static const Directive *directive_find(const char *key) {
        for (size_t i = 0; i < G_N_ELEMENTS(directives); i++)
                if (strcmp(directives[i].name, key) == 0)
                        return &directives[i];
        return NULL;
}

const char *const *directive_names(void) {
        static const char *names[G_N_ELEMENTS(directives) + 1];

        for (size_t i = 0; i < G_N_ELEMENTS(directives); i++)
                names[i] = directives[i].name;
        return names;
}

static void refuse_unknown(UnitWish *unit, const DirectiveLine *line) {
        const char *nearest = text_nearest(line->key, directive_names());
        g_autofree char *error = NULL;

        if (nearest)
                error = g_strdup_printf(
                        "unknown directive '%s', did you mean '%s'?", line->key, nearest
                );
        else
                error = g_strdup_printf("unknown directive '%s'", line->key);
        directive_fail(unit, line, error);
}

static void reset_key(UnitWish *unit, const Directive *directive) {
        for (guint i = unit->wishes->len; i > 0; i--) {
                const Wish *wish = g_ptr_array_index(unit->wishes, i - 1);

                if (strcmp(wish->key, directive->name) == 0)
                        (void)g_ptr_array_remove_index(unit->wishes, i - 1);
        }
        if (directive->reset)
                directive->reset(unit);
}

void directive_apply(UnitWish *unit, const DirectiveLine *line) {
        const Directive *directive = directive_find(line->key);
        _cleanup_diag_ Diag diag = {};
        Wish *wish;
        int r;

        if (!directive) {
                if (!text_after_prefix(line->key, "X-"))
                        refuse_unknown(unit, line);
                return;
        }
        if (!*line->value) {
                reset_key(unit, directive);
                return;
        }
        wish = wish_add(unit, line, WISH_FAILED);
        r = directive->parse(unit, wish, line, &diag);
        if (r < 0) { /* the last one added is the one that failed */
                wish = g_ptr_array_index(unit->wishes, unit->wishes->len - 1);
                wish->kind = WISH_FAILED;
                wish->error = g_strdup(diag_text(&diag, r));
        } else if (wish->kind == WISH_FAILED && !wish->error) {
                /* a setting: it made no wish */
                (void)g_ptr_array_remove(unit->wishes, wish);
        }
}
