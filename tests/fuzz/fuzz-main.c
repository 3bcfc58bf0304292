/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Without libFuzzer: feeds each file of the corpus folders (and each file) named on the command line to the
 * target, so that the corpus is a regression test with every compiler. */

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "src/base/cleanup.h"
#include "src/base/file.h"
#include "src/base/text.h"
#include "tests/fuzz/fuzz.h"

static int feed(const char *path) {
        _cleanup_free_ char *data = NULL;
        size_t size;
        int r = file_read(path, FUZZ_INPUT_MAX, &data, &size);

        if (r < 0) {
                (void)fprintf(stderr, "%s: %s\n", path, strerror(-r));
                return r;
        }
        (void)LLVMFuzzerTestOneInput((const unsigned char *)data, size);
        return 1;
}

static int feed_folder(const char *path) {
        DIR *folder = opendir(path);
        struct dirent *entry;
        int n = 0;

        if (!folder)
                return errno == ENOTDIR ? feed(path) : -errno;
        while ((entry = readdir(folder))) {
                _cleanup_free_ char *file = text_format("%s/%s", path, entry->d_name);
                int r;

                if (entry->d_name[0] == '.' || !file)
                        continue;
                r = feed(file);
                if (r < 0) {
                        (void)closedir(folder);
                        return r;
                }
                n++;
        }
        (void)closedir(folder);
        return n;
}

int main(int argc, char **argv) {
        int n = 0;

        for (int i = 1; i < argc; i++) {
                int r = feed_folder(argv[i]);

                if (r < 0) {
                        (void)fprintf(stderr, "%s: %s\n", argv[i], strerror(-r));
                        return 1;
                }
                n += r;
        }
        (void)printf("%d inputs\n", n);
        return n > 0 ? 0 : 1; /* an empty corpus proves nothing */
}
