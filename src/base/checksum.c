/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/base/checksum.h"

#include <stdbool.h>

#define POLYNOMIAL 0xedb88320U

/* Eight bytes a step: table[k] says what a byte does to the remainder when k more bytes follow it. A bytewise
 * loop costs as much as all the rest of a journal line. */
#define STEP 8

static uint32_t table[STEP][256];

static void table_fill(void) {
        static bool filled;

        if (filled)
                return;
        for (uint32_t i = 0; i < 256; i++) {
                uint32_t value = i;

                for (int bit = 0; bit < 8; bit++)
                        value = value & 1 ? (value >> 1) ^ POLYNOMIAL : value >> 1;
                table[0][i] = value;
        }
        for (int k = 1; k < STEP; k++)
                for (uint32_t i = 0; i < 256; i++)
                        table[k][i] = (table[k - 1][i] >> 8) ^ table[0][table[k - 1][i] & 0xff];
        filled = true;
}

static uint32_t load_little_endian(const unsigned char *p) {
        return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint32_t checksum_crc32(uint32_t crc, const void *data, size_t size) {
        const unsigned char *p = data;

        table_fill();
        crc = ~crc;
        for (; size >= STEP; size -= STEP, p += STEP) {
                uint32_t low = crc ^ load_little_endian(p), high = load_little_endian(p + 4);

                crc = table[7][low & 0xff] ^ table[6][low >> 8 & 0xff] ^
                      table[5][low >> 16 & 0xff] ^ table[4][low >> 24] ^ table[3][high & 0xff] ^
                      table[2][high >> 8 & 0xff] ^ table[1][high >> 16 & 0xff] ^
                      table[0][high >> 24];
        }
        while (size-- > 0)
                crc = (crc >> 8) ^ table[0][(crc ^ *p++) & 0xff];
        return ~crc;
}
