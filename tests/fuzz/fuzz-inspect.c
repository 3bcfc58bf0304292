/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as a BPF object. What comes out must be usable whole: names plain, sections that gave a hook still
 * giving it, a program that is selected really one of the object. */

#include <stdlib.h>
#include <string.h>

#include "bpf/look/inspect.h"
#include "tests/fuzz/fuzz.h"

static void check(bool truth) {
        if (!truth)
                abort();
}

static void check_plain(const char *text) {
        check(text != NULL);
        for (; *text; text++)
                check(*text >= ' ' && *text <= '~');
}

static void check_select(const Inspect *inspect, const char *name) {
        for (int hook = 0; hook < _HOOK_MAX; hook++) {
                const InspectProgram *program = NULL;
                _cleanup_diag_ Diag diag = {};
                int r = inspect_select(inspect, name, (Hook)hook, &program, &diag);

                check((r == 0) == (program != NULL));
                check((r == 0) == (diag.text == NULL));
                if (r == 0) {
                        check(program >= inspect->programs);
                        check(program < inspect->programs + inspect->n_programs);
                        check(hook_section_fits(program->section, (Hook)hook));
                }
        }
}

static void check_inspect(const Inspect *inspect) {
        for (size_t i = 0; i < inspect->n_programs; i++) {
                check_plain(inspect->programs[i].name);
                check_plain(inspect->programs[i].section);
                check(inspect->programs[i].instructions > 0);
                check(inspect->programs[i].hook == hook_from_section(inspect->programs[i].section));
        }
        for (size_t i = 0; i < inspect->n_maps; i++)
                check_plain(inspect->maps[i].name);
        for (size_t i = 0; i < inspect->n_variables; i++) {
                check_plain(inspect->variables[i].name);
                check_plain(inspect->variables[i].section);
                check(inspect->has_btf == (inspect->variables[i].type != NULL));
                if (inspect->has_btf)
                        check_plain(inspect->variables[i].type);
        }
        check(inspect->n_maps == 0 || inspect->has_state);
        check_select(inspect, NULL);
        check_select(inspect, "count");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(inspect_free_ptr) Inspect *inspect = NULL;
        _cleanup_diag_ Diag diag = {};
        int r;

        if (size > FUZZ_INPUT_MAX)
                return 0;
        r = inspect_memory(data, size, "fuzz.o", &inspect, &diag);
        check((r == 0) == (inspect != NULL));
        check((r == 0) == (diag.text == NULL));
        if (inspect)
                check_inspect(inspect);
        return 0;
}
