/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest's side of the tests: a static init that runs a list of tests and
 * reports on the console.  No file of it knows about any particular test.
 */
#ifndef GUEST_H
#define GUEST_H

#include <stdbool.h>

/* One line of /tests: "KIND NAME TIMEOUT [ARGS...]". */
struct test {
	char kind[16];
	char name[64];
	int timeout;		/* seconds */
	char args[512];
};

/* report.c: everything the guest says, one whole kernel log line at a time. */
bool report_open(void);
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* module.c: what modprobe and rmmod do; 0 or a negative errno. */
int module_load(const char *name, const char *params);
int module_unload(const char *name);
int modprobe_main(int argc, char **argv);

/* test.c: run the list. */
int run_tests(const char *list);

#endif
