/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "src/base/cleanup.h"
#include "src/base/limits.h"
#include "src/daemon/config.h"
#include "tests/unit/check-main.h"

typedef struct Bench {
        char *directory, *file, *first, *second;
        GPtrArray *messages;
        Config config;
} Bench;

static Bench bench_start(void) {
        Bench bench = { .directory = g_dir_make_tmp("unitbpf-XXXXXX", NULL) };

        ck_assert_ptr_nonnull(bench.directory);
        bench.file = g_build_filename(bench.directory, "unitbpfd.conf", NULL);
        bench.first = g_build_filename(bench.directory, "first.d", NULL);
        bench.second = g_build_filename(bench.directory, "second.d", NULL);
        ck_assert_int_eq(g_mkdir(bench.first, 0755), 0);
        ck_assert_int_eq(g_mkdir(bench.second, 0755), 0);
        bench.messages = g_ptr_array_new_with_free_func(g_free);
        config_init(&bench.config);
        return bench;
}

static void put(const char *directory, const char *name, const char *text) {
        g_autofree char *path = g_build_filename(directory, name, NULL);

        ck_assert(g_file_set_contents(path, text, -1, NULL));
}

static void load(Bench *bench) {
        const char *const directories[] = { bench->first, bench->second, NULL };
        const ConfigPlaces places = { .file = bench->file, .dropin_directories = directories };
        Config config;

        g_ptr_array_set_size(bench->messages, 0);
        config_load(&places, &bench->config, &config, bench->messages);
        config_done(&bench->config);
        bench->config = config;
}

static void remove_all(const char *path) {
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        const char *name;

        while (dir && (name = g_dir_read_name(dir))) {
                g_autofree char *child = g_build_filename(path, name, NULL);

                remove_all(child);
        }
        ck_assert_int_eq(g_remove(path), 0);
}

static void bench_end(Bench *bench) {
        remove_all(bench->directory);
        config_done(&bench->config);
        g_ptr_array_unref(bench->messages);
        g_free(bench->directory);
        g_free(bench->file);
        g_free(bench->first);
        g_free(bench->second);
}

START_TEST(without_files_the_defaults_hold)
{
        Bench bench = bench_start();

        load(&bench);
        ck_assert_uint_eq(bench.messages->len, 0);
        ck_assert_int_eq(bench.config.on_stop, ON_STOP_KEEP);
        ck_assert_uint_eq(bench.config.attach_timeout_sec, LIMIT_ATTACH_TIMEOUT_SEC);
        ck_assert_int_eq(bench.config.log_level, LOG_INFO);
        ck_assert_ptr_null(bench.config.unit_path);
        bench_end(&bench);
}
END_TEST

START_TEST(every_key_is_understood)
{
        Bench bench = bench_start();

        put(bench.directory, "unitbpfd.conf",
            "# comment\n[Daemon]\nOnStop=detach\nAttachTimeoutSec = 7s\nLogLevel=debug\n"
            "Source=cgroup\nCgroupRoot=/a\nBpffsRoot=/b\nUnitPath=/c:/d\n");
        load(&bench);
        ck_assert_uint_eq(bench.messages->len, 0);
        ck_assert_int_eq(bench.config.on_stop, ON_STOP_DETACH);
        ck_assert_uint_eq(bench.config.attach_timeout_sec, 7);
        ck_assert_int_eq(bench.config.log_level, LOG_DEBUG);
        ck_assert_int_eq(bench.config.source, SOURCE_CGROUP);
        ck_assert_str_eq(bench.config.cgroup_root, "/a");
        ck_assert_str_eq(bench.config.bpffs, "/b");
        ck_assert_uint_eq(g_strv_length(bench.config.unit_path), 2);
        ck_assert_str_eq(bench.config.unit_path[1], "/d");
        bench_end(&bench);
}
END_TEST

