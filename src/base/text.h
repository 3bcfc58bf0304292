/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Text: the escape of the state format, strict number parsing, and "did you mean". */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Escapes for one word of the state text: backslash as \\, blank, control bytes and bytes of 0x80 and
 * above as \xNN. An empty text stays empty. The result belongs to the caller; NULL without memory. */
char *text_escape(const char *text);

/* As text_escape(), into memory of the caller: up to four bytes for each of the text and one for the NUL. Returns
 * the end, where the NUL stands. */
char *text_escape_to(char *out, const char *text);
/* The same for size bytes, none of them NUL. */
char *text_escape_bytes_to(char *out, const char *text, size_t size);

/* The way back, strict: any other escape, an incomplete one, or one that stands for NUL is -EINVAL. */
int text_unescape(const char *text, size_t size, char **ret);

/* As text_unescape(), into memory of the caller: size bytes and one for the NUL are enough. out may be text
 * itself; on failure its content is undefined. */
int text_unescape_to(char *out, const char *text, size_t size);

/* Undoes the C escapes of systemd's state files (\a \b \f \n \r \t \v \\ \" \' \s \xNN \NNN), strict. */
int text_unescape_c(const char *text, size_t size, char **ret);

/* Whole word, decimal digits only (no sign, no blank, no leading zero but "0" itself), in range;
 * otherwise -EINVAL or -ERANGE, and *ret is left alone. */
int text_to_u64(const char *text, uint64_t *ret);
int text_to_u32(const char *text, uint32_t *ret);

/* Descriptor numbers: 0..INT_MAX. */
int text_to_fd(const char *text, int *ret);

/* yes/no, true/false, on/off, 1/0, any case; otherwise -EINVAL. */
int text_to_bool(const char *text);

bool text_equal(const char *a, const char *b); /* NULL equals NULL only */
const char *text_after_prefix(
        const char *text,
        const char *prefix
); /* NULL if it does not begin so */

/* asprintf() that hands back the text; NULL without memory. */
char *text_format(const char *format, ...) __attribute__((__format__(__printf__, 1, 2)));

/* The candidate most like word (edit distance at most a third of its length, at least 1, letters' case
 * ignored), for "did you mean"; NULL if none is near. candidates ends with NULL. */
const char *text_nearest(const char *word, const char *const *candidates);
