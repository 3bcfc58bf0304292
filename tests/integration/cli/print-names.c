/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Prints every name users can write or meet, one a line as KIND NAME, for the test of the manual. */

#include <stdio.h>
#include <stdlib.h>

#include "bpf/look/hook.h"
#include "bpf/look/target.h"
#include "src/cli/schema.h"
#include "src/track/attachment-state.h"
#include "src/track/record.h"
#include "src/track/tracker.h"
#include "units/wish.h"

static void print_list(const char *kind, const char *const *names) {
        for (; *names; names++)
                (void)printf("%s %s\n", kind, *names);
}

static void print_keys(const Schema *schema) {
        for (size_t i = 0; i < schema->n; i++) {
                char *name = schema_json_name(schema->fields[i].key);

                if (!schema->fields[i].show_only)
                        (void)printf("json %s\n", name);
                free(name);
        }
}

int main(void) {
        static const Schema *const schemas[] = {
                &schema_attachment, &schema_unit,  &schema_program, &schema_step,    &schema_map,
                &schema_hook,       &schema_check, &schema_manager, &schema_problem, &schema_object,
        };

        print_list("directive", directive_names());
        print_list("option", directive_option_names());
        print_list("hook", hook_names());
        print_list("record", record_keys());
        for (size_t i = 0; i < sizeof schemas / sizeof schemas[0]; i++)
                print_keys(schemas[i]);
        for (int i = 0; i < _ATTACHMENT_STATE_MAX; i++)
                (void)printf("state %s\n", attachment_state_to_string((AttachmentState)i));
        for (int i = 0; i < _UNIT_STATE_MAX; i++)
                (void)printf("state %s\n", unit_state_to_string((UnitState)i));
        for (int i = 0; i < _VIA_MAX; i++)
                (void)printf("via %s\n", via_to_string((Via)i));
        return EXIT_SUCCESS;
}
