# SPDX-License-Identifier: LGPL-2.1-or-later
"""A terminal for a machine to write to, whose text is kept."""

import os
import threading


class Console:
    def __init__(self):
        self.master, self.slave = os.openpty()
        self.name = os.ttyname(self.slave)
        self.lines = bytearray()
        self.thread = threading.Thread(target=self.read_all, daemon=True)
        self.thread.start()

    def read_all(self):
        """A terminal nobody reads from stops those who write to it."""
        while True:
            try:
                data = os.read(self.master, 4096)
            except OSError:  # the last writer has closed it
                return
            if not data:
                return
            self.lines += data

    def text(self):
        return self.lines.decode(errors='replace').replace('\r\n', '\n')

    def close(self):
        os.close(self.slave)
        self.thread.join(5)
        os.close(self.master)
