/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "serialize/grammar.h"

#include "src/base/checksum.h"
#include "src/base/cleanup.h"

static bool byte_is_key(char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

static size_t key_bytes(const char *text, size_t size) {
        size_t n = 0;

        if (size == 0 || text[0] < 'a' || text[0] > 'z')
                return 0;
        while (n < size && byte_is_key(text[n]))
                n++;
        return n;
}

size_t grammar_key(const char *word, size_t size) {
        size_t n = key_bytes(word, size);

        return n > 0 && n < size && word[n] == '=' ? n : 0;
}

bool grammar_copy_key(char *out, const char *text, size_t size) {
        if (size == 0 || text[0] < 'a' || text[0] > 'z')
                return false;
        for (size_t i = 0; i < size; i++) {
                if (!byte_is_key(text[i]))
                        return false;
                out[i] = text[i];
        }
        return true;
}

/* Keys about the text as a whole. */
static const struct {
        const char *key;
        size_t size;
} about_text[] = {
        { "boot-id", 7 },
        { "generation", 10 },
        { "next-id", 7 },
        { "end", 3 },
};

bool grammar_is_record(const char *key, size_t size) {
        for (size_t i = 0; i < ELEMENTS(about_text); i++)
                if (about_text[i].size == size && memcmp(about_text[i].key, key, size) == 0)
                        return false;
        return true;
}

void grammar_crc(char *out, const char *line, size_t size) {
        static const char digits[] = "0123456789abcdef";
        uint32_t crc = checksum_crc32(0, line, size);

        memcpy(out, GRAMMAR_CRC, sizeof(GRAMMAR_CRC) - 1);
        out += sizeof(GRAMMAR_CRC) - 1;
        for (int shift = 28; shift >= 0; shift -= 4)
                *out++ = digits[crc >> shift & 0xf];
}
