# SPDX-License-Identifier: LGPL-2.1-or-later
"""The files of a machine: those of the host, or of a root directory, with changes that nobody else sees.

A tmpfs over a tree by overlayfs; all that is written is gone with it.
"""

import os
import shutil
import subprocess

# What no test needs, would touch the devices or settings of the host, or only costs time.
MASKED = """
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer man-db.timer
    systemd-tmpfiles-clean.timer getty.target getty-static.service console-getty.service getty@tty1.service
    dev-hugepages.mount dev-mqueue.mount proc-sys-fs-binfmt_misc.automount sys-fs-fuse-connections.mount
    sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount kmod-static-nodes.service
    systemd-ask-password-console.path systemd-ask-password-wall.path systemd-binfmt.service
    systemd-firstboot.service systemd-hwdb-update.service systemd-journald-audit.socket
    systemd-machine-id-commit.service systemd-modules-load.service systemd-networkd.service
    systemd-networkd.socket systemd-network-generator.service systemd-pcrphase.service
    systemd-pcrphase-sysinit.service systemd-pstore.service systemd-random-seed.service
    systemd-remount-fs.service systemd-repart.service systemd-resolved.service systemd-sysctl.service
    systemd-sysusers.service systemd-timesyncd.service systemd-tmpfiles-setup-dev.service
    systemd-tmpfiles-setup-dev-early.service systemd-udev-trigger.service systemd-udevd.service
    systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-update-utmp.service
    systemd-update-utmp-runlevel.service ldconfig.service systemd-journal-catalog-update.service
    systemd-journal-flush.service systemd-userdbd.socket systemd-nsresourced.socket systemd-mountfsd.socket
""".split()

GENERATORS = ('usr/lib/systemd/system-generators', 'usr/local/lib/systemd/system-generators')


class Tree:
    """root is what the machine gets as its root directory; it can be written to while the machine runs."""

    def __init__(self, directory, lower='/'):
        self.directory = directory
        self.root = f'{directory}/root'
        os.mkdir(directory, 0o755)
        subprocess.run(['mount', '-t', 'tmpfs', '-o', 'mode=0755,size=1g', 'tmpfs', directory], check=True)
        for name in ('root', 'upper', 'work'):
            os.mkdir(f'{directory}/{name}', 0o755)
        try:
            subprocess.run(['mount', '-t', 'overlay', '-o',
                            f'lowerdir={lower},upperdir={directory}/upper,workdir={directory}/work',
                            'overlay', self.root], check=True)
            self.make_plain()
        except BaseException:
            self.remove()
            raise

    def path(self, inside):
        return f'{self.root}/{inside.lstrip("/")}'

    def write(self, inside, text, mode=0o644):
        path = self.path(inside)
        os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
        with open(path, 'w', encoding='utf-8') as file:
            file.write(text)
        os.chmod(path, mode)

    def link(self, inside, target):
        path = self.path(inside)
        os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
        if os.path.lexists(path):
            os.unlink(path)
        os.symlink(target, path)

    def copy(self, source, inside, mode=0o755):
        path = self.path(inside)
        os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
        shutil.copyfile(source, path)
        os.chmod(path, mode)

    def mask(self, *units):
        for unit in units:
            self.link(f'/etc/systemd/system/{unit}', '/dev/null')

    def install(self, build):
        """Puts what is installed from a build directory into the tree; all of it must have been built."""
        result = subprocess.run(['meson', 'install', '-C', build, '--quiet', '--no-rebuild', '--destdir', self.root],
                                capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if result.returncode:
            raise RuntimeError(f'meson install: {result.stdout}{result.stderr}is all of {build} built?')

    def make_plain(self):
        """Takes out what the administrator of the host has enabled and what the machine does not need."""
        for folder in ('/etc/systemd/system', '/etc/systemd/system.conf.d', '/run/systemd'):
            shutil.rmtree(self.path(folder), ignore_errors=True)
        os.makedirs(self.path('/etc/systemd/system'), 0o755)
        for folder in GENERATORS:
            for name in os.listdir(self.path(folder)) if os.path.isdir(self.path(folder)) else ():
                self.link(f'/etc/systemd/system-generators/{name}', '/dev/null')
        self.mask(*MASKED)
        self.write('/etc/fstab', '')
        self.write('/etc/hostname', 'unitbpf-test\n')
        self.write('/etc/machine-id', os.urandom(16).hex() + '\n')
        self.write('/etc/systemd/journald.conf.d/test.conf',
                   '[Journal]\nStorage=volatile\nRateLimitIntervalSec=0\nForwardToWall=no\n')

    def remove(self):
        for path in (self.root, self.directory):
            if os.path.ismount(path):
                subprocess.run(['umount', path], check=True)
        os.rmdir(self.directory)
