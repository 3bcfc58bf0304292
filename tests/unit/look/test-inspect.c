/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Inspection of objects the compiler really makes (folder LOOK_OBJECTS), and of files that are not what they
 * seem. What was expected here was read off with bpftool btf dump and llvm-readelf. */

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bpf/look/inspect.h"
#include "src/base/fd.h"
#include "src/base/file.h"
#include "src/base/text.h"
#include "tests/unit/check-main.h"

typedef struct ExpectedMap {
        const char *name;
        uint32_t type, key_size, value_size, max_entries, flags;
        bool pinned_by_name;
} ExpectedMap;

typedef struct ExpectedVariable {
        const char *name, *section, *type;
        size_t size;
        bool is_constant;
} ExpectedVariable;

static char *object_path(const char *name) {
        const char *folder = getenv("LOOK_OBJECTS");
        char *path;

        ck_assert_msg(folder, "LOOK_OBJECTS says where the compiled objects are");
        path = text_format("%s/%s.bpfobj", folder, name);
        ck_assert_ptr_nonnull(path);
        return path;
}

static char *object_bytes(const char *name, size_t *ret_size) {
        _cleanup_free_ char *path = object_path(name);
        char *data = NULL;

        ck_assert_int_eq(file_read(path, 1 << 20, &data, ret_size), 0);
        return data;
}

static Inspect *object_inspect(const char *name) {
        _cleanup_free_ char *path = object_path(name);
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        _cleanup_diag_ Diag diag = {};
        Inspect *inspect = NULL;
        int r;

        ck_assert_int_ge(fd, 0);
        r = inspect_fd(fd, "x.o", &inspect, &diag);
        ck_assert_msg(r == 0, "%s: %s", name, diag_text(&diag, r));
        ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 0); /* the position is left alone */
        return inspect;
}

/* The object is refused with this error, and the message contains words; *ret stays untouched. */
static void assert_refused(const void *data, size_t size, int error, const char *words) {
        _cleanup_diag_ Diag diag = {};
        Inspect *inspect = NULL;

        ck_assert_int_eq(inspect_memory(data, size, "x.o", &inspect, &diag), error);
        ck_assert_ptr_null(inspect);
        ck_assert_ptr_nonnull(diag.text);
        ck_assert_msg(strstr(diag.text, words), "'%s' lacks '%s'", diag.text, words);
}

static void assert_object_refused(const char *name, int error, const char *words) {
        size_t size;
        _cleanup_free_ char *data = object_bytes(name, &size);

        assert_refused(data, size, error, words);
}

START_TEST(programs_are_the_global_functions_outside_text)
{
        static const struct {
                const char *name, *section;
                Hook hook;
        } expected[] = {
                { "count", "cgroup_skb/egress", HOOK_EGRESS },
                { "watch", "cgroup_skb/ingress", HOOK_INGRESS },
                { "either", "cgroup/skb", _HOOK_INVALID },
                { "guard", "cgroup/connect4", HOOK_CONNECT4 },
                { "guard_later", "?cgroup/connect6", HOOK_CONNECT6 },
                { "secure", "lsm_cgroup/socket_bind", HOOK_LSM_CGROUP },
                { "shape", "tc", _HOOK_INVALID },
                { "trace", "kprobe/do_exit", _HOOK_INVALID },
                { "custom", "prog", _HOOK_INVALID },
        };
        _cleanup_(inspect_free_ptr) Inspect *inspect = object_inspect("many");

        ck_assert_uint_eq(inspect->n_programs, ELEMENTS(expected));
        for (size_t i = 0; i < ELEMENTS(expected); i++) {
                ck_assert_str_eq(inspect->programs[i].name, expected[i].name);
                ck_assert_str_eq(inspect->programs[i].section, expected[i].section);
                ck_assert_int_eq(inspect->programs[i].hook, expected[i].hook);
        }
        ck_assert_uint_eq(inspect->programs[3].instructions, 2); /* r0 = 1; exit */
        ck_assert_uint_gt(inspect->programs[0].instructions, 10);
        ck_assert_str_eq(inspect->license, "GPL");
        ck_assert(inspect->has_btf);
        ck_assert(inspect->has_state);
}
END_TEST

