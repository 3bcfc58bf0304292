/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Entries as text. libbpf knows how to print data of a type, as C initialisers with a cast before every value:
 * "(struct traffic){.packets = (__u64)5,.bytes = (__u64)600,}". People want "{.packets = 5, .bytes = 600}". */

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "bpf/call.h"
#include "bpf/map.h"
#include "src/base/limits.h"
#include "src/base/text.h"

#define DUMP_TEXT_MAX (16U * 1024U * 1024U) /* of all entries together */

typedef struct Buffer {
        char *text;
        size_t size;
        bool failed; /* without memory, or too long */
} Buffer;

typedef struct Dumper {
        int fd;
        MapInfo info;
        uint32_t key_type, value_type;
        int64_t value_bytes;
        struct btf *types; /* NULL: hex it is */
        struct btf_dump *printer;
        Buffer buffer; /* the printer writes here */
        size_t total;
} Dumper;

static void dumper_done(Dumper *dumper) {
        btf_dump__free(dumper->printer);
        btf__free(dumper->types);
        free(dumper->buffer.text);
}

static void buffer_append(Buffer *buffer, const char *text, size_t n) {
        char *longer;

        if (buffer->failed || buffer->size + n > DUMP_TEXT_MAX) {
                buffer->failed = true;
                return;
        }
        longer = realloc(buffer->text, buffer->size + n + 1);
        if (!longer) {
                buffer->failed = true;
                return;
        }
        (void)memcpy(longer + buffer->size, text, n);
        longer[buffer->size + n] = 0;
        buffer->text = longer;
        buffer->size += n;
}

/* libbpf's type of print functions does not say that they take a format. */
#ifndef __clang__
#        pragma GCC diagnostic ignored "-Wsuggest-attribute=format"
#endif
_printf_(2, 0) static void print_into(void *userdata, const char *format, va_list arguments) {
        _cleanup_free_ char *piece = NULL;
        Buffer *buffer = userdata;
        int n = vasprintf(&piece, format, arguments);

        if (n < 0) {
                piece = NULL;
                buffer->failed = true;
                return;
        }
        buffer_append(buffer, piece, (size_t)n);
}

/* Behind the cast that begins at p, which may have parentheses of its own (pointers to functions). */
static const char *skip_cast(const char *p) {
        int depth = 0;

        do {
                if (*p == '(')
                        depth++;
                if (*p == ')')
                        depth--;
                p++;
        } while (*p && depth > 0);
        return p;
}

/* Takes out the casts and the commas before a closing bracket, and puts a blank behind the other commas. */
static char *tidy(const char *text) {
        char *result = malloc(2 * strlen(text) + 1), *out = result;

        if (!result)
                return NULL;
        for (const char *p = text; *p;) {
                if (*p == '(') {
                        p = skip_cast(p);
                        continue;
                }
                if (*p == '\'' && p[1] && p[2] == '\'') { /* a character, whichever it is */
                        (void)memcpy(out, p, 3);
                        out += 3;
                        p += 3;
                        continue;
                }
                if (*p == ',' && (p[1] == '}' || p[1] == ']' || p[1] == 0)) {
                        p++;
                        continue;
                }
                *out++ = *p;
                if (*p++ == ',')
                        *out++ = ' ';
        }
        *out = 0;
        return result;
}

static char *hex_text(const uint8_t *data, size_t size) {
        static const char digits[] = "0123456789abcdef";
        char *text = malloc(2 * size + sizeof "hex:"), *out;

        if (!text)
                return NULL;
        out = stpcpy(text, "hex:");
        for (size_t i = 0; i < size; i++) {
                *out++ = digits[data[i] >> 4];
                *out++ = digits[data[i] & 0xf];
        }
        *out = 0;
        return text;
}

static char *describe(Dumper *dumper, uint32_t type, const uint8_t *data, size_t size) {
        LIBBPF_OPTS(btf_dump_type_data_opts, options, .compact = true, .emit_zeroes = true);

        dumper->buffer.size = 0;
        dumper->buffer.failed = false;
        if (!dumper->printer || type == 0 ||
            btf_dump__dump_type_data(dumper->printer, type, data, size, &options) < 0 ||
            dumper->buffer.failed || dumper->buffer.size == 0)
                return hex_text(data, size);
        return tidy(dumper->buffer.text);
}

