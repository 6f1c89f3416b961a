/* Durations and deadlines, in nanoseconds. */
#ifndef DURATION_H
#define DURATION_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND UINT64_C(1000000000)

/* A deadline that does not come. */
#define NEVER UINT64_MAX

#define A_DURATION "a duration such as 0.5, 90s, 5m, 2h or 10ms"

/* Parses a duration of at most a century: a number that may have a fraction, and a unit. Without
 * a unit, the number is in seconds. */
static inline bool parse_duration(const char *text, uint64_t *duration)
{
	static const struct {
		const char *name;
		uint64_t length;
	} units[] = {
		{"", SECOND},       {"ns", 1},          {"us", 1000},        {"ms", 1000000},
		{"s", SECOND},      {"m", 60 * SECOND}, {"h", 3600 * SECOND}, {"d", 86400 * SECOND},
	};
	char *unit;
	size_t digits = strspn(text, "0123456789.");
	double number = strtod(text, &unit);

	if (digits == 0 || unit != text + digits)
		return false;
	for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
		if (strcmp(unit, units[i].name) == 0) {
			double product = number * units[i].length;
			bool is_short = product <= 36500.0 * 86400 * SECOND;
			*duration = is_short ? product : NEVER;
			return is_short;
		}
	}
	return false;
}

static inline uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * SECOND + time.tv_nsec;
}

/* The deadline after a time; NEVER after NEVER. */
static inline uint64_t after(uint64_t duration)
{
	return duration == NEVER ? NEVER : now() + duration;
}

/* The time until a deadline; 0 if it has passed. */
static inline struct timespec until(uint64_t deadline)
{
	uint64_t time = now(), left = deadline > time ? deadline - time : 0;

	return (struct timespec){.tv_sec = left / SECOND, .tv_nsec = left % SECOND};
}

#endif
