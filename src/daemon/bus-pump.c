/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "src/daemon/bus-pump.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>

#include "src/base/cleanup.h"
#include "src/base/fd.h"

struct BusPump {
        sd_bus *bus;
        /* Ours, not the bus's own, which it closes by itself when the other side goes: what is watched must be taken out
         * of the watch before it is closed. Else a child between fork and exec still has the open file, which then
         * stays in the watch and reports to a source that is gone. */
        int fd;
        BusPumpOptions options;
        sd_event_source *io;
        sd_event_source *again; /* there is more to do without anything coming in */
        bool settled; /* nothing is left of what came with the handshake */
        bool delivered; /* a message came out of the present step */
        bool broken;
        size_t unread; /* what the answers took that are still queued, at most */
};

/* Bytes in use. A buffer for a message shows at once, in its full size, before anything is written into it. */
static size_t memory_in_use(void) {
        struct mallinfo2 info = mallinfo2();

        return info.uordblks + info.hblkhd;
}

static void give_up(BusPump *pump) {
        if (pump->broken)
                return;
        pump->broken = true;
        /* fail only on a dead source */
        (void)sd_event_source_set_enabled(pump->io, SD_EVENT_OFF);
        (void)sd_event_source_set_enabled(pump->again, SD_EVENT_OFF);
        pump->options.broken(pump->options.userdata);
}

/* What the step took more than before: room for a message that is on its way, or the answer to one. False: too much. */
static bool account(BusPump *pump, size_t growth) {
        uint64_t queued;

        if (!pump->delivered)
                return growth <= pump->options.message_max;
        if (sd_bus_get_n_queued_write(pump->bus, &queued) < 0 || queued == 0) {
                pump->unread = 0;
                return true;
        }
        pump->unread += growth;
        pump->options.unread(pump->options.userdata);
        return true;
}

static void step(BusPump *pump) {
        bool counted = pump->options.message_max > 0;
        size_t before = counted ? memory_in_use() : 0, after;
        int r;

        if (pump->broken)
                return;
        pump->delivered = false;
        r = sd_bus_process(pump->bus, NULL);
        after = counted ? memory_in_use() : 0;
        if (r < 0 || (counted && !account(pump, after > before ? after - before : 0))) {
                give_up(pump);
                return;
        }
        if (r == 0 && sd_bus_is_ready(pump->bus) > 0)
                pump->settled = true;
        if (r > 0 && !pump->settled) /* fails only on a dead source */
                (void)sd_event_source_set_enabled(pump->again, SD_EVENT_ONESHOT);
}

static int on_io(sd_event_source *io, int fd, uint32_t revents, void *userdata) {
        step(userdata);
        return 0;
}

static int on_again(sd_event_source *again, void *userdata) {
        step(userdata);
        return 0;
}

/* What the bus waits for, asked before each wait: its queues change with every message sent. */
static int on_prepare(sd_event_source *io, void *userdata) {
        BusPump *pump = userdata;
        uint64_t timeout;
        int r, events = sd_bus_get_events(pump->bus);

        if (pump->broken)
                return 0;
        if (events >= 0)
                (void)sd_event_source_set_io_events(io, (uint32_t)events);
        r = sd_bus_get_timeout(pump->bus, &timeout);
        /* the only other timeout is that of the handshake, over which its owner watches */
        if (r > 0 && timeout == 0)
                (void)sd_event_source_set_enabled(pump->again, SD_EVENT_ONESHOT);
        return 0;
}

static int setup(BusPump *pump, sd_event *event) {
        int r = sd_bus_get_fd(pump->bus);

        if (r < 0)
                return r;
        pump->fd = fd_duplicate(r);
        if (pump->fd < 0)
                return pump->fd;
        r = sd_event_add_io(event, &pump->io, pump->fd, EPOLLIN, on_io, pump);
        if (r >= 0)
                r = sd_event_add_defer(event, &pump->again, on_again, pump);
        if (r >= 0)
                r = sd_event_source_set_prepare(pump->io, on_prepare);
        if (r >= 0)
                r = sd_event_source_set_priority(pump->io, pump->options.priority);
        if (r >= 0)
                r = sd_event_source_set_priority(pump->again, pump->options.priority);
        if (r < 0)
                return r;
        (void)sd_event_source_set_description(pump->io, "bus-connection");
        (void)sd_event_source_set_description(pump->again, "bus-connection-again");
        return 0;
}

int bus_pump_new(sd_event *event, sd_bus *bus, const BusPumpOptions *options, BusPump **ret) {
        BusPump *pump = calloc(1, sizeof *pump);
        int r;

        if (!pump)
                return -ENOMEM;
        pump->bus = bus;
        pump->fd = -EBADF;
        pump->options = *options;
        r = setup(pump, event);
        if (r < 0) {
                (void)bus_pump_free(pump);
                return r;
        }
        *ret = pump;
        return 0;
}

BusPump *bus_pump_free(BusPump *pump) {
        if (!pump)
                return NULL;
        (void)sd_event_source_disable_unref(pump->again);
        (void)sd_event_source_disable_unref(pump->io);
        (void)fd_close(pump->fd);
        free(pump);
        return NULL;
}

size_t bus_pump_unread(const BusPump *pump) {
        uint64_t queued;

        if (!pump || sd_bus_get_n_queued_write(pump->bus, &queued) < 0 || queued == 0)
                return 0;
        return pump->unread;
}

void bus_pump_note_message(BusPump *pump) {
        if (pump)
                pump->delivered = true;
}
