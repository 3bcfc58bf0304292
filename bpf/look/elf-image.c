/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Order of trust: first the identification, which decides between "not ours" (-ENOEXEC, with a word on what it
 * is) and "ours"; then every entry of the section table against the length of the file; only then libelf. What
 * compilers never write (extended section numbers, compressed or misaligned symbol tables) is refused instead of
 * handled: less code is reachable from a file we do not trust. */

#include "bpf/look/elf-image.h"

#include <errno.h>
#include <string.h>

#include <gelf.h>
#include <libelf.h>

#include "src/base/cleanup.h"

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#        define NATIVE_DATA ELFDATA2LSB
#else
#        define NATIVE_DATA ELFDATA2MSB
#endif

struct ElfImage {
        uint8_t *data;
        size_t size;
        size_t n_sections;
        size_t names; /* index of the table of section names */
        Elf *elf;
        Elf_Data *symbols; /* NULL if there is no symbol table */
        size_t n_symbols;
        size_t symbol_names; /* index of its string table */
};

/* Files people name by mistake. */
static const struct {
        const char *magic;
        const char *what;
} other_files[] = {
        { "#!", "a script" },
        { "!<arch>\n", "an archive" },
        { "BC\xc0\xde", "LLVM bitcode (compile it without -emit-llvm and -flto)" },
        { "/*", "source text" },
        { "//", "source text" },
        { "#include", "source text" },
};

static const struct {
        unsigned machine;
        const char *what;
} machines[] = {
        { EM_386, "an i386" },           { EM_X86_64, "an x86-64" }, { EM_ARM, "an ARM" },
        { EM_AARCH64, "an arm64" },      { EM_RISCV, "a RISC-V" },   { EM_PPC64, "a POWER" },
        { EM_S390, "an IBM Z" },         { EM_MIPS, "a MIPS" },      { EM_SPARCV9, "a SPARC" },
        { EM_LOONGARCH, "a LoongArch" },
};

static const char *machine_name(unsigned machine) {
        for (size_t i = 0; i < ELEMENTS(machines); i++)
                if (machines[i].machine == machine)
                        return machines[i].what;
        return "a foreign ELF";
}

static const char *kind_name(unsigned type) {
        static const char *const names[] = {
                [ET_REL] = "object file",
                [ET_EXEC] = "executable",
                [ET_DYN] = "executable or shared library",
                [ET_CORE] = "core dump",
        };

        return type < ELEMENTS(names) && names[type] ? names[type] : "file";
}

static int refuse_other_file(const uint8_t *data, size_t size, const char *name, Diag *diag) {
        if (size == 0)
                return diag_fail(diag, -ENOEXEC, "'%s' is empty, not a BPF object", name);
        for (size_t i = 0; i < ELEMENTS(other_files); i++) {
                size_t length = strlen(other_files[i].magic);

                if (size >= length && memcmp(data, other_files[i].magic, length) == 0)
                        return diag_fail(
                                diag, -ENOEXEC, "'%s' is %s, not a BPF object", name,
                                other_files[i].what
                        );
        }
        return diag_fail(diag, -ENOEXEC, "'%s' is not an ELF file, so no BPF object", name);
}

/* e_type and e_machine stand at the same place in files of 32 and 64 bits. */
static int image_identify(const uint8_t *data, size_t size, const char *name, Diag *diag) {
        uint16_t type, machine;

        if (size < SELFMAG || memcmp(data, ELFMAG, SELFMAG) != 0)
                return refuse_other_file(data, size, name, diag);
        if (size < EI_NIDENT + sizeof type + sizeof machine)
                return diag_fail(diag, -EBADMSG, "'%s' is cut off in its ELF header", name);
        memcpy(&type, data + EI_NIDENT, sizeof type);
        memcpy(&machine, data + EI_NIDENT + sizeof type, sizeof machine);
        if (data[EI_DATA] != NATIVE_DATA) {
                type = __builtin_bswap16(type);
                machine = __builtin_bswap16(machine);
        }
        if (machine != EM_BPF)
                return diag_fail(
                        diag, -ENOEXEC, "'%s' is %s %s, not a BPF object", name,
                        machine_name(machine), kind_name(type)
                );
        if (data[EI_DATA] != NATIVE_DATA)
                return diag_fail(
                        diag, -ENOEXEC, "'%s' is a BPF object for machines of the other byte order",
                        name
                );
        if (data[EI_CLASS] != ELFCLASS64)
                return diag_fail(diag, -ENOEXEC, "'%s' is BPF, but not of 64 bits", name);
        if (type != ET_REL)
                return diag_fail(
                        diag, -ENOEXEC, "'%s' is BPF, but %s instead of an object file", name,
                        kind_name(type)
                );
        return 0;
}

/* One section header against the file. A string table must end in NUL, else each lookup of a hostile name
 * would search all of it. */
static bool section_is_sound(const Elf64_Shdr *header, const ElfImage *image, size_t n_sections) {
        if (header->sh_type == SHT_NOBITS)
                return header->sh_size <= SIZE_MAX / 2;
        if (header->sh_offset > image->size || header->sh_size > image->size - header->sh_offset)
                return false;
        if (header->sh_type == SHT_STRTAB)
                return header->sh_size == 0 ||
                       image->data[header->sh_offset + header->sh_size - 1] == '\0';
        if (header->sh_type != SHT_SYMTAB)
                return true;
        return header->sh_entsize == sizeof(Elf64_Sym) && header->sh_offset % 8 == 0 &&
               header->sh_size % sizeof(Elf64_Sym) == 0 && header->sh_link < n_sections &&
               (header->sh_flags & SHF_COMPRESSED) == 0;
}