START_TEST(dropins_are_sorted_by_name_and_the_first_directory_wins)
{
        Bench bench = bench_start();

        put(bench.directory, "unitbpfd.conf", "[Daemon]\nAttachTimeoutSec=1\nCgroupRoot=/main\n");
        put(bench.first, "20-b.conf", "[Daemon]\nAttachTimeoutSec=3\n");
        put(bench.second, "10-a.conf", "[Daemon]\nAttachTimeoutSec=2\nBpffsRoot=/kept\n");
        put(bench.second, "20-b.conf", "[Daemon]\nAttachTimeoutSec=4\nBpffsRoot=/hidden\n");
        put(bench.second, "30-c.off", "[Daemon]\nAttachTimeoutSec=5\n");
        load(&bench);
        ck_assert_uint_eq(bench.config.attach_timeout_sec, 3);
        ck_assert_str_eq(bench.config.cgroup_root, "/main");
        ck_assert_str_eq(bench.config.bpffs, "/kept");
        bench_end(&bench);
}
END_TEST

START_TEST(mistakes_are_named_with_file_and_line)
{
        Bench bench = bench_start();
        g_autofree char *unknown = NULL;

        put(bench.directory, "unitbpfd.conf",
            "[Daemon]\nOnStopp=keep\nzzz=1\nnothing\n[Other]\nOnStop=detach\n");
        load(&bench);
        ck_assert_uint_eq(bench.messages->len, 4);
        unknown = g_strdup_printf(
                "%s:2: unknown key 'OnStopp', did you mean 'OnStop'?", bench.file
        );
        ck_assert(g_str_has_prefix(bench.messages->pdata[0], unknown));
        ck_assert_ptr_nonnull(strstr(bench.messages->pdata[1], ":3: unknown key 'zzz'"));
        ck_assert_ptr_nonnull(strstr(bench.messages->pdata[2], ":4: "));
        ck_assert_ptr_nonnull(strstr(bench.messages->pdata[3], ":5: unknown section"));
        ck_assert_int_eq(bench.config.on_stop, ON_STOP_KEEP);
        bench_end(&bench);
}
END_TEST

START_TEST(a_bad_value_leaves_the_last_good_one)
{
        static const char *const bad[] = {
                "OnStop=perhaps", "AttachTimeoutSec=0", "AttachTimeoutSec=4000", "LogLevel=loud",
                "Source=upstart", "CgroupRoot=here",    "UnitPath=/a:b",
        };
        Bench bench = bench_start();

        put(bench.directory, "unitbpfd.conf",
            "[Daemon]\nOnStop=detach\nAttachTimeoutSec=5\nUnitPath=/good\nCgroupRoot=/good\n");
        load(&bench);
        for (size_t i = 0; i < ELEMENTS(bad); i++) {
                g_autofree char *text = g_strdup_printf("[Daemon]\n%s\n", bad[i]);

                put(bench.directory, "unitbpfd.conf",
                    "[Daemon]\nOnStop=detach\nAttachTimeoutSec=5\nUnitPath=/good\nCgroupRoot=/good\n"
                );
                put(bench.first, "bad.conf", text);
                load(&bench);
                ck_assert_uint_eq(bench.messages->len, 1);
                /* over a reload, too, with nothing good before it */
                put(bench.directory, "unitbpfd.conf", text);
                load(&bench);
                if (i == 0)
                        ck_assert_int_eq(bench.config.on_stop, ON_STOP_DETACH);
                if (i == 1 || i == 2)
                        ck_assert_uint_eq(bench.config.attach_timeout_sec, 5);
                if (i == 5)
                        ck_assert_str_eq(bench.config.cgroup_root, "/good");
                if (i == 6)
                        ck_assert_str_eq(bench.config.unit_path[0], "/good");
        }
        bench_end(&bench);
}
END_TEST

START_TEST(names_go_both_ways)
{
        for (int i = 0; i < _ON_STOP_MAX; i++)
                ck_assert_int_eq(on_stop_from_string(on_stop_to_string((OnStop)i)), i);
        for (int i = 0; i < _SOURCE_KIND_MAX; i++)
                ck_assert_int_eq(source_kind_from_string(source_kind_to_string((SourceKind)i)), i);
}
END_TEST

CHECK_MAIN(
        "daemon/config",
        20,
        without_files_the_defaults_hold,
        every_key_is_understood,
        dropins_are_sorted_by_name_and_the_first_directory_wins,
        mistakes_are_named_with_file_and_line,
        a_bad_value_leaves_the_last_good_one,
        names_go_both_ways
)
