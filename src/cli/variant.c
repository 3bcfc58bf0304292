/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/cli/variant.h"

#include <errno.h>
#include <stdbool.h>

#include "src/base/cleanup.h"

typedef union Basic {
        uint8_t y;
        int b; /* a truth value has four bytes on the wire */
        int16_t n;
        uint16_t q;
        int32_t i;
        uint32_t u;
        int64_t x;
        uint64_t t;
        const char *s;
} Basic;

static GVariant *make_basic(char type, const Basic *basic) {
        switch (type) {
        case SD_BUS_TYPE_BYTE:
                return g_variant_new_byte(basic->y);
        case SD_BUS_TYPE_BOOLEAN:
                return g_variant_new_boolean(basic->b);
        case SD_BUS_TYPE_INT16:
                return g_variant_new_int16(basic->n);
        case SD_BUS_TYPE_UINT16:
                return g_variant_new_uint16(basic->q);
        case SD_BUS_TYPE_INT32:
                return g_variant_new_int32(basic->i);
        case SD_BUS_TYPE_UINT32:
                return g_variant_new_uint32(basic->u);
        case SD_BUS_TYPE_INT64:
                return g_variant_new_int64(basic->x);
        case SD_BUS_TYPE_UINT64:
                return g_variant_new_uint64(basic->t);
        case SD_BUS_TYPE_STRING:
                return g_variant_new_string(basic->s);
        case SD_BUS_TYPE_OBJECT_PATH:
                return g_variant_new_object_path(basic->s);
        case SD_BUS_TYPE_SIGNATURE:
                return g_variant_new_signature(basic->s);
        default:
                return NULL;
        }
}

static int read_basic(sd_bus_message *message, char type, GVariant **ret) {
        Basic basic = {};
        GVariant *value;
        int r;

        if (type == SD_BUS_TYPE_UNIX_FD || type == SD_BUS_TYPE_DOUBLE)
                return -EOPNOTSUPP;
        r = sd_bus_message_read_basic(message, type, &basic);
        if (r < 0)
                return r;
        value = make_basic(type, &basic);
        if (!value)
                return -EOPNOTSUPP;
        *ret = g_variant_ref_sink(value);
        return 0;
}

static int read_members(sd_bus_message *message, GVariantBuilder *builder) {
        int r;

        while ((r = sd_bus_message_at_end(message, false)) == 0) {
                g_autoptr(GVariant) value = NULL;

                r = variant_from_message(message, &value);
                if (r < 0)
                        return r;
                g_variant_builder_add_value(builder, value);
        }
        return r < 0 ? r : 0;
}

/* Type of the container as GVariant writes it. The text belongs to the caller. */
static char *container_type(char type, const char *contents) {
        switch (type) {
        case SD_BUS_TYPE_ARRAY:
                return g_strdup_printf("a%s", contents);
        case SD_BUS_TYPE_STRUCT:
                return g_strdup_printf("(%s)", contents);
        case SD_BUS_TYPE_DICT_ENTRY:
                return g_strdup_printf("{%s}", contents);
        default:
                return g_strdup("v");
        }
}

static int read_container(sd_bus_message *message, char type, const char *contents, GVariant **ret) {
        g_autofree char *name = container_type(type, contents);
        GVariantBuilder builder;
        int r;

        if (!g_variant_type_string_is_valid(name))
                return -EBADMSG;
        r = sd_bus_message_enter_container(message, type, contents);
        if (r < 0)
                return r;
        g_variant_builder_init(&builder, (const GVariantType *)name);
        r = read_members(message, &builder);
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        if (r < 0) {
                g_variant_builder_clear(&builder);
                return r;
        }
        *ret = g_variant_ref_sink(g_variant_builder_end(&builder));
        return 0;
}

int variant_from_message(sd_bus_message *message, GVariant **ret) {
        const char *contents;
        char type;
        int r = sd_bus_message_peek_type(message, &type, &contents);

        if (r < 0)
                return r;
        if (r == 0)
                return -ENXIO;
        if (contents)
                return read_container(message, type, contents, ret);
        return read_basic(message, type, ret);
}