START_TEST(maps_are_read_in_every_way_of_defining_them)
{
        static const ExpectedMap expected[] = {
                { "users", BPF_MAP_TYPE_HASH, 4, 8, 1024, 0, false },
                { "counters", BPF_MAP_TYPE_ARRAY, 4, 24, 2, 0, false },
                { "networks", BPF_MAP_TYPE_LPM_TRIE, 8, 3, 128, BPF_F_NO_PREALLOC, false },
                { "events", BPF_MAP_TYPE_RINGBUF, 0, 0, 4096, 0, false },
                { "kept", BPF_MAP_TYPE_PERCPU_HASH, 4, 8, 16, 0, true },
                { "first_inner", BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0, false },
                { "outer", BPF_MAP_TYPE_HASH_OF_MAPS, 8, 4, 8, 0, false },
        };
        _cleanup_(inspect_free_ptr) Inspect *inspect = object_inspect("many");

        ck_assert_uint_eq(inspect->n_maps, ELEMENTS(expected));
        for (size_t i = 0; i < ELEMENTS(expected); i++) {
                const InspectMap *map = inspect->maps, *end = map + inspect->n_maps;

                while (map < end && strcmp(map->name, expected[i].name) != 0)
                        map++;
                ck_assert_msg(map < end, "no map %s", expected[i].name);
                ck_assert_uint_eq(map->type, expected[i].type);
                ck_assert_uint_eq(map->key_size, expected[i].key_size);
                ck_assert_uint_eq(map->value_size, expected[i].value_size);
                ck_assert_uint_eq(map->max_entries, expected[i].max_entries);
                ck_assert_uint_eq(map->flags, expected[i].flags);
                ck_assert_int_eq(map->pinned_by_name, expected[i].pinned_by_name);
        }
}
END_TEST

static void assert_variables(const Inspect *inspect, const ExpectedVariable *expected, size_t n) {
        ck_assert_uint_eq(inspect->n_variables, n);
        for (size_t i = 0; i < n; i++) {
                const InspectVariable *variable = inspect->variables;
                const InspectVariable *end = variable + inspect->n_variables;

                while (variable < end && strcmp(variable->name, expected[i].name) != 0)
                        variable++;
                ck_assert_msg(variable < end, "no variable %s", expected[i].name);
                ck_assert_str_eq(variable->section, expected[i].section);
                ck_assert_pstr_eq(variable->type, expected[i].type);
                ck_assert_uint_eq(variable->size, expected[i].size);
                ck_assert_int_eq(variable->is_constant, expected[i].is_constant);
        }
}

START_TEST(variables_have_types_in_words)
{
        static const ExpectedVariable expected[] = {
                { "limit", ".rodata", "unsigned int", 4, true },
                { "enabled", ".rodata", "bool", 1, true },
                { "label", ".rodata", "char[16]", 16, true },
                { "bounds", ".rodata", "struct limits", 8, true },
                { "cookie", ".rodata", "unsigned long long", 8, true },
                { "grid", ".rodata.grid", "short[2][3]", 12, true },
                { "level", ".data", "int", 4, false },
                { "colour", ".data", "enum colour", 4, false },
                { "pair", ".data.pair", "unnamed_pair", 16, false },
                { "seen", ".bss", "unsigned long long", 8, false },
                { "names", ".bss", "const char *[2]", 16, false },
                { "handlers", ".bss", "function *", 8, false },
                { "hidden", ".bss", "int", 4, false },
        };
        _cleanup_(inspect_free_ptr) Inspect *inspect = object_inspect("many");

        assert_variables(inspect, expected, ELEMENTS(expected));
}
END_TEST

START_TEST(constants_and_kernel_config_are_no_state)
{
        static const ExpectedVariable expected[] = { { "mark", ".rodata", "unsigned int", 4,
                                                       true } };
        _cleanup_(inspect_free_ptr) Inspect *inspect = object_inspect("constant");

        assert_variables(inspect, expected, ELEMENTS(expected));
        ck_assert_uint_eq(inspect->n_maps, 0);
        ck_assert(!inspect->has_state);
        ck_assert_str_eq(inspect->license, "Dual BSD/GPL");
}
END_TEST

