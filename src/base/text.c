/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/base/text.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "src/base/cleanup.h"

static bool byte_is_plain(unsigned char c) {
        return c > ' ' && c < 0x7f && c != '\\';
}

/* Whether all of eight bytes are plain. All are below 0x80 first, so that no sum or difference carries from one byte
 * into the next; then a high bit that stays set says that the byte is not below the one subtracted. */
static bool eight_are_plain(uint64_t word) {
        const uint64_t ones = UINT64_MAX / UINT8_MAX, high = ones << 7;
        uint64_t above_blank = (word | high) - ones * '!';
        uint64_t no_backslash = ((word ^ (ones * '\\')) | high) - ones;
        uint64_t is_delete = word + ones;

        return (word & high) == 0 && (above_blank & no_backslash & high) == high &&
               (is_delete & high) == 0;
}

char *text_escape_bytes_to(char *out, const char *text, size_t size) {
        static const char digits[] = "0123456789abcdef";
        const char *end = text + size;

        while (text < end) {
                unsigned char c = (unsigned char)*text;
                uint64_t word = 0;

                if ((size_t)(end - text) >= sizeof word)
                        memcpy(&word, text, sizeof word);
                if (eight_are_plain(word)) {
                        memcpy(out, &word, sizeof word);
                        out += sizeof word;
                        text += sizeof word;
                        continue;
                }
                text++;
                if (byte_is_plain(c)) {
                        *out++ = (char)c;
                        continue;
                }
                *out++ = '\\';
                if (c == '\\') {
                        *out++ = '\\';
                        continue;
                }
                *out++ = 'x';
                *out++ = digits[c >> 4];
                *out++ = digits[c & 0xf];
        }
        *out = 0;
        return out;
}

char *text_escape_to(char *out, const char *text) {
        return text_escape_bytes_to(out, text, strlen(text));
}

char *text_escape(const char *text) {
        size_t size = 1;
        char *result;

        for (const char *p = text; *p; p++)
                size += byte_is_plain((unsigned char)*p) ? 1 : *p == '\\' ? 2 : 4;
        result = malloc(size);
        if (result)
                (void)text_escape_to(result, text);
        return result;
}

static int digit_value(char c, int base) {
        int value;

        if (c >= '0' && c <= '9')
                value = c - '0';
        else if (c >= 'a' && c <= 'f')
                value = c - 'a' + 10;
        else if (c >= 'A' && c <= 'F')
                value = c - 'A' + 10;
        else
                return -EINVAL;
        return value < base ? value : -EINVAL;
}

/* Reads n digits of the base; -EINVAL if there are fewer or the value is NUL or no byte. */
static int digits_to_byte(const char *p, const char *end, int n, int base) {
        int value = 0;

        if (end - p < n)
                return -EINVAL;
        for (int i = 0; i < n; i++) {
                int digit = digit_value(p[i], base);

                if (digit < 0)
                        return digit;
                value = value * base + digit;
        }
        return value == 0 || value > 255 ? -EINVAL : value;
}

static int c_letter_to_byte(char c) {
        static const char letters[] = "abfnrtv\\\"'s";
        static const char bytes[] = "\a\b\f\n\r\t\v\\\"' ";
        const char *found = c ? strchr(letters, c) : NULL;

        return found ? bytes[found - letters] : -EINVAL;
}

/* Decodes the escape behind a backslash at p; returns the byte and moves p behind the escape. */
static int escape_decode(const char **p, const char *end, bool c_style) {
        int value;

        if (*p >= end)
                return -EINVAL;
        if (**p == 'x') {
                value = digits_to_byte(*p + 1, end, 2, 16);
                if (value >= 0)
                        *p += 3;
                return value;
        }
        if (!c_style) {
                if (**p != '\\')
                        return -EINVAL;
                (*p)++;
                return '\\';
        }
        if (**p >= '0' && **p <= '7') {
                value = digits_to_byte(*p, end, 3, 8);
                if (value >= 0)
                        *p += 3;
                return value;
        }
        value = c_letter_to_byte(**p);
        if (value >= 0)
                (*p)++;
        return value;
}

static int unescape_to(char *out, const char *text, size_t size, bool c_style) {
        const char *p = text, *end = text + size;

        while (p < end) {
                int value;

                if (*p == 0)
                        return -EINVAL;
                if (*p != '\\') {
                        *out++ = *p++;
                        continue;
                }
                p++;
                value = escape_decode(&p, end, c_style);
                if (value < 0)
                        return value;
                *out++ = (char)value;
        }
        *out = 0;
        return 0;
}

