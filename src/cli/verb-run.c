/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* run: a command as a transient unit, with its programs attached before its first instruction. */

#include <errno.h>
#include <string.h>

#include "src/base/fd.h"
#include "src/cli/child.h"
#include "src/cli/client.h"
#include "src/cli/screen.h"
#include "src/cli/verb.h"

static void free_message_ptr(sd_bus_message **message) {
        sd_bus_message_unref(*message);
}

static int append_assignments(sd_bus_message *message, const Invocation *invocation) {
        int r = sd_bus_message_open_container(message, 'a', "s");

        for (size_t i = 0; r >= 0 && i + 1 < invocation->properties->len; i++)
                r = sd_bus_message_append(message, "s", invocation->properties->pdata[i]);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

static int make_request(Client *client, const char *unit, const char *slice, sd_bus_message **ret) {
        _cleanup_(free_message_ptr) sd_bus_message *message = NULL;
        int r = sd_bus_message_new_method_call(
                client->bus, &message, client->destination, CLIENT_PATH, CLIENT_INTERFACE,
                "StartTransient"
        );

        if (r >= 0)
                r = sd_bus_message_append(message, "ss", unit ? unit : "", slice ? slice : "");
        if (r >= 0)
                r = append_assignments(message, client->invocation);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(message);
        return 0;
}

/* The descriptor of the unit's new cgroup. Negative after a report. */
static int start_transient(Client *client, const char *unit, const char *slice, int *ret_fd) {
        _cleanup_(free_message_ptr) sd_bus_message *message = NULL, *reply = NULL;
        int fd = -EBADF, r = make_request(client, unit, slice, &message);

        if (r >= 0) {
                r = client_send(client, "start the unit", message, &reply);
                if (r < 0)
                        return r;
                r = sd_bus_message_skip(reply, "sst");
        }
        if (r >= 0)
                r = sd_bus_message_read(reply, "h", &fd);
        if (r >= 0)
                r = fd_duplicate(fd); /* that of the message goes with it */
        if (r < 0) {
                screen_error("Failed to start the unit: %s.", strerror(-r));
                return r;
        }
        *ret_fd = r;
        return 0;
}

/* --slice=web means web.slice. What --unit=web means depends on where the daemon has its units from. The text belongs to the caller. */
static char *complete(const char *name, const char *suffix) {
        if (!name)
                return NULL;
        if (strchr(name, '.'))
                return g_strdup(name);
        return g_strconcat(name, suffix, NULL);
}

static bool assignments_are_well(const Invocation *invocation) {
        for (size_t i = 0; i + 1 < invocation->properties->len; i++) {
                const char *word = invocation->properties->pdata[i];

                if (!strchr(word, '=') || *word == '=') {
                        screen_error("'%s' is no assignment: -p takes KEY=VALUE.", word);
                        return false;
                }
        }
        return true;
}

int verb_run(const Invocation *invocation) {
        g_autofree char *slice = complete(invocation->slice, ".slice");
        _cleanup_close_ int cgroup_fd = -EBADF;
        Client client;
        int r;

        if (!assignments_are_well(invocation) || client_open(invocation, &client) < 0)
                return EXIT_RUN_OWN_FAILURE;
        r = start_transient(&client, invocation->unit, slice, &cgroup_fd);
        client_done(&client); /* no connection is kept while the command runs */
        if (r < 0)
                return EXIT_RUN_OWN_FAILURE;
        return child_run(cgroup_fd, (char *const *)invocation->arguments->pdata);
}