/* Arrays have numbers for keys, with or without types. */
static char *describe_key(Dumper *dumper, const uint8_t *key) {
        uint32_t index;

        if (dumper->key_type == 0 && dumper->info.key_size == sizeof index) {
                (void)memcpy(&index, key, sizeof index);
                if (dumper->info.type == BPF_MAP_TYPE_ARRAY ||
                    dumper->info.type == BPF_MAP_TYPE_PERCPU_ARRAY)
                        return text_format("%" PRIu32, index);
        }
        return describe(dumper, dumper->key_type, key, dumper->info.key_size);
}

/* Is the value one integer, so that a sum makes sense? */
static bool value_is_integer(const Dumper *dumper, bool *ret_signed) {
        int id = dumper->types ? btf__resolve_type(dumper->types, dumper->value_type) : 0;
        const struct btf_type *type = id > 0 ? btf__type_by_id(dumper->types, (uint32_t)id) : NULL;

        if (!type || !btf_is_int(type) || type->size != dumper->info.value_size || type->size > 8 ||
            (btf_int_encoding(type) & BTF_INT_BOOL))
                return false;
        *ret_signed = (btf_int_encoding(type) & BTF_INT_SIGNED) != 0;
        return true;
}

static uint64_t read_integer(const uint8_t *data, size_t size, bool is_signed) {
        uint64_t value = 0;
        unsigned unused = 64 - 8 * (unsigned)size;

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        (void)memcpy((uint8_t *)&value + 8 - size, data, size);
#else
        (void)memcpy(&value, data, size);
#endif
        return is_signed ? (uint64_t)((int64_t)(value << unused) >> unused) : value;
}

static char *describe_cpus(Dumper *dumper, const uint8_t *values, size_t n_cpus, size_t stride) {
        char *text = text_format("%s", "");
        bool is_signed = false, summed = value_is_integer(dumper, &is_signed);
        uint64_t sum = 0;

        for (size_t i = 0; i < n_cpus && text; i++) {
                _cleanup_free_ char *so_far = text, *one = NULL;

                one = describe(
                        dumper, dumper->value_type, values + i * stride, dumper->info.value_size
                );
                if (summed)
                        sum += read_integer(
                                values + i * stride, dumper->info.value_size, is_signed
                        );
                text = one ? text_format("%s%scpu%zu: %s", so_far, i ? ", " : "", i, one) : NULL;
        }
        if (text && summed) {
                _cleanup_free_ char *list = text;

                text = is_signed ? text_format("%" PRId64 " (%s)", (int64_t)sum, list)
                                 : text_format("%" PRIu64 " (%s)", sum, list);
        }
        return text;
}

/* "seen = 1, other = 0" of the variables of a section. */
static char *describe_section(Dumper *dumper, const struct btf_type *section, const uint8_t *data) {
        char *text = text_format("%s", "");

        for (unsigned i = 0; i < btf_vlen(section) && text; i++) {
                const struct btf_var_secinfo *place = &btf_var_secinfos(section)[i];
                const struct btf_type *variable = btf__type_by_id(dumper->types, place->type);
                _cleanup_free_ char *so_far = text, *one = NULL;

                text = NULL;
                if (!variable || place->offset > dumper->info.value_size ||
                    place->size > dumper->info.value_size - place->offset)
                        break;
                one = describe(dumper, variable->type, data + place->offset, place->size);
                if (one)
                        text = text_format(
                                "%s%s%s = %s", so_far, i ? ", " : "",
                                btf__name_by_offset(dumper->types, variable->name_off), one
                        );
        }
        return text ?: hex_text(data, dumper->info.value_size);
}

