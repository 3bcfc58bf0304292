/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Three sources tell about an object, and each is asked for what it knows best: section and symbol tables for
 * programs (they are right without BTF too), BTF for maps (only there their sizes are written) and for variables
 * with their types, section sizes for the question whether the object keeps state. */

#include "bpf/look/inspect.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libelf.h>

#include "bpf/look/elf-image.h"
#include "bpf/look/inspect-btf.h"
#include "src/base/limits.h"
#include "src/base/text.h"

#define INSTRUCTION_BYTES 8U

int inspect_copy_name(const Inspect *inspect, const char *name, char **ret, Diag *diag) {
        size_t length = strnlen(name, INSPECT_NAME_BYTES + 1);

        if (length > INSPECT_NAME_BYTES)
                return diag_fail(
                        diag, -EBADMSG, "'%s' has a name of more than %u bytes", inspect->name,
                        INSPECT_NAME_BYTES
                );
        for (size_t i = 0; i < length; i++)
                if (name[i] < ' ' || name[i] > '~')
                        return diag_fail(
                                diag, -EBADMSG, "'%s' has a name with unprintable characters",
                                inspect->name
                        );
        *ret = strdup(name);
        return *ret ? 0 : -ENOMEM;
}

static bool section_is(const char *section, const char *kind) {
        const char *rest = text_after_prefix(section, kind);

        return rest && (*rest == '\0' || *rest == '.');
}

bool inspect_section_is_constant(const char *section) {
        return section_is(section, ".rodata");
}

bool inspect_section_is_writable(const char *section) {
        return section_is(section, ".data") || section_is(section, ".bss");
}

InspectVariable *inspect_add_variable(Inspect *inspect, Diag *diag) {
        InspectVariable *grown;

        if (inspect->n_variables >= LIMIT_OBJECT_VARIABLES) {
                (void)diag_fail(
                        diag, -EFBIG, "'%s' has more than %u variables", inspect->name,
                        LIMIT_OBJECT_VARIABLES
                );
                errno = EFBIG;
                return NULL;
        }
        grown = reallocarray(inspect->variables, inspect->n_variables + 1, sizeof *grown);
        if (!grown)
                return NULL;
        inspect->variables = grown;
        grown += inspect->n_variables++;
        *grown = (InspectVariable){};
        return grown;
}

static int add_program(
        Inspect *inspect,
        const ElfSection *section,
        const ElfSymbol *symbol,
        Diag *diag
) {
        InspectProgram *program;
        int r;

        if (inspect->n_programs >= LIMIT_OBJECT_PROGRAMS)
                return diag_fail(
                        diag, -EFBIG, "'%s' has more than %u programs", inspect->name,
                        LIMIT_OBJECT_PROGRAMS
                );
        program = reallocarray(inspect->programs, inspect->n_programs + 1, sizeof *program);
        if (!program)
                return -ENOMEM;
        inspect->programs = program;
        program += inspect->n_programs++;
        *program = (InspectProgram){ .hook = hook_from_section(section->name) };
        r = inspect_copy_name(inspect, symbol->name, &program->name, diag);
        if (r < 0)
                return r;
        r = inspect_copy_name(inspect, section->name, &program->section, diag);
        if (r < 0)
                return r;
        if (symbol->size == 0 || symbol->size % INSTRUCTION_BYTES != 0 ||
            symbol->value % INSTRUCTION_BYTES != 0 || symbol->value > section->size ||
            symbol->size > section->size - symbol->value || !section->data)
                return diag_fail(
                        diag, -EBADMSG, "program '%s' of '%s' does not lie within its section",
                        program->name, inspect->name
                );
        program->instructions = symbol->size / INSTRUCTION_BYTES;
        return 0;
}

