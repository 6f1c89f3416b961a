/* Dates: text to seconds since 1970. */
#ifndef HTTPDATE_H
#define HTTPDATE_H

#include <stdbool.h>
#include <string.h>
#include <time.h>

#define HTTP_DATE "%a, %d %b %Y %H:%M:%S GMT"

/* Whether the year is from 0 to 9999. */
static inline bool is_in_range(time_t time)
{
	return time >= -62167219200 && time <= 253402300799;
}

/* Parses a date that is exactly as strftime(3) prints it in this form. A leap second becomes the
 * second before. */
static inline bool parse_date(const char *text, const char *form, time_t *time)
{
	struct tm tm = {0};
	char again[64];
	const char *end = strptime(text, form, &tm);

	if (!end || *end != '\0')
		return false;
	bool is_leap = tm.tm_sec == 60;
	tm.tm_sec -= is_leap;
	*time = timegm(&tm);
	tm.tm_sec += is_leap;
	/* strptime(3) is lenient. timegm(3) has corrected the day of the week, and a day that
	 * the month lacks. */
	return strftime(again, sizeof again, form, &tm) > 0 && strcmp(again, text) == 0;
}

/* Parses a date of HTTP (RFC 9110, section 5.6.7), also in the two obsolete forms. */
static inline bool parse_http_date(const char *text, time_t *time)
{
	return parse_date(text, HTTP_DATE, time) ||
	       parse_date(text, "%A, %d-%b-%y %H:%M:%S GMT", time) ||
	       parse_date(text, "%a %b %e %H:%M:%S %Y", time);
}

#endif
