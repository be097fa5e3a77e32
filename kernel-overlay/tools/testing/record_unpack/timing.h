/* SPDX-License-Identifier: GPL-2.0 */
/* Current time in nanoseconds, and the median of measurements. */
#ifndef _RECORD_UNPACK_TIMING_H
#define _RECORD_UNPACK_TIMING_H

#include <stdlib.h>
#include <time.h>

static inline double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e9 + ts.tv_nsec;
}

static inline int compare_doubles(const void *a, const void *b)
{
	return (*(double *)a > *(double *)b) - (*(double *)a < *(double *)b);
}

/* Sorts @values. */
static inline double median_of(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), compare_doubles);
	return values[n / 2];
}

#endif /* _RECORD_UNPACK_TIMING_H */