static int image_check_table(ElfImage *image, const char *name, Diag *diag) {
        Elf64_Ehdr header;

        if (image->size < sizeof header)
                return diag_fail(diag, -EBADMSG, "'%s' is cut off in its ELF header", name);
        memcpy(&header, image->data, sizeof header);
        if (header.e_version != EV_CURRENT || header.e_ident[EI_VERSION] != EV_CURRENT ||
            header.e_ehsize != sizeof header || header.e_shentsize != sizeof(Elf64_Shdr) ||
            header.e_shnum == 0 || header.e_shnum >= SHN_LORESERVE || header.e_phnum != 0 ||
            header.e_shstrndx == 0 || header.e_shstrndx >= header.e_shnum)
                return diag_fail(diag, -EBADMSG, "'%s' has a damaged ELF header", name);
        if (header.e_shoff % 8 != 0 || header.e_shoff > image->size ||
            header.e_shnum > (image->size - header.e_shoff) / sizeof(Elf64_Shdr))
                return diag_fail(
                        diag, -EBADMSG, "the section table of '%s' is not within the file", name
                );
        for (size_t i = 1; i < header.e_shnum; i++) {
                Elf64_Shdr section;

                memcpy(&section, image->data + header.e_shoff + i * sizeof section, sizeof section);
                if (!section_is_sound(&section, image, header.e_shnum))
                        return diag_fail(
                                diag, -EBADMSG, "section %zu of '%s' is damaged or cut off", i, name
                        );
        }
        image->n_sections = header.e_shnum;
        image->names = header.e_shstrndx;
        return 0;
}

static int image_find_symbols(ElfImage *image) {
        for (size_t i = 1; i < image->n_sections; i++) {
                Elf_Scn *section = elf_getscn(image->elf, i);
                GElf_Shdr header;

                if (!section || !gelf_getshdr(section, &header))
                        return -EBADMSG;
                if (header.sh_type != SHT_SYMTAB || header.sh_size == 0)
                        continue;
                image->symbols = elf_getdata(section, NULL);
                if (!image->symbols)
                        return -EBADMSG;
                image->n_symbols = image->symbols->d_size / sizeof(Elf64_Sym);
                image->symbol_names = header.sh_link;
                return 0;
        }
        return 0;
}

int elf_image_new(void *data, size_t size, const char *name, ElfImage **ret, Diag *diag) {
        _cleanup_(elf_image_free_ptr) ElfImage *image = calloc(1, sizeof *image);
        int r;

        if (!image) {
                free(data);
                return -ENOMEM;
        }
        image->data = data;
        image->size = size;
        r = image_identify(image->data, size, name, diag);
        if (r < 0)
                return r;
        r = image_check_table(image, name, diag);
        if (r < 0)
                return r;
        if (elf_version(EV_CURRENT) == EV_NONE)
                return diag_fail(diag, -EOPNOTSUPP, "libelf is older than its header");
        image->elf = elf_memory((char *)image->data, size);
        if (!image->elf)
                return diag_fail(diag, -EBADMSG, "'%s': %s", name, elf_errmsg(-1));
        r = image_find_symbols(image);
        if (r < 0)
                return diag_fail(diag, r, "'%s' has a damaged symbol table", name);
        *ret = TAKE_PTR(image);
        return 0;
}

ElfImage *elf_image_free(ElfImage *image) {
        if (!image)
                return NULL;
        if (image->elf)
                (void)elf_end(image->elf);
        free(image->data);
        free(image);
        return NULL;
}

size_t elf_image_n_sections(const ElfImage *image) {
        return image->n_sections;
}

int elf_image_section(const ElfImage *image, size_t index, ElfSection *ret) {
        Elf_Scn *section = index > 0 ? elf_getscn(image->elf, index) : NULL;
        GElf_Shdr header;
        const char *name;

        if (!section || !gelf_getshdr(section, &header))
                return -EBADMSG;
        name = elf_strptr(image->elf, image->names, header.sh_name);
        if (!name)
                return -EBADMSG;
        *ret = (ElfSection){
                .name = name,
                .data = header.sh_type == SHT_NOBITS ? NULL : image->data + header.sh_offset,
                .size = header.sh_size,
                .type = header.sh_type,
                .flags = header.sh_flags,
        };
        return 0;
}

size_t elf_image_n_symbols(const ElfImage *image) {
        return image->n_symbols;
}

int elf_image_symbol(const ElfImage *image, size_t index, ElfSymbol *ret) {
        GElf_Sym symbol;
        const char *name;

        if (index >= image->n_symbols || index > INT32_MAX ||
            !gelf_getsym(image->symbols, (int)index, &symbol))
                return -EBADMSG;
        name = elf_strptr(image->elf, image->symbol_names, symbol.st_name);
        if (!name)
                return -EBADMSG;
        *ret = (ElfSymbol){
                .name = name,
                .value = symbol.st_value,
                .size = symbol.st_size,
                .type = GELF_ST_TYPE(symbol.st_info),
                .bind = GELF_ST_BIND(symbol.st_info),
                .section = symbol.st_shndx < image->n_sections ? symbol.st_shndx : 0,
        };
        return 0;
}