/* Without BTF the symbols tell names and sizes. */
static int add_untyped(
        Inspect *inspect,
        const ElfSection *section,
        const ElfSymbol *symbol,
        Diag *diag
) {
        InspectVariable *variable = inspect_add_variable(inspect, diag);
        int r;

        if (!variable)
                return -errno;
        r = inspect_copy_name(inspect, symbol->name, &variable->name, diag);
        if (r < 0)
                return r;
        r = inspect_copy_name(inspect, section->name, &variable->section, diag);
        if (r < 0)
                return r;
        if (symbol->value > section->size || symbol->size > section->size - symbol->value)
                return diag_fail(
                        diag, -EBADMSG, "variable '%s' of '%s' does not lie within its section",
                        variable->name, inspect->name
                );
        variable->size = symbol->size;
        variable->is_constant = inspect_section_is_constant(section->name);
        return 0;
}

static int read_symbol(Inspect *inspect, const ElfImage *image, size_t i, Diag *diag) {
        ElfSection section;
        ElfSymbol symbol;
        int r = elf_image_symbol(image, i, &symbol);

        if (r < 0)
                return diag_fail(diag, r, "symbol %zu of '%s' is damaged", i, inspect->name);
        if (symbol.section == 0 || symbol.name[0] == '\0')
                return 0;
        r = elf_image_section(image, symbol.section, &section);
        if (r < 0)
                return diag_fail(diag, r, "a section of '%s' is damaged", inspect->name);
        if (symbol.type == STT_FUNC && (symbol.bind == STB_GLOBAL || symbol.bind == STB_WEAK) &&
            (section.flags & SHF_EXECINSTR) != 0 && strcmp(section.name, ".text") != 0)
                return add_program(inspect, &section, &symbol, diag);
        if (!inspect->has_btf && symbol.type == STT_OBJECT &&
            (inspect_section_is_constant(section.name) || inspect_section_is_writable(section.name)
            ))
                return add_untyped(inspect, &section, &symbol, diag);
        return 0;
}

