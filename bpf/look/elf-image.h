/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Sections and symbols of a BPF object in memory. What libelf would believe, such as section tables, offsets
 * and lengths, is checked by hand before libelf sees it, so that a hostile file cannot lead it astray. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/diag.h"

typedef struct ElfImage ElfImage;

typedef struct ElfSection {
        const char *name;
        const uint8_t *data; /* NULL for .bss and its kin */
        size_t size; /* bytes; those of .bss are not in the file */
        uint32_t type; /* SHT_* */
        uint64_t flags; /* SHF_* */
} ElfSection;

typedef struct ElfSymbol {
        const char *name;
        uint64_t value, size;
        unsigned type, bind; /* STT_*, STB_* */
        size_t section; /* index; 0 if it belongs to none */
} ElfSymbol;

/* Takes data over (malloc memory), whatever the outcome. name is used in messages. -ENOEXEC: no relocatable
 * ELF object for BPF of this byte order, the message says what it is; -EBADMSG: it is one, but damaged. */
int elf_image_new(void *data, size_t size, const char *name, ElfImage **ret, Diag *diag);

ElfImage *elf_image_free(ElfImage *image);
DEFINE_CLEANUP(ElfImage, elf_image_free);

/* Sections are 1 .. n - 1; 0 is the empty one. */
size_t elf_image_n_sections(const ElfImage *image);

/* What it points to lives as long as the image. -EBADMSG if there is no such section. */
int elf_image_section(const ElfImage *image, size_t index, ElfSection *ret);

/* Number of entries of the symbol table; 0 if there is none. */
size_t elf_image_n_symbols(const ElfImage *image);

/* What it points to lives as long as the image. -EBADMSG if there is no such symbol or its name is damaged. */
int elf_image_symbol(const ElfImage *image, size_t index, ElfSymbol *ret);
