/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/base/checksum.h"

#define POLYNOMIAL 0xedb88320U

uint32_t checksum_crc32(uint32_t crc, const void *data, size_t size) {
        static uint32_t table[256];
        const unsigned char *p = data;

        if (!table[1])
                for (uint32_t i = 0; i < 256; i++) {
                        uint32_t value = i;

                        for (int bit = 0; bit < 8; bit++)
                                value = value & 1 ? (value >> 1) ^ POLYNOMIAL : value >> 1;
                        table[i] = value;
                }
        crc = ~crc;
        while (size-- > 0)
                crc = (crc >> 8) ^ table[(crc ^ *p++) & 0xff];
        return ~crc;
}