START_TEST(without_btf_symbols_tell_names_and_sizes)
{
        static const ExpectedVariable expected[] = {
                { "verdict", ".rodata", NULL, 4, true },
                { "total", ".bss", NULL, 8, false },
        };
        _cleanup_(inspect_free_ptr) Inspect *inspect = object_inspect("bare");

        assert_variables(inspect, expected, ELEMENTS(expected));
        ck_assert(!inspect->has_btf);
        ck_assert(inspect->has_state);
        ck_assert_ptr_null(inspect->license);
        ck_assert_uint_eq(inspect->n_programs, 1);
        ck_assert_int_eq(inspect->programs[0].hook, HOOK_DEVICE);
}
END_TEST

START_TEST(an_object_of_subprograms_has_no_program)
{
        _cleanup_(inspect_free_ptr) Inspect *inspect = object_inspect("empty");
        _cleanup_diag_ Diag diag = {};
        const InspectProgram *program = NULL;

        ck_assert_uint_eq(inspect->n_programs, 0);
        ck_assert(!inspect->has_state);
        ck_assert_int_eq(inspect_select(inspect, NULL, HOOK_EGRESS, &program, &diag), -ENOENT);
        ck_assert_str_eq(diag.text, "'x.o' has no programs");
}
END_TEST

START_TEST(what_libbpf_cannot_load_is_refused_with_advice)
{
        assert_object_refused("legacy", -EOPNOTSUPP, "SEC(\".maps\")");
        assert_object_refused("without-btf", -EOPNOTSUPP, "compile with -g");
        assert_object_refused("big-endian", -ENOEXEC, "other byte order");
}
END_TEST

START_TEST(other_files_are_told_by_name)
{
        static const struct {
                const char *text, *words;
        } cases[] = {
                { "#!/bin/sh\n", "is a script" },
                { "!<arch>\nfoo", "is an archive" },
                { "#include <linux/bpf.h>\n", "is source text" },
                { "BC\xc0\xde", "LLVM bitcode" },
                { "hello", "no BPF object" },
                { "\177EL", "no BPF object" },
        };

        assert_refused("", 0, -ENOEXEC, "is empty");
        assert_refused(NULL, 0, -ENOEXEC, "is empty");
        for (size_t i = 0; i < ELEMENTS(cases); i++)
                assert_refused(cases[i].text, strlen(cases[i].text), -ENOEXEC, cases[i].words);
}
END_TEST

START_TEST(executables_and_other_machines_are_told_by_name)
{
        size_t size;
        _cleanup_free_ char *data = object_bytes("twins", &size);
        Elf64_Ehdr *header = (Elf64_Ehdr *)data;

        header->e_machine = EM_X86_64;
        header->e_type = ET_EXEC;
        assert_refused(data, size, -ENOEXEC, "'x.o' is an x86-64 executable, not a BPF object");
        header->e_machine = EM_AARCH64;
        header->e_type = ET_REL;
        assert_refused(data, size, -ENOEXEC, "is an arm64 object file, not a BPF object");
        header->e_machine = EM_BPF;
        header->e_type = ET_DYN;
        assert_refused(data, size, -ENOEXEC, "instead of an object file");
        header->e_type = ET_REL;
        header->e_ident[EI_CLASS] = ELFCLASS32;
        assert_refused(data, size, -ENOEXEC, "not of 64 bits");
}
END_TEST

START_TEST(descriptors_that_are_no_file_are_refused)
{
        _cleanup_close_ int folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_close_ int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
        _cleanup_close_ int big = memfd_create("big", MFD_CLOEXEC);
        _cleanup_diag_ Diag first = {}, second = {}, third = {};
        Inspect *inspect = NULL;

        ck_assert_int_eq(inspect_fd(folder, "x.o", &inspect, &first), -ENOEXEC);
        ck_assert_str_eq(first.text, "'x.o' is a directory, not a BPF object");
        ck_assert_int_eq(inspect_fd(null, "x.o", &inspect, &second), -ENOEXEC);
        ck_assert_int_eq(ftruncate(big, 64 * 1024 * 1024 + 1), 0);
        ck_assert_int_eq(inspect_fd(big, "x.o", &inspect, &third), -EFBIG);
        ck_assert_int_eq(inspect_fd(-1, "x.o", &inspect, NULL), -EBADF);
        ck_assert_ptr_null(inspect);
}
END_TEST

