/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Two bitmaps indexed by descriptor number: who is in the set, and who of them is owned. Descriptor numbers are
 * small and dense (the kernel gives out the lowest free one), so this is both compact and quick for the tens of
 * thousands a re-exec hands over. */

#include "serialize/fdset.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/fd.h"
#include "src/base/text.h"

#define WORD_BITS 64

struct FdSet {
        uint64_t *member;
        uint64_t *owned;
        size_t n_words; /* of each bitmap */
        size_t size;
};

static uint64_t bit_of(int fd) {
        return UINT64_C(1) << ((unsigned)fd % WORD_BITS);
}

static size_t word_of(int fd) {
        return (size_t)fd / WORD_BITS;
}

FdSet *fdset_new(void) {
        return calloc(1, sizeof(FdSet));
}

FdSet *fdset_free(FdSet *set) {
        if (!set)
                return NULL;
        for (int fd = fdset_next(set, -1); fd >= 0; fd = fdset_next(set, fd))
                if (set->owned[word_of(fd)] & bit_of(fd))
                        (void)fd_close(fd);
        free(set->member);
        free(set->owned);
        free(set);
        return NULL;
}

static int bitmap_grow(uint64_t **bitmap, size_t had, size_t wanted) {
        uint64_t *grown = reallocarray(*bitmap, wanted, sizeof(uint64_t));

        if (!grown)
                return -ENOMEM;
        memset(grown + had, 0, (wanted - had) * sizeof(uint64_t));
        *bitmap = grown;
        return 0;
}

static int make_room(FdSet *set, int fd) {
        size_t wanted = word_of(fd) + 1;
        int r;

        if (wanted <= set->n_words)
                return 0;
        if (wanted < set->n_words * 2)
                wanted = set->n_words * 2;
        r = bitmap_grow(&set->member, set->n_words, wanted);
        if (r < 0)
                return r;
        r = bitmap_grow(&set->owned, set->n_words, wanted);
        if (r < 0)
                return r;
        set->n_words = wanted;
        return 0;
}

static int add(FdSet *set, int fd, bool own) {
        int r;

        if (fd < 3 || fd_get_cloexec(fd) < 0)
                return -EBADF;
        if (fdset_contains(set, fd))
                return -EEXIST;
        r = make_room(set, fd);
        if (r < 0)
                return r;
        set->member[word_of(fd)] |= bit_of(fd);
        if (own)
                set->owned[word_of(fd)] |= bit_of(fd);
        set->size++;
        return 0;
}

int fdset_borrow(FdSet *set, int fd) {
        return add(set, fd, false);
}

int fdset_adopt(FdSet *set, int fd) {
        return add(set, fd, true);
}

static bool is_kept(const int *keep, int fd) {
        for (; keep && *keep >= 0; keep++)
                if (*keep == fd)
                        return true;
        return false;
}

static int adopt_if_inherited(FdSet *set, int fd) {
        int r = fd_get_cloexec(fd);

        if (r < 0)
                return r;
        if (r > 0) /* made by this process */
                return 0;
        r = fd_set_cloexec(fd, true);
        if (r < 0)
                return r;
        return fdset_contains(set, fd) ? 0 : fdset_adopt(set, fd);
}

/* Next descriptor listed in the folder, -ENOENT at its end. */
static int next_listed(DIR *folder) {
        struct dirent *entry;
        int fd;

        do {
                errno = 0;
                entry = readdir(folder);
                if (!entry)
                        return errno == 0 ? -ENOENT : -errno;
        } while (text_to_fd(entry->d_name, &fd) < 0); /* . and .. */
        return fd;
}

int fdset_adopt_inherited(FdSet *set, const int *keep) {
        DIR *folder = opendir("/proc/self/fd");
        int fd, r = 0;

        if (!folder)
                return -errno;
        while ((fd = next_listed(folder)) >= 0) {
                if (fd < 3 || fd == dirfd(folder) || is_kept(keep, fd))
                        continue;
                r = adopt_if_inherited(set, fd);
                if (r < 0)
                        break;
        }
        if (fd < 0 && fd != -ENOENT)
                r = fd;
        (void)closedir(folder);
        return r;
}

int fdset_take(FdSet *set, int fd) {
        if (!fdset_contains(set, fd))
                return -ENOENT;
        set->member[word_of(fd)] &= ~bit_of(fd);
        set->owned[word_of(fd)] &= ~bit_of(fd);
        set->size--;
        return fd;
}

bool fdset_contains(const FdSet *set, int fd) {
        return fd >= 0 && word_of(fd) < set->n_words && (set->member[word_of(fd)] & bit_of(fd));
}

size_t fdset_size(const FdSet *set) {
        return set->size;
}

int fdset_next(const FdSet *set, int after) {
        int first = after < 0 ? 0 : after == INT_MAX ? INT_MAX : after + 1;
        uint64_t word;

        if (word_of(first) >= set->n_words) /* no set is so large that INT_MAX would be in it */
                return -1;
        word = set->member[word_of(first)] & ~(bit_of(first) - 1);
        for (size_t i = word_of(first);;) {
                if (word)
                        return (int)(i * WORD_BITS) + __builtin_ctzll(word);
                if (++i >= set->n_words)
                        return -1;
                word = set->member[i];
        }
}