static int read_symbols(Inspect *inspect, const ElfImage *image, Diag *diag) {
        if (elf_image_n_symbols(image) == 0)
                return diag_fail(
                        diag, -EBADMSG,
                        "'%s' has no symbol table, so its programs have no names (strip with llvm-strip -g)",
                        inspect->name
                );
        for (size_t i = 1; i < elf_image_n_symbols(image); i++) {
                int r = read_symbol(inspect, image, i, diag);

                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_license(Inspect *inspect, const ElfSection *section, Diag *diag) {
        const char *text = (const char *)section->data;

        if (!text || section->size == 0 || text[0] == '\0' || inspect->license)
                return 0;
        if (strnlen(text, section->size) == section->size)
                return diag_fail(diag, -EBADMSG, "the license of '%s' has no end", inspect->name);
        return inspect_copy_name(inspect, text, &inspect->license, diag);
}

/* What the sections alone tell; hands out the index of .BTF and whether there are maps. */
static int read_sections(
        Inspect *inspect,
        const ElfImage *image,
        ElfSection *ret_btf,
        bool *ret_has_maps,
        Diag *diag
) {
        for (size_t i = 1; i < elf_image_n_sections(image); i++) {
                ElfSection section;
                int r = elf_image_section(image, i, &section);

                if (r < 0)
                        return diag_fail(
                                diag, r, "section %zu of '%s' is damaged", i, inspect->name
                        );
                if (strcmp(section.name, "license") == 0) {
                        r = read_license(inspect, &section, diag);
                        if (r < 0)
                                return r;
                } else if (strcmp(section.name, "maps") == 0 || text_after_prefix(section.name, "maps/"))
                        return diag_fail(
                                diag, -EOPNOTSUPP,
                                "'%s' defines maps in section '%s', which libbpf gave up with 1.0; use SEC(\".maps\")",
                                inspect->name, section.name[4] == '/' ? "maps/..." : "maps"
                        );
                else if (strcmp(section.name, ".BTF") == 0 && section.data)
                        *ret_btf = section;
                else if (strcmp(section.name, ".maps") == 0 && section.size > 0)
                        *ret_has_maps = true;
                else if (inspect_section_is_writable(section.name) && section.size > 0)
                        inspect->has_state = true;
        }
        return 0;
}

static int read_image(Inspect *inspect, const ElfImage *image, Diag *diag) {
        ElfSection btf = {};
        bool has_maps = false;
        int r;

        r = read_sections(inspect, image, &btf, &has_maps, diag);
        if (r < 0)
                return r;
        inspect->has_btf = btf.data && btf.size > 0;
        if (has_maps && !inspect->has_btf)
                return diag_fail(
                        diag, -EOPNOTSUPP,
                        "'%s' has maps, but no BTF to describe them (compile with -g)",
                        inspect->name
                );
        if (inspect->has_btf) {
                r = inspect_read_btf(inspect, btf.data, btf.size, diag);
                if (r < 0)
                        return r;
        }
        if (has_maps && inspect->n_maps == 0)
                return diag_fail(
                        diag, -EBADMSG, "the BTF of '%s' does not describe its maps", inspect->name
                );
        if (inspect->n_maps > 0)
                inspect->has_state = true;
        return read_symbols(inspect, image, diag);
}

/* Takes data over. */
static int inspect_owned(void *data, size_t size, const char *name, Inspect **ret, Diag *diag) {
        _cleanup_(inspect_free_ptr) Inspect *inspect = calloc(1, sizeof *inspect);
        _cleanup_(elf_image_free_ptr) ElfImage *image = NULL;
        int r;

        r = elf_image_new(data, size, name, &image, diag);
        if (r < 0)
                return r;
        if (!inspect)
                return -ENOMEM;
        inspect->name = strdup(name);
        if (!inspect->name)
                return -ENOMEM;
        r = read_image(inspect, image, diag);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(inspect);
        return 0;
}

int inspect_memory(const void *data, size_t size, const char *name, Inspect **ret, Diag *diag) {
        void *copy;

        if (size > LIMIT_OBJECT_BYTES)
                return diag_fail(
                        diag, -EFBIG, "'%s' is larger than %u bytes", name, LIMIT_OBJECT_BYTES
                );
        copy = malloc(size + 1);
        if (!copy)
                return -ENOMEM;
        if (size > 0)
                memcpy(copy, data, size);
        return inspect_owned(copy, size, name, ret, diag);
}

int inspect_fd(int fd, const char *name, Inspect **ret, Diag *diag) {
        _cleanup_free_ char *data = NULL;
        struct stat status;
        size_t size, done = 0;

        if (fstat(fd, &status) < 0)
                return diag_errno(diag, -errno, "'%s'", name);
        if (!S_ISREG(status.st_mode))
                return diag_fail(
                        diag, -ENOEXEC, "'%s' is %s, not a BPF object", name,
                        S_ISDIR(status.st_mode) ? "a directory" : "no regular file"
                );
        if (status.st_size > (off_t)LIMIT_OBJECT_BYTES)
                return diag_fail(
                        diag, -EFBIG, "'%s' is larger than %u bytes", name, LIMIT_OBJECT_BYTES
                );
        size = (size_t)status.st_size;
        data = malloc(size + 1);
        if (!data)
                return -ENOMEM;
        while (done < size) {
                ssize_t n = pread(fd, data + done, size - done, (off_t)done);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return diag_errno(diag, -errno, "cannot read '%s'", name);
                if (n == 0)
                        return diag_fail(diag, -EBADMSG, "'%s' shrank while it was read", name);
                done += (size_t)n;
        }
        return inspect_owned(TAKE_PTR(data), size, name, ret, diag);
}

Inspect *inspect_free(Inspect *inspect) {
        if (!inspect)
                return NULL;
        for (size_t i = 0; i < inspect->n_programs; i++) {
                free(inspect->programs[i].name);
                free(inspect->programs[i].section);
        }
        for (size_t i = 0; i < inspect->n_maps; i++)
                free(inspect->maps[i].name);
        for (size_t i = 0; i < inspect->n_variables; i++) {
                free(inspect->variables[i].name);
                free(inspect->variables[i].section);
                free(inspect->variables[i].type);
        }
        free(inspect->programs);
        free(inspect->maps);
        free(inspect->variables);
        (void)type_info_free(inspect->types);
        free(inspect->type_data);
        free(inspect->license);
        free(inspect->name);
        free(inspect);
        return NULL;
}
