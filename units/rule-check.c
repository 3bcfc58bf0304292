/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A line that is written wrong should be told apart from one that is right but needs another build. */

#include "units/rule-check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include <glib.h>

#include "src/base/text.h"
#include "units/expand.h"

typedef int (*WordCheck)(const char *word, Diag *diag);

/* Splits the value and checks each word. */
static int check_words(const char *value, WordCheck check, Diag *diag) {
        g_auto(GStrv) words = NULL;
        int r;

        r = expand_words(value, &words, diag);
        for (char **word = words; r >= 0 && *word; word++)
                r = check(*word, diag);
        return r;
}

static int check_address(const char *word, Diag *diag) {
        static const char *const names[] = { "any", "localhost", "link-local", "multicast", NULL };
        g_autofree char *address = g_strndup(word, strcspn(word, "/"));
        const char *slash = strchr(word, '/');
        unsigned char bytes[sizeof(struct in6_addr)];
        uint32_t bits;

        if (g_strv_contains(names, word))
                return 0;
        if (inet_pton(AF_INET, address, bytes) == 1)
                bits = 32;
        else if (inet_pton(AF_INET6, address, bytes) == 1)
                bits = 128;
        else
                return diag_fail(diag, -EINVAL, "'%s' is not an address", word);
        if (slash) {
                uint32_t prefix;

                if (text_to_u32(slash + 1, &prefix) < 0 || prefix > bits)
                        return diag_fail(diag, -EINVAL, "'%s' has a bad prefix length", word);
        }
        return 0;
}

int rule_check_addresses(const char *value, Diag *diag) {
        return check_words(value, check_address, diag);
}

int rule_check_boolean(const char *value, Diag *diag) {
        return text_to_bool(value) < 0
                       ? diag_fail(diag, -EINVAL, "'%s' is neither yes nor no", value)
                       : 0;
}

int rule_check_device_policy(const char *value, Diag *diag) {
        static const char *const names[] = { "auto", "closed", "strict", NULL };

        return g_strv_contains(names, value)
                       ? 0
                       : diag_fail(diag, -EINVAL, "'%s' is not one of auto, closed, strict", value);
}

int rule_check_device(const char *value, Diag *diag) {
        g_auto(GStrv) words = NULL;
        unsigned n;
        int r;

        r = expand_words(value, &words, diag);
        if (r < 0)
                return r;
        n = g_strv_length(words);
        if (n == 0 || n > 2)
                return diag_fail(diag, -EINVAL, "'%s' is not NODE [rwm]", value);
        if (words[0][0] != '/' && !text_after_prefix(words[0], "char-") &&
            !text_after_prefix(words[0], "block-"))
                return diag_fail(
                        diag, -EINVAL, "'%s' is neither a device node nor char-NAME or block-NAME",
                        words[0]
                );
        if (n == 2 && (!*words[1] || strspn(words[1], "rwm") != strlen(words[1])))
                return diag_fail(diag, -EINVAL, "'%s' is no access made of r, w, m", words[1]);
        return 0;
}

static bool is_port(const char *text) {
        uint32_t port;

        return text_to_u32(text, &port) >= 0 && port > 0 && port <= 65535;
}

static bool is_port_range(const char *text) {
        g_auto(GStrv) ends = g_strsplit(text, "-", 2);
        uint32_t low, high;

        if (!is_port(ends[0]) || !ends[1])
                return ends[0] && !ends[1] && is_port(ends[0]);
        return is_port(ends[1]) && text_to_u32(ends[0], &low) >= 0 &&
               text_to_u32(ends[1], &high) >= 0 && low <= high;
}

static const char *skip_one_of(const char *text, const char *a, const char *b) {
        const char *rest = text_after_prefix(text, a);

        if (!rest)
                rest = text_after_prefix(text, b);
        return rest ? rest : text;
}

/* ipv4, tcp, ipv4:tcp, ipv4:tcp:80-90, 80, any: parts in this order, at least one. */
int rule_check_socket_bind(const char *value, Diag *diag) {
        g_autofree char *all = g_strconcat(value, ":", NULL);
        const char *rest;
        g_autofree char *port = NULL;

        if (strcmp(value, "any") == 0)
                return 0;
        rest = skip_one_of(all, "ipv4:", "ipv6:");
        rest = skip_one_of(rest, "tcp:", "udp:");
        if (!*rest && *value)
                return 0;
        port = g_strndup(rest, strlen(rest) - (*rest ? 1 : 0));
        if (!is_port_range(port))
                return diag_fail(
                        diag, -EINVAL, "'%s' is not [ipv4:|ipv6:][tcp:|udp:][PORT[-PORT]] or any",
                        value
                );
        return 0;
}

static int check_interface(const char *word, Diag *diag) {
        /* alternative names may be longer than IFNAMSIZ */
        if (!*word || strlen(word) >= 128 || strpbrk(word, "/:"))
                return diag_fail(diag, -EINVAL, "'%s' is not the name of an interface", word);
        return 0;
}

int rule_check_interfaces(const char *value, Diag *diag) {
        return check_words(*value == '~' ? value + 1 : value, check_interface, diag);
}

static int check_file_system(const char *word, Diag *diag) {
        const char *name = *word == '@' ? word + 1 : word;

        if (!*name)
                return diag_fail(diag, -EINVAL, "'%s' is not the name of a file system", word);
        for (const char *p = name; *p; p++)
                if (!g_ascii_isalnum(*p) && !strchr("-_.", *p))
                        return diag_fail(
                                diag, -EINVAL, "'%s' is not the name of a file system", word
                        );
        return 0;
}

int rule_check_file_systems(const char *value, Diag *diag) {
        return check_words(*value == '~' ? value + 1 : value, check_file_system, diag);
}
