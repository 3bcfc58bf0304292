/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Types lie one behind the other with lengths that depend on their kind, so one pass finds where each begins;
 * that index is all that is kept. Records are copied out of the text, which need not be aligned. */

#include "bpf/look/type-info.h"

#include <errno.h>
#include <linux/btf.h>
#include <stdbool.h>
#include <string.h>

#include "src/base/text.h"

#define CHAIN_MAX  32U /* typedefs, qualifiers, pointers, dimensions in one type */
#define NAME_BYTES 1023U /* of a type, member or variable; the kernel allows 511 */

struct TypeInfo {
        const uint8_t *types;
        size_t types_size;
        const char *strings;
        size_t strings_size;
        uint32_t *offsets; /* of type id, into types; [0] is unused */
        uint32_t n;
};

/* The name at this offset of the strings; NULL if it is outside or too long. */
static const char *info_name(const TypeInfo *info, uint32_t offset) {
        if (offset >= info->strings_size ||
            strnlen(info->strings + offset, NAME_BYTES + 1) > NAME_BYTES)
                return NULL;
        return info->strings + offset;
}

static uint32_t word_at(const uint8_t *at) {
        uint32_t word;

        memcpy(&word, at, sizeof word);
        return word;
}

/* Bytes behind the common part; -EBADMSG for a kind this reader does not know, whose length it cannot tell. */
static int64_t kind_more(unsigned kind, uint32_t n) {
        switch (kind) {
        case BTF_KIND_PTR:
        case BTF_KIND_FWD:
        case BTF_KIND_TYPEDEF:
        case BTF_KIND_VOLATILE:
        case BTF_KIND_CONST:
        case BTF_KIND_RESTRICT:
        case BTF_KIND_FUNC:
        case BTF_KIND_FLOAT:
        case BTF_KIND_TYPE_TAG:
                return 0;
        case BTF_KIND_INT:
        case BTF_KIND_VAR:
        case BTF_KIND_DECL_TAG:
                return 4;
        case BTF_KIND_ARRAY:
                return 12;
        case BTF_KIND_STRUCT:
        case BTF_KIND_UNION:
        case BTF_KIND_DATASEC:
        case BTF_KIND_ENUM64:
                return (int64_t)n * 12;
        case BTF_KIND_ENUM:
        case BTF_KIND_FUNC_PROTO:
                return (int64_t)n * 8;
        default: /* numbers of the file, not an enum of ours */
                return -EBADMSG;
        }
}

static int info_check_header(TypeInfo *info, const uint8_t *data, size_t size) {
        struct btf_header header;
        size_t room;

        if (size < sizeof header)
                return -EBADMSG;
        memcpy(&header, data, sizeof header);
        if (header.magic != BTF_MAGIC || header.version != BTF_VERSION ||
            header.hdr_len < sizeof header || header.hdr_len > size)
                return -EBADMSG;
        room = size - header.hdr_len;
        if (header.type_off > room || header.type_len > room - header.type_off ||
            header.str_off > room || header.str_len > room - header.str_off || header.str_len == 0)
                return -EBADMSG;
        info->types = data + header.hdr_len + header.type_off;
        info->types_size = header.type_len;
        info->strings = (const char *)data + header.hdr_len + header.str_off;
        info->strings_size = header.str_len;
        if (info->strings[0] != '\0' || info->strings[info->strings_size - 1] != '\0')
                return -EBADMSG;
        return 0;
}

static int info_index(TypeInfo *info) {
        size_t at = 0;

        info->offsets = calloc(info->types_size / sizeof(struct btf_type) + 1, sizeof(uint32_t));
        if (!info->offsets)
                return -ENOMEM;
        info->n = 1;
        while (at < info->types_size) {
                struct btf_type type;
                int64_t more;

                if (info->types_size - at < sizeof type)
                        return -EBADMSG;
                memcpy(&type, info->types + at, sizeof type);
                if (!info_name(info, type.name_off))
                        return -EBADMSG;
                more = kind_more(BTF_INFO_KIND(type.info), BTF_INFO_VLEN(type.info));
                if (more < 0 || (size_t)more > info->types_size - at - sizeof type)
                        return -EBADMSG;
                info->offsets[info->n++] = (uint32_t)at;
                at += sizeof type + (size_t)more;
        }
        return 0;
}