static char *describe_value(Dumper *dumper, const uint8_t *value) {
        const struct btf_type *type = dumper->types
                                              ? btf__type_by_id(dumper->types, dumper->value_type)
                                              : NULL;
        size_t stride = (dumper->info.value_size + 7U) & ~7U;

        if (type && btf_is_datasec(type))
                return describe_section(dumper, type, value);
        if (dumper->value_bytes == (int64_t)dumper->info.value_size)
                return describe(dumper, dumper->value_type, value, dumper->info.value_size);
        return describe_cpus(dumper, value, (size_t)dumper->value_bytes / stride, stride);
}

static int dump_add(Dumper *dumper, MapDump *dump, const uint8_t *key, const uint8_t *value) {
        MapEntry entry = { .key = describe_key(dumper, key),
                           .value = describe_value(dumper, value) };
        MapEntry *longer;

        longer = entry.key && entry.value ? reallocarray(dump->entries, dump->n + 1, sizeof entry)
                                          : NULL;
        if (!longer) {
                free(entry.key);
                free(entry.value);
                return -ENOMEM;
        }
        dumper->total += strlen(entry.key) + strlen(entry.value);
        dump->entries = longer;
        dump->entries[dump->n++] = entry;
        return 0;
}

/* Goes on to the next key; 0 at the end. An entry that vanishes between the two calls is passed over; if the key we stand
 * on goes, a hash starts again at its first one, so the number of steps is bounded. */
static int dump_entries(Dumper *dumper, MapDump *dump, uint8_t *key, uint8_t *value) {
        for (uint64_t step = 0;; step++) {
                int r = map_next_key(dumper->fd, step == 0 ? NULL : key, key);

                if (r == -ENOENT)
                        return 0;
                if (r < 0 && step == 0) {
                        dump->readable = false;
                        return 0;
                }
                if (r < 0)
                        return r;
                if (dump->n == LIMIT_MAP_DUMP_ENTRIES || dumper->total > DUMP_TEXT_MAX ||
                    step > 16ULL * LIMIT_MAP_DUMP_ENTRIES) {
                        dump->complete = false;
                        return 0;
                }
                r = map_lookup(dumper->fd, key, value);
                if (r == -ENOENT)
                        continue;
                if (r >= 0)
                        r = dump_add(dumper, dump, key, value);
                if (r < 0)
                        return r;
        }
}

static int dumper_init(Dumper *dumper, int map_fd) {
        struct bpf_map_info info = {};
        int r = map_info(map_fd, &dumper->info);

        if (r < 0)
                return r;
        r = call_info(map_fd, &info, sizeof info);
        if (r < 0)
                return r;
        dumper->fd = map_fd;
        dumper->value_bytes = map_value_bytes(&dumper->info);
        if (dumper->value_bytes < 0)
                return (int)dumper->value_bytes;
        if (info.btf_id == 0)
                return 0;
        dumper->key_type = info.btf_key_type_id;
        dumper->value_type = info.btf_value_type_id;
        dumper->types = btf__load_from_kernel_by_id(info.btf_id);
        if (dumper->types)
                dumper->printer = btf_dump__new(dumper->types, print_into, &dumper->buffer, NULL);
        return 0; /* without types the bytes are shown */
}

int map_dump(int map_fd, MapDump *ret, Diag *diag) {
        _cleanup_(dumper_done) Dumper dumper = {};
        _cleanup_(map_dump_done) MapDump dump = { .complete = true, .readable = true };
        _cleanup_free_ uint8_t *key = NULL, *value = NULL;
        int r = dumper_init(&dumper, map_fd);

        if (r < 0)
                return diag_errno(diag, r, "cannot look at the map");
        key = calloc(1, dumper.info.key_size + 1);
        value = calloc(1, (size_t)dumper.value_bytes + 1);
        if (!key || !value)
                return -ENOMEM;
        r = dump_entries(&dumper, &dump, key, value);
        if (r < 0)
                return diag_errno(diag, r, "cannot read map '%s'", dumper.info.name);
        *ret = dump;
        dump = (MapDump){};
        return 0;
}

void map_dump_done(MapDump *dump) {
        for (size_t i = 0; i < dump->n; i++) {
                free(dump->entries[i].key);
                free(dump->entries[i].value);
        }
        free(dump->entries);
        *dump = (MapDump){};
}
