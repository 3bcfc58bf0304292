/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "src/base/checksum.h"
#include "tests/unit/check-main.h"

/* The definition, one bit at a time. */
static uint32_t crc_by_bits(const unsigned char *data, size_t size) {
        uint32_t crc = UINT32_MAX;

        for (size_t i = 0; i < size * 8; i++) {
                uint32_t bit = (crc ^ (uint32_t)data[i / 8] >> i % 8) & 1;

                crc = (crc >> 1) ^ (bit ? UINT32_C(0xedb88320) : 0);
        }
        return ~crc;
}

START_TEST(known_values_come_out)
{
        ck_assert_uint_eq(checksum_crc32(0, "", 0), 0);
        ck_assert_uint_eq(checksum_crc32(0, "a", 1), 0xe8b7be43);
        ck_assert_uint_eq(checksum_crc32(0, "123456789", 9), 0xcbf43926); /* the check value */
}
END_TEST

START_TEST(any_length_and_alignment_agrees_with_the_definition)
{
        unsigned char data[80];

        for (size_t i = 0; i < sizeof data; i++)
                data[i] = (unsigned char)(i * 151 + 13);
        for (size_t start = 0; start < 9; start++)
                for (size_t size = 0; size + start <= sizeof data; size++)
                        ck_assert_uint_eq(
                                checksum_crc32(0, data + start, size),
                                crc_by_bits(data + start, size)
                        );
}
END_TEST

START_TEST(pieces_give_the_same_as_the_whole)
{
        static const char text[] = "attachment=7 egress multi /sys/fs/cgroup/x id=12";
        size_t size = sizeof text - 1;

        for (size_t cut = 0; cut <= size; cut++)
                ck_assert_uint_eq(
                        checksum_crc32(checksum_crc32(0, text, cut), text + cut, size - cut),
                        checksum_crc32(0, text, size)
                );
}
END_TEST

CHECK_MAIN(
        "base/checksum",
        10,
        known_values_come_out,
        any_length_and_alignment_agrees_with_the_definition,
        pieces_give_the_same_as_the_whole
)
