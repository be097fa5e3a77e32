// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit test of text_poke_sync(): no caller waits for a task that is not running.
 *
 * A SCHED_IDLE task calls text_poke_sync() continuously. SCHED_FIFO hogs on all CPUs
 * preempt it. A SCHED_FIFO writer with higher priority preempts one hog and calls
 * text_poke_sync(). The call must return while the hogs run, although the SCHED_IDLE task
 * cannot continue.
 */

#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/text-patching.h>
#include <uapi/linux/sched/types.h>

#define ATTEMPTS	20
/*
 * A hog gives up after this time, before the scheduler throttles SCHED_FIFO tasks. It also
 * spins at least HOG_SPINS times: on an emulator, time passes while the CPU is stopped.
 */
#define HOG_MS		300
#define HOG_SPINS	100000

struct attempt {
	struct task_struct *hogs[NR_CPUS];
	unsigned int nr_hogs;
	atomic_t spinning;
	bool hogs_may_end, hog_gave_up;

	struct completion done;
	bool began, late;
	s64 ns;
};

static struct task_struct *create_task(struct kunit *test, int (*fn)(void *data), void *data,
				       const char *name)
{
	struct task_struct *task = kthread_create(fn, data, "text_poke_%s", name);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, task);
	return get_task_struct(task);
}

static int owner_fn(void *data)
{
	const struct sched_attr idle = { .size = sizeof(idle), .sched_policy = SCHED_IDLE };

	sched_setattr_nocheck(current, &idle);
	while (!kthread_should_stop()) {
		text_poke_sync();
		cond_resched();
	}
	return 0;
}

static int hog_fn(void *data)
{
	struct attempt *a = data;
	unsigned long spins = 0;
	ktime_t end;

	sched_set_fifo(current);
	end = ktime_add_ms(ktime_get(), HOG_MS);
	atomic_inc(&a->spinning);
	while (!READ_ONCE(a->hogs_may_end)) {
		cpu_relax();
		if (++spins > HOG_SPINS && ktime_after(ktime_get(), end)) {
			WRITE_ONCE(a->hog_gave_up, true);
			break;
		}
	}
	return 0;
}

static void start_hogs(struct attempt *a)
{
	unsigned int i;

	for (i = 0; i < a->nr_hogs; i++)
		wake_up_process(a->hogs[i]);
	while (atomic_read(&a->spinning) < a->nr_hogs)
		usleep_range(500, 1000);
	/* Let them preempt all other tasks. */
	usleep_range(500, 1000);
}

static int writer_fn(void *data)
{
	const struct sched_attr above_hogs = {
		.size = sizeof(above_hogs),
		.sched_policy = SCHED_FIFO,
		.sched_priority = MAX_RT_PRIO / 2 + 10,
	};
	struct attempt *a = data;
	ktime_t start;

	sched_setattr_nocheck(current, &above_hogs);
	start_hogs(a);
	a->began = !READ_ONCE(a->hog_gave_up);
	start = ktime_get();
	text_poke_sync();
	a->ns = ktime_to_ns(ktime_sub(ktime_get(), start));
	a->late = READ_ONCE(a->hog_gave_up);
	WRITE_ONCE(a->hogs_may_end, true);
	complete(&a->done);
	return 0;
}

static void create_hogs(struct kunit *test, struct attempt *a)
{
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		struct task_struct *hog = create_task(test, hog_fn, a, "hog");

		kthread_bind(hog, cpu);
		a->hogs[a->nr_hogs++] = hog;
	}
}

static void run_attempt(struct kunit *test, struct attempt *a)
{
	struct task_struct *writer;

	memset(a, 0, sizeof(*a));
	init_completion(&a->done);
	create_hogs(test, a);
	writer = create_task(test, writer_fn, a, "writer");
	wake_up_process(writer);
	wait_for_completion(&a->done);

	kthread_stop_put(writer);
	while (a->nr_hogs)
		kthread_stop_put(a->hogs[--a->nr_hogs]);
}

static void sync_beside_hogs(struct kunit *test)
{
	struct attempt *a = kunit_kzalloc(test, sizeof(*a), GFP_KERNEL);
	unsigned int i, began = 0, late = 0;
	struct task_struct *owner;
	s64 longest = 0;

	if (!preempt_model_preemptible())
		kunit_skip(test, "needs a preemptible kernel");
	KUNIT_ASSERT_NOT_NULL(test, a);
	owner = create_task(test, owner_fn, NULL, "owner");
	wake_up_process(owner);

	for (i = 0; i < ATTEMPTS && !late; i++) {
		run_attempt(test, a);
		if (!a->began)
			continue;
		began++;
		late += a->late;
		longest = max(longest, a->ns);
	}
	kthread_stop_put(owner);

	kunit_info(test, "%u of %u attempts, at most %lld us\n", began, i,
		   div_s64(longest, NSEC_PER_USEC));
	KUNIT_EXPECT_GT(test, began, 0);
	KUNIT_EXPECT_EQ_MSG(test, late, 0, "text_poke_sync() waited for a preempted task");
}

static struct kunit_case text_poke_cases[] = {
	KUNIT_CASE_SLOW(sync_beside_hogs),
	{}
};

static struct kunit_suite text_poke_suite = {
	.name = "text_poke",
	.test_cases = text_poke_cases,
};

kunit_test_suite(text_poke_suite);

MODULE_DESCRIPTION("KUnit test of text_poke_sync()");
MODULE_LICENSE("GPL");