int type_info_new(const void *data, size_t size, TypeInfo **ret) {
        _cleanup_(type_info_free_ptr) TypeInfo *info = calloc(1, sizeof *info);
        int r;

        if (!info)
                return -ENOMEM;
        r = info_check_header(info, data, size);
        if (r < 0)
                return r;
        r = info_index(info);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(info);
        return 0;
}

TypeInfo *type_info_free(TypeInfo *info) {
        if (!info)
                return NULL;
        free(info->offsets);
        free(info);
        return NULL;
}

uint32_t type_info_n(const TypeInfo *info) {
        return info->n;
}

int type_info_get(const TypeInfo *info, uint32_t id, Type *ret) {
        struct btf_type type;

        if (id >= info->n)
                return -EBADMSG;
        if (id == 0) {
                *ret = (Type){ .kind = BTF_KIND_UNKN, .name = "void" };
                return 0;
        }
        memcpy(&type, info->types + info->offsets[id], sizeof type);
        *ret = (Type){
                .kind = BTF_INFO_KIND(type.info),
                .n = BTF_INFO_VLEN(type.info),
                .name = info->strings + type.name_off,
                .value = type.size,
                .more = info->types + info->offsets[id] + sizeof type,
        };
        return 0;
}

static bool kind_is_qualifier(unsigned kind) {
        return kind == BTF_KIND_VOLATILE || kind == BTF_KIND_CONST || kind == BTF_KIND_RESTRICT ||
               kind == BTF_KIND_TYPE_TAG;
}

int type_info_resolve(const TypeInfo *info, uint32_t id, Type *ret) {
        for (unsigned i = 0; i < CHAIN_MAX; i++) {
                Type type;
                int r = type_info_get(info, id, &type);

                if (r < 0)
                        return r;
                if (type.kind != BTF_KIND_TYPEDEF && !kind_is_qualifier(type.kind)) {
                        *ret = type;
                        return 0;
                }
                id = type.value;
        }
        return -EBADMSG;
}

int type_info_member(const TypeInfo *info, const Type *type, uint32_t i, TypeMember *ret) {
        const char *name;

        if ((type->kind != BTF_KIND_STRUCT && type->kind != BTF_KIND_UNION) || i >= type->n)
                return -EBADMSG;
        name = info_name(info, word_at(type->more + (size_t)i * 12));
        if (!name)
                return -EBADMSG;
        *ret = (TypeMember){
                .name = name,
                .type = word_at(type->more + (size_t)i * 12 + 4),
        };
        return 0;
}

int type_info_variable(const TypeInfo *info, const Type *type, uint32_t i, TypeMember *ret) {
        Type variable;
        int r;

        if (type->kind != BTF_KIND_DATASEC || i >= type->n)
                return -EBADMSG;
        r = type_info_get(info, word_at(type->more + (size_t)i * 12), &variable);
        if (r < 0)
                return r;
        if (variable.kind != BTF_KIND_VAR)
                return -EBADMSG;
        *ret = (TypeMember){
                .name = variable.name,
                .type = variable.value,
                .size = word_at(type->more + (size_t)i * 12 + 8),
        };
        return 0;
}

int type_info_enumerator(
        const TypeInfo *info,
        const Type *type,
        uint32_t i,
        const char **ret_name,
        uint64_t *ret_value
) {
        bool wide = type->kind == BTF_KIND_ENUM64;
        const uint8_t *at = type->more + (size_t)i * (wide ? 12 : 8);
        const char *name;

        if ((!wide && type->kind != BTF_KIND_ENUM) || i >= type->n)
                return -EBADMSG;
        name = info_name(info, word_at(at));
        if (!name)
                return -EBADMSG;
        *ret_name = name;
        *ret_value = wide ? word_at(at + 4) | (uint64_t)word_at(at + 8) << 32
                          : (uint64_t)(int64_t)(int32_t)word_at(at + 4);
        return 0;
}

unsigned type_int_encoding(const Type *type) {
        return type->kind == BTF_KIND_INT ? BTF_INT_ENCODING(word_at(type->more)) : 0;
}

int type_array_element(const Type *type, uint32_t *ret) {
        if (type->kind != BTF_KIND_ARRAY)
                return -EBADMSG;
        *ret = word_at(type->more);
        return 0;
}

