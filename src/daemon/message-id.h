/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* MESSAGE_ID= of what is logged, explained in units/system/unitbpf.catalog. They stay what they are for ever. */

#define MESSAGE_ATTACHED "6c3a1f0d9f2b4f2c8a5e7d4b90c1e6f3"
#define MESSAGE_REPLACED "b1e8d2a47c5946d1a0f39e6b25d87c40"
#define MESSAGE_DETACHED "0f94c7be31d84a6fb7a2c8e05d6193ea"
#define MESSAGE_DEGRADED "d7502e9bc8e64b7db3f1a46c0925fe18"