/* The section table is last in what clang writes, so no prefix of an object is an object. */
START_TEST(a_truncated_object_is_always_refused)
{
        size_t size;
        _cleanup_free_ char *data = object_bytes("twins", &size);

        for (size_t n = 0; n < size; n++) {
                Inspect *inspect = NULL;
                int r = inspect_memory(data, n, "x.o", &inspect, NULL);

                ck_assert_msg(r == (n < 4 ? -ENOEXEC : -EBADMSG), "%zu bytes: %d", n, r);
        }
}
END_TEST

/* Nothing to assert but that it ends, keeps its promise about *ret, and no sanitizer speaks. */
START_TEST(damaged_bytes_are_survived)
{
        static const unsigned char masks[] = { 0x01, 0x80, 0xff };
        size_t size, refused = 0;
        _cleanup_free_ char *data = object_bytes("many", &size);

        for (size_t i = 0; i < size; i++)
                for (size_t m = 0; m < ELEMENTS(masks); m++) {
                        _cleanup_(inspect_free_ptr) Inspect *inspect = NULL;
                        int r;

                        if (m != i % ELEMENTS(masks))
                                continue;
                        data[i] = (char)(data[i] ^ masks[m]);
                        r = inspect_memory(data, size, "x.o", &inspect, NULL);
                        ck_assert_int_eq(r < 0, inspect == NULL);
                        refused += r < 0;
                        data[i] = (char)(data[i] ^ masks[m]);
                }
        ck_assert_uint_gt(refused, 64);
}
END_TEST

static char *section_of(char *data, unsigned type, Elf64_Shdr **ret) {
        Elf64_Ehdr *header = (Elf64_Ehdr *)data;
        Elf64_Shdr *sections = (Elf64_Shdr *)(data + header->e_shoff);

        for (size_t i = 1; i < header->e_shnum; i++)
                if (sections[i].sh_type == type) {
                        *ret = &sections[i];
                        return data + sections[i].sh_offset;
                }
        ck_abort_msg("no section of type %u", type);
}

static void rename_bytes(char *data, size_t size, const char *from, const char *to) {
        for (size_t i = 0; i + strlen(from) < size; i++)
                if (memcmp(data + i, from, strlen(from) + 1) == 0)
                        memcpy(data + i, to, strlen(from));
}

START_TEST(lying_tables_are_refused)
{
        size_t size;
        _cleanup_free_ char *data = object_bytes("twins", &size);
        Elf64_Shdr *section;
        Elf64_Sym *symbols = (Elf64_Sym *)section_of(data, SHT_SYMTAB, &section);
        char *names;
        size_t i = 0;

        while (ELF64_ST_TYPE(symbols[i].st_info) != STT_FUNC)
                i++;
        symbols[i].st_size = 40; /* of 32 in the section */
        assert_refused(data, size, -EBADMSG, "does not lie within its section");
        symbols[i].st_size = UINT64_MAX - 7;
        assert_refused(data, size, -EBADMSG, "does not lie within its section");
        symbols[i].st_size = 16;
        section->sh_flags |= SHF_COMPRESSED;
        assert_refused(data, size, -EBADMSG, "damaged");
        section->sh_flags = 0;
        section->sh_size = UINT64_MAX - section->sh_offset + 1;
        assert_refused(data, size, -EBADMSG, "damaged or cut off");
        section->sh_size = 0;
        assert_refused(data, size, -EBADMSG, "no symbol table");
        names = section_of(data, SHT_STRTAB, &section);
        names[section->sh_size - 1] = 'x';
        assert_refused(data, size, -EBADMSG, "damaged or cut off");
}
END_TEST

START_TEST(names_that_could_harm_a_terminal_are_refused)
{
        size_t size;
        _cleanup_free_ char *data = object_bytes("twins", &size);

        rename_bytes(data, size, "refuse", "\033[2Jxx");
        assert_refused(data, size, -EBADMSG, "unprintable");
}
END_TEST

