/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Grammar of the rules that have the same name as systemd's: is the value one of them? 0 or -EINVAL with diag.
 * They say nothing of whether this build can enforce the rule. */

#include "src/base/diag.h"

int rule_check_addresses(const char *value, Diag *diag); /* ADDRESS[/PREFIX], any, localhost, ... */
int rule_check_boolean(const char *value, Diag *diag);
int rule_check_device_policy(const char *value, Diag *diag); /* auto closed strict */
int rule_check_device(const char *value, Diag *diag); /* NODE [rwm] */
int rule_check_socket_bind(
        const char *value,
        Diag *diag
); /* [ipv4:|ipv6:][tcp:|udp:][PORT[-PORT]], any */
int rule_check_interfaces(const char *value, Diag *diag); /* [~]NAME... */
int rule_check_file_systems(const char *value, Diag *diag); /* [~]NAME|@GROUP... */