static int unescape(const char *text, size_t size, bool c_style, char **ret) {
        _cleanup_free_ char *result = malloc(size + 1);
        int r;

        if (!result)
                return -ENOMEM;
        r = unescape_to(result, text, size, c_style);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(result);
        return 0;
}

int text_unescape_to(char *out, const char *text, size_t size) {
        return unescape_to(out, text, size, false);
}

int text_unescape(const char *text, size_t size, char **ret) {
        return unescape(text, size, false, ret);
}

int text_unescape_c(const char *text, size_t size, char **ret) {
        return unescape(text, size, true, ret);
}

int text_to_u64(const char *text, uint64_t *ret) {
        uint64_t value = 0;

        if (!text || !*text || (text[0] == '0' && text[1]))
                return -EINVAL;
        for (const char *p = text; *p; p++) {
                unsigned digit;

                if (*p < '0' || *p > '9')
                        return -EINVAL;
                digit = (unsigned)(*p - '0');
                if (value > (UINT64_MAX - digit) / 10)
                        return -ERANGE;
                value = value * 10 + digit;
        }
        *ret = value;
        return 0;
}

int text_to_u32(const char *text, uint32_t *ret) {
        uint64_t value;
        int r = text_to_u64(text, &value);

        if (r < 0)
                return r;
        if (value > UINT32_MAX)
                return -ERANGE;
        *ret = (uint32_t)value;
        return 0;
}

int text_to_fd(const char *text, int *ret) {
        uint64_t value;
        int r = text_to_u64(text, &value);

        if (r < 0)
                return r;
        if (value > INT_MAX)
                return -ERANGE;
        *ret = (int)value;
        return 0;
}

int text_to_bool(const char *text) {
        static const char *const yes[] = { "yes", "true", "on", "1", "y", "t" };
        static const char *const no[] = { "no", "false", "off", "0", "n", "f" };

        for (size_t i = 0; text && i < ELEMENTS(yes); i++) {
                if (strcasecmp(text, yes[i]) == 0)
                        return 1;
                if (strcasecmp(text, no[i]) == 0)
                        return 0;
        }
        return -EINVAL;
}

bool text_equal(const char *a, const char *b) {
        if (!a || !b)
                return a == b;
        return strcmp(a, b) == 0;
}

const char *text_after_prefix(const char *text, const char *prefix) {
        size_t n = strlen(prefix);

        return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

char *text_format(const char *format, ...) {
        va_list arguments;
        char *text;
        int n;

        va_start(arguments, format);
        n = vasprintf(&text, format, arguments);
        va_end(arguments);
        return n < 0 ? NULL : text;
}

/* Words longer than this are never near anything; it also bounds the table below. */
#define NEAREST_MAX 48U

/* Edit distance in which swapping two neighbours counts as one edit, since that is the commonest slip. */
static unsigned edit_distance(const char *a, const char *b) {
        size_t n = strlen(a), m = strlen(b);
        unsigned rows[3][NEAREST_MAX + 1];

        if (n > NEAREST_MAX || m > NEAREST_MAX)
                return UINT_MAX;
        for (size_t j = 0; j <= m; j++)
                rows[0][j] = (unsigned)j;
        for (size_t i = 1; i <= n; i++) {
                unsigned *now = rows[i % 3], *before = rows[(i + 2) % 3],
                         *twice = rows[(i + 1) % 3];

                now[0] = (unsigned)i;
                for (size_t j = 1; j <= m; j++) {
                        int x = tolower((unsigned char)a[i - 1]),
                            y = tolower((unsigned char)b[j - 1]);
                        unsigned best = before[j - 1] + (x != y);

                        if (before[j] + 1 < best)
                                best = before[j] + 1;
                        if (now[j - 1] + 1 < best)
                                best = now[j - 1] + 1;
                        if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
                            y == tolower((unsigned char)a[i - 2]) && twice[j - 2] + 1 < best)
                                best = twice[j - 2] + 1;
                        now[j] = best;
                }
        }
        return rows[n % 3][m];
}

const char *text_nearest(const char *word, const char *const *candidates) {
        unsigned limit = (unsigned)strlen(word) / 3;
        const char *best = NULL;

        if (limit < 1)
                limit = 1;
        for (; *candidates; candidates++) {
                unsigned distance = edit_distance(word, *candidates);

                if (distance > limit || (best && distance == limit))
                        continue;
                best = *candidates;
                limit = distance;
        }
        return best;
}