int type_info_size(const TypeInfo *info, uint32_t id, uint32_t *ret) {
        uint64_t count = 1;

        for (unsigned i = 0; i < CHAIN_MAX; i++) {
                uint64_t size;
                Type type;
                int r = type_info_resolve(info, id, &type);

                if (r < 0)
                        return r;
                switch (type.kind) {
                case BTF_KIND_ARRAY:
                        id = word_at(type.more);
                        count *= word_at(type.more + 8);
                        if (count > UINT32_MAX)
                                return -EBADMSG;
                        continue;
                case BTF_KIND_INT:
                case BTF_KIND_FLOAT:
                case BTF_KIND_ENUM:
                case BTF_KIND_ENUM64:
                case BTF_KIND_STRUCT:
                case BTF_KIND_UNION:
                        size = type.value;
                        break;
                case BTF_KIND_PTR:
                        size = 8; /* of the BPF machine */
                        break;
                default:
                        return -EBADMSG;
                }
                size *= count;
                if (size > UINT32_MAX)
                        return -EBADMSG;
                *ret = (uint32_t)size;
                return 0;
        }
        return -EBADMSG;
}

static int info_pointed(const TypeInfo *info, uint32_t id, uint32_t *ret) {
        Type type;
        int r = type_info_resolve(info, id, &type);

        if (r < 0)
                return r;
        if (type.kind != BTF_KIND_PTR)
                return -EBADMSG;
        *ret = type.value;
        return 0;
}

int type_info_pointed_size(const TypeInfo *info, uint32_t id, uint32_t *ret) {
        int r = info_pointed(info, id, &id);

        return r < 0 ? r : type_info_size(info, id, ret);
}

int type_info_number(const TypeInfo *info, uint32_t id, uint32_t *ret) {
        Type type;
        int r = info_pointed(info, id, &id);

        if (r < 0)
                return r;
        r = type_info_resolve(info, id, &type);
        if (r < 0)
                return r;
        if (type.kind != BTF_KIND_ARRAY)
                return -EBADMSG;
        *ret = word_at(type.more + 8);
        return 0;
}

/* Name of a type that is no chain any more; alias is the last typedef before it, NULL without one. */
static char *plain_words(const Type *type, const char *alias) {
        const char *before = "";

        switch (type->kind) {
        case BTF_KIND_INT:
                if ((type_int_encoding(type) & BTF_INT_BOOL) != 0)
                        return strdup("bool");
                break;
        case BTF_KIND_STRUCT:
                before = "struct ";
                break;
        case BTF_KIND_UNION:
                before = "union ";
                break;
        case BTF_KIND_ENUM:
        case BTF_KIND_ENUM64:
                before = "enum ";
                break;
        case BTF_KIND_FUNC_PROTO:
                return strdup("function");
        default:
                break;
        }
        if (type->name[0] != '\0')
                return text_format("%s%s", before, type->name);
        return alias ? strdup(alias) : text_format("%s{...}", before);
}

/* Walks the chain from the outside in, remembering dimensions ("[2][3]") and stars, until a type with a name. */
int type_info_words(const TypeInfo *info, uint32_t id, char **ret) {
        _cleanup_free_ char *tail = strdup("");
        const char *alias = NULL, *constant = "";
        bool pointed = false;

        for (unsigned i = 0; tail && i < CHAIN_MAX; i++) {
                _cleanup_free_ char *name = NULL;
                char *longer;
                Type type;
                int r = type_info_get(info, id, &type);

                if (r < 0)
                        return r;
                id = type.value;
                if (type.kind == BTF_KIND_TYPEDEF)
                        alias = type.name;
                if (type.kind == BTF_KIND_CONST && pointed)
                        constant = "const ";
                if (type.kind == BTF_KIND_TYPEDEF || kind_is_qualifier(type.kind))
                        continue;
                if (type.kind == BTF_KIND_ARRAY) {
                        id = word_at(type.more);
                        longer = tail[0] == ' '
                                         ? text_format(
                                                   " (%s)[%u]", tail + 1, word_at(type.more + 8)
                                           )
                                         : text_format("%s[%u]", tail, word_at(type.more + 8));
                } else if (type.kind == BTF_KIND_PTR) {
                        longer = text_format(" *%s", tail + (tail[0] == ' '));
                        pointed = true;
                        constant = "";
                } else {
                        name = plain_words(&type, alias);
                        longer = name ? text_format("%s%s%s", constant, name, tail) : NULL;
                        if (!longer)
                                return -ENOMEM;
                        *ret = longer;
                        return 0;
                }
                free(tail);
                tail = longer;
                alias = NULL;
        }
        return tail ? -EBADMSG : -ENOMEM;
}
