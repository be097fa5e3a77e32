/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Model of text_poke_sync(): concurrent callers share rounds of interrupts.
 *
 * Each caller calls the function once, caller N on CPU N.  Caller 0 has written
 * text before the call.  When its call returns, no running CPU may hold the old
 * bytes.  Another CPU goes online and offline meanwhile.
 *
 * A store waits in a buffer.  Stores leave the buffers in any order, at any time.
 * Interrupts and atomic operations do not wait.  Instruction fetch is the worst
 * case: a CPU holds the old bytes until it synchronises with new bytes in memory.
 *
 * -DERROR=NAME introduces one error, which an assertion or a deadlock must reveal.
 *
 * This is the code of kernel/text_poke.c that the model describes, without comments.
 *
 *	static void run_round(void)
 *	{
 *		WRITE_ONCE(rounds, rounds + 1);
 *		mb();
 *		on_each_cpu(text_poke_sync_this_cpu, NULL, true);
 *	}
 *	void text_poke_sync(void)
 *	{
 *		unsigned long seen;
 *		bool shared;
 *		lockdep_assert(early_boot_irqs_disabled || !irqs_disabled());
 *		smp_mb();
 *		seen = READ_ONCE(rounds);
 *		raw_spin_lock(&round_lock);
 *		shared = rounds != seen;
 *		if (!shared)
 *			run_round();
 *		raw_spin_unlock(&round_lock);
 *		trace_text_poke_sync(seen + 1, shared);
 *	}
 */

#define CALLERS	3
#define HOTPLUG	CALLERS		/* this CPU goes online and offline */
#define CPUS	(CALLERS + 1)

#define NONE			0
#define NO_CALLER_BARRIER	1	/* no smp_mb() before reading the count */
#define NO_ROUND_BARRIER	2	/* no mb() between count and interrupts */
#define READ_BEFORE_WRITE	3	/* read the count before writing text */
#define READ_WITH_LOCK		4	/* read the count with the lock held */
#define COUNT_AT_END		5	/* count a round when it is over */
#define WRONG_CONDITION		6	/* run a round if the count has changed */
#define UNLOCK_EARLY		7	/* release the lock before the CPUs answer */
#define NO_WAIT			8	/* return before the CPUs answer */
#define ONLINE_NO_BARRIER	9	/* CPU online: no barrier before its sync */
#define ONLINE_SYNC_FIRST	10	/* CPU online: sync before it is marked */
#define OFFLINE_IN_ROUND	11	/* CPU offline: not by stop_machine() */
#ifndef ERROR
#define ERROR	NONE
#endif

/* Memory, and stores that have not reached it. */
bool text_is_new, text_pending;
byte rounds, rounds_value[CALLERS];
bool rounds_pending[CALLERS];
bool online, online_pending;		/* CPU HOTPLUG; the others are online */

/* The holder of round_lock and the waiters cannot be preempted. */
bool locked;
byte not_preemptible;

bool interrupt[CPUS];			/* sent, not answered */
bool has_new[CPUS];			/* fetches the new text */
bool running;				/* CPU HOTPLUG has come up */

/* For the assertions only. */
bool returned;				/* caller 0 */
bool marked, has_read[CALLERS], early[CALLERS];
byte late_rounds;

#define stores_done(me)	(!rounds_pending[me] && (me != 0 || !text_pending))
#define sync_cpu(cpu)	has_new[cpu] = has_new[cpu] || text_is_new

inline read_rounds(me, value)
{
	if
	:: rounds_pending[me] -> value = rounds_value[me]
	:: else -> value = rounds
	fi
}

inline count_round(me, value)
{
	atomic {
		rounds_value[me] = value;
		rounds_pending[me] = true;
		/* Callers that have read the count by then need one round more. */
		late_rounds = late_rounds + (marked && early[me]);
		assert(late_rounds <= 1)
	}
}

inline release_lock(me)
{
	atomic { stores_done(me) -> locked = false }
}

inline send_interrupts(me)
{
	d_step {
		cpu = 0;
		do
		:: cpu < CPUS ->
			sent[cpu] = cpu != me && (cpu != HOTPLUG || online);
			interrupt[cpu] = interrupt[cpu] || sent[cpu];
			cpu++
		:: else -> break
		od;
		cpu = 0
	}
}

