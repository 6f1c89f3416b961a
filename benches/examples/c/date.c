/* date [OPTION]...: prints the time of UTC as RFC 3339 or as HTTP does. */
#define _GNU_SOURCE
#include <getopt.h>
#include <signal.h>

#define NAME "date"
#include "httpdate.h"
#include "number.h"
#include "options.h"

static const char help[] =
	"usage: date [OPTION]...\n"
	"Print the date and the time of UTC, as RFC 3339 does.\n"
	"\n"
	"  -d, --date=DATE           print this date: @SECONDS, RFC 3339 or HTTP\n"
	"      --http                print the date as HTTP does\n"
	"  -h, --help                print this help\n"
	"  -V, --version             print the version\n"
	"\n"
	"DATE has years from 0 to 9999; @SECONDS counts from 1970, and may be negative.\n"
	"\n"
	"Examples:\n"
	"  date -d '2026-11-29T15:04:05+01:00'\n"
	"      Convert a local time to UTC.\n";

static const struct option options[] = {
	{"date", required_argument, NULL, 'd'},
	{"http", no_argument, NULL, 'H'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{0},
};

/* Parses `1994-11-06T08:49:37.25+01:00`. Of the fraction nine digits count. */
static bool parse_rfc3339(const char *text, struct timespec *time)
{
	char second[] = "1994-11-06T08:49:37";
	size_t length = strlen(second);

	if (strlen(text) <= length || !strchr("Tt ", text[10]))
		return false;
	memcpy(second, text, length);
	second[10] = 'T';
	if (!parse_date(second, "%Y-%m-%dT%H:%M:%S", &time->tv_sec))
		return false;
	text += length;
	if (*text == '.') {
		if (!isdigit((unsigned char)*++text))
			return false;
		for (long worth = 100000000; isdigit((unsigned char)*text); worth /= 10)
			time->tv_nsec += (*text++ - '0') * worth;
	}
	if (strcasecmp(text, "Z") == 0)
		return true;

	struct tm offset;
	const char *end = strptime(text + 1, "%H:%M", &offset);
	if (strlen(text) != strlen("+01:00") || !strchr("+-", *text) || !end || *end != '\0')
		return false;
	time_t seconds = offset.tm_hour * 3600 + offset.tm_min * 60;
	time->tv_sec += *text == '-' ? seconds : -seconds;
	return is_in_range(time->tv_sec);
}

#define A_DATE "a date such as @784111777 or 1994-11-06T08:49:37Z"

/* Parses a date in one of the three forms. */
static bool parse(const char *text, struct timespec *time)
{
	*time = (struct timespec){0};
	if (*text != '@')
		return parse_rfc3339(text, time) || parse_http_date(text, &time->tv_sec);
	uint64_t seconds;
	bool is_negative = *++text == '-';
	if (!parse_number(text + is_negative, INT64_MAX, &seconds))
		return false;
	time->tv_sec = is_negative ? -(time_t)seconds : (time_t)seconds;
	return is_in_range(time->tv_sec);
}

int main(int argc, char **argv)
{
	struct timespec time;
	bool is_http = false;
	int option;

	/* A write then fails with EPIPE or EFBIG, and the error is reported. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	clock_gettime(CLOCK_REALTIME, &time);
	while ((option = getopt_long(argc, argv, "d:hV", options, NULL)) != -1) {
		switch (option) {
		case 'd':
			if (!parse(optarg, &time))
				errx(2, "-d: %s: expected " A_DATE TRY_HELP, optarg);
			break;
		case 'H':
			is_http = true;
			break;
		case 'h':
			answer(help);
		case 'V':
			answer(VERSION);
		default:
			refuse(2);
		}
	}
	if (optind < argc)
		errx(2, "unexpected %s" TRY_HELP, argv[optind]);

	char text[64];
	long nanoseconds = time.tv_nsec;
	const struct tm *tm = gmtime(&time.tv_sec);
	if (is_http) {
		strftime(text, sizeof text, HTTP_DATE, tm);
		printf("%s\n", text);
	} else {
		strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", tm);
		fputs(text, stdout);
		if (nanoseconds % 1000 != 0)
			printf(".%09ld", nanoseconds);
		else if (nanoseconds % 1000000 != 0)
			printf(".%06ld", nanoseconds / 1000);
		else if (nanoseconds != 0)
			printf(".%03ld", nanoseconds / 1000000);
		puts("Z");
	}
	if (fflush(stdout) != 0 || ferror(stdout))
		err(1, "write stdout");
	return 0;
}