START_TEST(a_program_is_selected_by_name_and_must_fit)
{
        _cleanup_(inspect_free_ptr) Inspect *inspect = object_inspect("many");
        const InspectProgram *program = NULL;
        _cleanup_diag_ Diag first = {}, second = {}, third = {}, fourth = {};

        ck_assert_int_eq(inspect_select(inspect, "count", HOOK_INGRESS, &program, NULL), 0);
        ck_assert_str_eq(program->name, "count");
        ck_assert_int_eq(inspect_select(inspect, "shape", HOOK_TC_EGRESS, &program, NULL), 0);
        ck_assert_str_eq(program->name, "shape");
        ck_assert_int_eq(inspect_select(inspect, "conut", HOOK_EGRESS, &program, &first), -ENOENT);
        ck_assert_str_eq(first.text, "'x.o' has no program 'conut', did you mean 'count'?");
        ck_assert_int_eq(inspect_select(inspect, "zzzzz", HOOK_EGRESS, &program, &second), -ENOENT);
        ck_assert(strstr(second.text, "it has: count, watch, either, guard"));
        ck_assert(strstr(second.text, ", ..."));
        ck_assert_int_eq(inspect_select(inspect, "guard", HOOK_EGRESS, &program, &third), -EINVAL);
        ck_assert_str_eq(
                third.text,
                "program 'guard' of 'x.o' is in section 'cgroup/connect4' and does not fit egress"
        );
        ck_assert_int_eq(
                inspect_select(inspect, "count", _HOOK_INVALID, &program, &fourth), -EINVAL
        );
        ck_assert_str_eq(program->name, "shape"); /* untouched by the failures */
}
END_TEST

START_TEST(without_a_name_the_section_decides)
{
        _cleanup_(inspect_free_ptr) Inspect *many = object_inspect("many");
        _cleanup_(inspect_free_ptr) Inspect *twins = object_inspect("twins");
        const InspectProgram *program = NULL;
        _cleanup_diag_ Diag first = {}, second = {}, third = {};

        /* three would fit either direction, one of them names it */
        ck_assert_int_eq(inspect_select(many, NULL, HOOK_EGRESS, &program, NULL), 0);
        ck_assert_str_eq(program->name, "count");
        ck_assert_int_eq(inspect_select(many, NULL, HOOK_CONNECT6, &program, NULL), 0);
        ck_assert_str_eq(program->name, "guard_later");
        ck_assert_int_eq(inspect_select(many, NULL, HOOK_TC_INGRESS, &program, NULL), 0);
        ck_assert_str_eq(program->name, "shape");
        ck_assert_int_eq(inspect_select(twins, NULL, HOOK_SOCK_OPS, &program, NULL), 0);
        ck_assert_str_eq(program->name, "tune");
        ck_assert_int_eq(inspect_select(twins, NULL, HOOK_EGRESS, &program, &first), -ENOTUNIQ);
        ck_assert_str_eq(
                first.text,
                "several programs of 'x.o' fit egress: allow, refuse; name one with #PROGRAM"
        );
        ck_assert_int_eq(inspect_select(twins, NULL, HOOK_INGRESS, &program, &second), -ENOTUNIQ);
        ck_assert_int_eq(inspect_select(twins, NULL, HOOK_XDP, &program, &third), -ENOENT);
        ck_assert_str_eq(
                third.text,
                "'x.o' has no program that fits xdp; it has: allow (section cgroup_skb/egress), "
                "refuse (section cgroup_skb/egress), tune (section sockops)"
        );
}
END_TEST

CHECK_MAIN(
        "look/inspect",
        50,
        programs_are_the_global_functions_outside_text,
        maps_are_read_in_every_way_of_defining_them,
        variables_have_types_in_words,
        constants_and_kernel_config_are_no_state,
        without_btf_symbols_tell_names_and_sizes,
        an_object_of_subprograms_has_no_program,
        what_libbpf_cannot_load_is_refused_with_advice,
        other_files_are_told_by_name,
        executables_and_other_machines_are_told_by_name,
        descriptors_that_are_no_file_are_refused,
        a_truncated_object_is_always_refused,
        damaged_bytes_are_survived,
        lying_tables_are_refused,
        names_that_could_harm_a_terminal_are_refused,
        a_program_is_selected_by_name_and_must_fit,
        without_a_name_the_section_decides
)
