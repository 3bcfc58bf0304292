/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* CRC-32 (the polynomial of IEEE 802.3), continued from a former value; begin with 0. It tells a torn line
 * from a whole one; it is no protection against somebody who can write the file. */
uint32_t checksum_crc32(uint32_t crc, const void *data, size_t size);
