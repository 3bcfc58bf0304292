/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/base/cleanup.h"
#include "src/cli/variant.h"
#include "tests/unit/check-main.h"

static sd_bus *bus;
static int peer;

/* A bus that has begun to connect is enough to make messages; nothing is sent. */
static void setup(void) {
        int ends[2];

        ck_assert_int_eq(
                socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0
        );
        peer = ends[1];
        ck_assert_int_ge(sd_bus_new(&bus), 0);
        ck_assert_int_ge(sd_bus_set_fd(bus, ends[0], ends[0]), 0);
        ck_assert_int_ge(sd_bus_start(bus), 0);
}

static void teardown(void) {
        bus = sd_bus_close_unref(bus);
        (void)close(peer);
}

static sd_bus_message *message_new(void) {
        sd_bus_message *message;

        ck_assert_int_ge(sd_bus_message_new_signal(bus, &message, "/a", "a.b", "C"), 0);
        return message;
}

static void seal(sd_bus_message *message) {
        ck_assert_int_ge(sd_bus_message_seal(message, 1, 0), 0);
        ck_assert_int_ge(sd_bus_message_rewind(message, true), 0);
}

START_TEST(dictionaries_come_over_whole)
{
        sd_bus_message *message;
        GVariant *value = NULL;
        char *text;

        setup();
        message = message_new();
        ck_assert_int_ge(
                sd_bus_message_append(
                        message, "aa{sv}", 2, 4, "Id", "t", (uint64_t)7, "Flags", "as", 2, "a", "b",
                        "Well", "b", 1, "Entries", "a(ss)", 1, "k", "v", 0
                ),
                0
        );
        seal(message);
        ck_assert_int_eq(variant_from_message(message, &value), 0);
        text = g_variant_print(value, TRUE);
        ck_assert_str_eq(
                text, "[{'Id': <uint64 7>, 'Flags': <['a', 'b']>, 'Well': <true>, "
                      "'Entries': <[('k', 'v')]>}, {}]"
        );
        g_free(text);
        g_variant_unref(value);
        ck_assert_int_eq(variant_from_message(message, &value), -ENXIO);
        sd_bus_message_unref(message);
        teardown();
}
END_TEST

START_TEST(all_basic_types_are_read)
{
        sd_bus_message *message;
        static const char *const texts[] = {
                "byte 0x07",      "true",     "int16 -2", "uint16 2", "-3",
                "uint32 3",       "int64 -4", "uint64 4", "'s'",      "objectpath '/o'",
                "signature 'as'",
        };

        setup();
        message = message_new();
        ck_assert_int_ge(
                sd_bus_message_append(
                        message, "ybnqiuxtsog", 7, 1, -2, 2, -3, 3U, (int64_t)-4, (uint64_t)4, "s",
                        "/o", "as"
                ),
                0
        );
        seal(message);
        for (size_t i = 0; i < ELEMENTS(texts); i++) {
                GVariant *value = NULL;
                char *text;

                ck_assert_int_eq(variant_from_message(message, &value), 0);
                text = g_variant_print(value, TRUE);
                ck_assert_str_eq(text, texts[i]);
                g_free(text);
                g_variant_unref(value);
        }
        sd_bus_message_unref(message);
        teardown();
}
END_TEST

START_TEST(empty_lists_keep_their_type)
{
        sd_bus_message *message;
        GVariant *value = NULL;

        setup();
        message = message_new();
        ck_assert_int_ge(sd_bus_message_append(message, "aa{sv}", 0), 0);
        seal(message);
        ck_assert_int_eq(variant_from_message(message, &value), 0);
        ck_assert_str_eq(g_variant_get_type_string(value), "aa{sv}");
        ck_assert_uint_eq(g_variant_n_children(value), 0);
        g_variant_unref(value);
        sd_bus_message_unref(message);
        teardown();
}
END_TEST

START_TEST(floating_point_numbers_are_refused_and_nothing_leaks)
{
        sd_bus_message *message;
        GVariant *value = NULL;

        setup();
        message = message_new();
        ck_assert_int_ge(
                sd_bus_message_append(message, "a{sv}", 2, "A", "s", "x", "B", "d", 1.0), 0
        );
        seal(message);
        ck_assert_int_eq(variant_from_message(message, &value), -EOPNOTSUPP);
        ck_assert_ptr_null(value);
        sd_bus_message_unref(message);
        teardown();
}
END_TEST

CHECK_MAIN(
        "cli/variant",
        10,
        dictionaries_come_over_whole,
        all_basic_types_are_read,
        empty_lists_keep_their_type,
        floating_point_numbers_are_refused_and_nothing_leaks
)
