/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/cli/screen.h"

#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/fd.h"
#include "src/base/text.h"

#define LABEL_WIDTH 14

static struct {
        bool terminal, colours, unicode;
        pid_t pager; /* 0: none */
} screen;

static bool decide_colours(void) {
        const char *word = getenv("SYSTEMD_COLORS"), *term = getenv("TERM");
        bool able = screen.terminal && (!term || strcmp(term, "dumb") != 0);
        int answer;

        if (word && *word) {
                answer = text_to_bool(word);
                if (answer >= 0)
                        return answer > 0;
                if (!text_after_prefix(word, "auto-"))
                        return true; /* 16, 256, 24bit: asked for, whatever stdout is */
                return able;
        }
        word = getenv("NO_COLOR");
        return able && !(word && *word);
}

void screen_init(void) {
        (void)setlocale(LC_ALL, ""); /* an unknown locale leaves "C", which is good enough */
        screen.terminal = isatty(STDOUT_FILENO);
        screen.colours = decide_colours();
        screen.unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

bool screen_has_colours(void) {
        return screen.colours;
}

bool screen_is_terminal(void) {
        return screen.terminal;
}

const char *screen_colour(Colour colour) {
        static const char *const sequences[_COLOUR_MAX] = {
                [COLOUR_PLAIN] = "\033[0m",   [COLOUR_GOOD] = "\033[1;32m",
                [COLOUR_WARN] = "\033[1;33m", [COLOUR_BAD] = "\033[1;31m",
                [COLOUR_DIM] = "\033[2m",     [COLOUR_STRONG] = "\033[1m",
        };

        return screen.colours ? sequences[colour] : "";
}

const char *screen_plain(void) {
        return screen_colour(COLOUR_PLAIN);
}

/* How each state looks; those of units and of attachments have different words. */
static const struct {
        const char *state;
        Colour colour;
        const char *bullet, *ascii;
} looks[] = {
        { "covered", COLOUR_GOOD, "●", "*" },     { "attached", COLOUR_GOOD, "●", "*" },
        { "degraded", COLOUR_WARN, "●", "*" },    { "drifted", COLOUR_WARN, "●", "*" },
        { "quarantined", COLOUR_WARN, "●", "*" }, { "pending", COLOUR_WARN, "↻", "~" },
        { "failed", COLOUR_BAD, "×", "x" },       { "held-off", COLOUR_WARN, "○", "o" },
        { "defunct", COLOUR_DIM, "○", "o" },      { "inactive", COLOUR_DIM, "○", "o" },
};

const char *screen_bullet(const char *state) {
        for (size_t i = 0; i < ELEMENTS(looks); i++)
                if (text_equal(looks[i].state, state))
                        return screen.unicode ? looks[i].bullet : looks[i].ascii;
        return " ";
}

Colour screen_state_colour(const char *state) {
        for (size_t i = 0; i < ELEMENTS(looks); i++)
                if (text_equal(looks[i].state, state))
                        return looks[i].colour;
        return COLOUR_PLAIN;
}

/* The words of the pager's command; NULL: none is wanted. */
static char **pager_command(void) {
        static const char *const variables[] = { "SYSTEMD_PAGER", "PAGER" };
        char **words = NULL;

        for (size_t i = 0; i < ELEMENTS(variables); i++) {
                const char *value = getenv(variables[i]);

                if (!value)
                        continue;
                if (!*value || strcmp(value, "cat") == 0)
                        return NULL;
                if (g_shell_parse_argv(value, NULL, &words, NULL))
                        return words;
        }
        return g_strsplit("less", " ", -1);
}

static void pager_environment(void) {
        const char *options = getenv("SYSTEMD_LESS"), *charset = getenv("SYSTEMD_LESSCHARSET");
        const char *secure = getenv("SYSTEMD_PAGERSECURE");
        bool restrict_it = secure ? text_to_bool(secure) > 0 : geteuid() != getuid();

        (void)setenv("LESS", options ? options : "FRSXMK", 1);
        if (charset || screen.unicode)
                (void)setenv("LESSCHARSET", charset ? charset : "utf-8", 1);
        if (restrict_it)
                (void)setenv("LESSSECURE", "1", 1);
}

/* In the child: reads what we print. If there is no such pager, what comes is passed on as it is. */
static _Noreturn void pager_child(char **command, int input) {
        char *plain[] = { (char *)"cat", NULL };

        (void)dup2(input, STDIN_FILENO);
        pager_environment();
        (void)execvp(command[0], command);
        (void)execvp(plain[0], plain);
        _exit(EXIT_FAILURE);
}

void screen_pager(void) {
        g_auto(GStrv) command = screen.terminal ? pager_command() : NULL;
        int ends[2];
        pid_t child;

        if (!command || pipe2(ends, O_CLOEXEC) < 0)
                return; /* without a pager it is readable still */
        (void)fflush(stdout);
        child = fork();
        if (child == 0)
                pager_child(command, ends[0]);
        (void)close(ends[0]);
        if (child > 0 && dup2(ends[1], STDOUT_FILENO) >= 0) {
                screen.pager = child;
                (void
                )signal(SIGINT, SIG_IGN); /* is for the pager, which would be left without input */
        }
        (void)close(ends[1]);
}

int screen_end(void) {
        int r = fflush(stdout) == 0 && !ferror(stdout) ? 0 : -EIO;

        if (screen.pager > 0) {
                (void)close(STDOUT_FILENO);
                while (waitpid(screen.pager, NULL, 0) < 0 && errno == EINTR)
                        ;
                screen.pager = 0;
        }
        return r;
}

char *screen_safe(const char *text) {
        GString *safe;

        if (!text)
                return NULL;
        safe = g_string_sized_new(strlen(text));
        for (const char *p = text; *p; p++) {
                unsigned char c = (unsigned char)*p;

                /* the control characters 0x80..0x9f are two bytes in UTF-8: c2 80 .. c2 9f */
                if (c == 0xc2 && (unsigned char)p[1] >= 0x80 && (unsigned char)p[1] < 0xa0)
                        g_string_append_printf(safe, "\\x%02x", (unsigned char)*++p);
                else if ((c < ' ' && c != '\n' && c != '\t') || c == 0x7f)
                        g_string_append_printf(safe, "\\x%02x", c);
                else
                        g_string_append_c(safe, *p);
        }
        return g_string_free(safe, FALSE);
}

void screen_label(const char *label, const char *value) {
        g_autofree char *safe = screen_safe(value);

        if (safe)
                (void)printf("%*s: %s\n", LABEL_WIDTH, label, safe);
}

static void say(const char *prefix, const char *format, va_list arguments) _printf_(2, 0);

static void say(const char *prefix, const char *format, va_list arguments) {
        g_autofree char *text = g_strdup_vprintf(format, arguments);
        g_autofree char *safe = screen_safe(text);

        (void)fflush(stdout); /* in order, if both go to one place */
        (void)fprintf(stderr, "%s%s\n", prefix, safe);
}

void screen_error(const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        say("", format, arguments);
        va_end(arguments);
}

void screen_hint(const char *format, ...) {
        va_list arguments;

        va_start(arguments, format);
        say("hint: ", format, arguments);
        va_end(arguments);
}