inline wait_for_answers()
{
	do
	:: cpu == CPUS -> break
	:: d_step { cpu < CPUS && (!sent[cpu] || !interrupt[cpu]) -> sent[cpu] = false; cpu++ }
	od
}

inline check_cpus()
{
	assert(text_is_new && has_new[0] && has_new[1] && has_new[2]);
	assert(has_new[HOTPLUG] || !running)
}

proctype caller(byte me)
{
	byte seen, now, cpu;
	bool sent[CPUS];

	if
	:: ERROR == READ_BEFORE_WRITE -> read_rounds(me, seen)
	:: else
	fi;
	if
	:: me == 0 -> text_pending = true
	:: else
	fi;

	/* text_poke_sync() */
	(ERROR == NO_CALLER_BARRIER || stores_done(me));
	atomic {
		has_read[me] = true;
		if
		:: ERROR == READ_BEFORE_WRITE || ERROR == READ_WITH_LOCK
		:: else -> read_rounds(me, seen)
		fi
	}
	not_preemptible++;
	atomic { !locked -> locked = true }
	atomic {
		read_rounds(me, now);
		if
		:: ERROR == READ_WITH_LOCK -> seen = now
		:: else
		fi
	}
	if
	:: (now == seen) != (ERROR == WRONG_CONDITION) ->
		if
		:: ERROR == COUNT_AT_END
		:: else -> count_round(me, now + 1)
		fi;
		(ERROR == NO_ROUND_BARRIER || stores_done(me));
		send_interrupts(me);
		sync_cpu(me);
		if
		:: ERROR == UNLOCK_EARLY -> release_lock(me)
		:: else
		fi;
		if
		:: ERROR == NO_WAIT
		:: else -> wait_for_answers()
		fi;
		if
		:: ERROR == COUNT_AT_END -> count_round(me, now + 1)
		:: else
		fi
	:: else
	fi;
	if
	:: ERROR == UNLOCK_EARLY && now == seen
	:: else -> release_lock(me)
	fi;
	d_step {
		not_preemptible--;
		cpu = 0; seen = 0; now = 0;	/* fewer states */
		if
		:: me == 0 -> returned = true; check_cpus()
		:: else
		fi
	}
}

proctype stores(byte me)
{
end:	do
	:: d_step { rounds_pending[me] ->
		rounds = rounds_value[me];
		rounds_value[me] = 0;
		rounds_pending[me] = false }
	:: d_step { me == 0 && text_pending -> text_is_new = true; text_pending = false }
	od
}

/* Also while the caller on this CPU waits for the lock: interrupts are enabled. */
proctype interrupts(byte cpu)
{
end:	do
	:: d_step { interrupt[cpu] && (cpu != HOTPLUG || online) ->
		sync_cpu(cpu);
		interrupt[cpu] = false }
	od
}

proctype hotplug()
{
	if
	:: ERROR == ONLINE_SYNC_FIRST -> sync_cpu(HOTPLUG)
	:: else
	fi;
	online_pending = true;
	(ERROR == ONLINE_NO_BARRIER || !online_pending);
	if
	:: ERROR == ONLINE_SYNC_FIRST
	:: else -> sync_cpu(HOTPLUG)
	fi;
	d_step { !online_pending -> running = true; assert(!returned || has_new[HOTPLUG]) }

	/* stop_machine() waits until every CPU can be preempted. */
	d_step { ERROR == OFFLINE_IN_ROUND || !not_preemptible ->
		running = false;
		online = false;
		has_new[HOTPLUG] = false }
}

proctype online_store()
{
end:	do
	:: d_step { online_pending -> online = true; online_pending = false }
	od
}

/* Any moment: note which callers have read the count. */
proctype mark()
{
	d_step {
		marked = true;
		early[0] = has_read[0];
		early[1] = has_read[1];
		early[2] = has_read[2]
	}
}

init
{
	byte n;

	atomic {
		do
		:: n < CALLERS ->
			run caller(n);
			run stores(n);
			run interrupts(n);
			n++
		:: else -> break
		od;
		run interrupts(HOTPLUG);
		run online_store();
		run hotplug();
		run mark()
	}
}
