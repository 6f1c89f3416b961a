/* grep: prints the lines of files that contain a fixed string, as `grep -F` does.
 *
 * Several threads search the files. The main thread prints what they found, in the order of the
 * command line; while the next file is not searched yet, the main thread searches too. A file is
 * read whole, and all bytes are text: there are no binary files.
 *
 * Exit status: 0 if a line was found, 1 if not, 2 after an error. */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "grep"
#include "options.h"

static const char help[] =
	"usage: grep [OPTION]... STRING [FILE]...\n"
	"Print the lines of all FILEs that contain STRING.\n"
	"\n"
	"  -c, --count               print only the number of lines\n"
	"  -l, --files-with-matches  print only the names of FILEs with such lines\n"
	"  -n, --line-number         print the numbers of lines\n"
	"  -i, --ignore-case         ignore the case of ASCII letters\n"
	"  -v, --invert-match        the lines that do not contain STRING\n"
	"  -h, --help                print this help\n"
	"  -V, --version             print the version\n"
	"\n"
	"Lines of STRING are several strings. Without FILE, or if FILE is -, standard\n"
	"input is read.\n"
	"\n"
	"Examples:\n"
	"  grep -in todo *.c\n"
	"      Print the lines with todo, Todo or TODO, and their numbers.\n";

static const struct option options[] = {
	{"count", no_argument, NULL, 'c'},
	{"files-with-matches", no_argument, NULL, 'l'},
	{"line-number", no_argument, NULL, 'n'},
	{"ignore-case", no_argument, NULL, 'i'},
	{"invert-match", no_argument, NULL, 'v'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{0},
};

/* The status after an error: 1 means that no line was found. */
enum { TROUBLE = 2 };

/* The most files that are searched before they are printed: this limits the memory. */
enum { AHEAD = 64 };

static bool counts, only_names, numbers, ignores_case, inverts;

/* The strings to search for, separated by newlines; in small letters if the case does not count. */
static char *strings;

/* A line that is to be printed. */
struct line {
	size_t number, begin, length;
};

/* The result of a file. */
struct found {
	bool is_ready;
	char *text;
	struct line *lines; /* empty if the lines are not printed */
	size_t line_count, count;
	const char *failed; /* the operation that failed, or NULL */
	int error;
};

static char **files;
static size_t file_count;

/* The number of the next file to search. */
static size_t next_file;

/* Files before this number may be searched. */
static size_t end_file;

/* The result of file N is at index N modulo AHEAD, until `take` removes it. */
static struct found board[AHEAD];

/* Protects `next_file`, `end_file` and `board`. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

/* Reads a file to its end into `found->text`. Returns false after an error. */
static bool read_all(int fd, struct found *found, size_t *length)
{
	struct stat stat;
	size_t capacity = 64 * 1024;

	/* One byte more, so that the end of the file is seen without a larger buffer. */
	if (fstat(fd, &stat) == 0 && S_ISREG(stat.st_mode) && stat.st_size > 0)
		capacity = stat.st_size + 1;
	for (;;) {
		char *text = realloc(found->text, capacity);
		if (!text)
			return false;
		found->text = text;
		while (*length < capacity) {
			ssize_t count = read(fd, text + *length, capacity - *length);
			if (count <= 0)
				return count == 0;
			*length += count;
		}
		capacity *= 2;
	}
}

/* Whether the line contains the string, which is in small letters if the case does not count. */
static bool contains(const char *line, size_t length, const char *string, size_t string_length)
{
	if (!ignores_case)
		return memmem(line, length, string, string_length) != NULL;
	for (; length >= string_length; line++, length--) {
		size_t same = 0;
		while (same < string_length &&
		       (char)tolower((unsigned char)line[same]) == string[same])
			same++;
		if (same == string_length)
			return true;
	}
	return false;
}

/* Whether the line is to be printed. */
static bool takes(const char *line, size_t length)
{
	const char *string = strings, *end;

	for (;; string = end + 1) {
		end = strchrnul(string, '\n');
		if (contains(line, length, string, end - string))
			return !inverts;
		if (*end == '\0')
			return inverts;
	}
}

/* Appends a line. Returns false if there is no memory. */
static bool append(struct found *found, struct line line, size_t *capacity)
{
	if (found->line_count == *capacity) {
		*capacity = 2 * *capacity + 16;
		struct line *lines = realloc(found->lines, *capacity * sizeof *lines);
		if (!lines)
			return false;
		found->lines = lines;
	}
	found->lines[found->line_count++] = line;
	return true;
}

/* Searches a file. Returns the operation that failed, or NULL. */
static const char *search(const char *file, struct found *found)
{
	bool is_stdin = strcmp(file, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open(file, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	size_t length = 0, capacity = 0, number = 0;

	if (fd < 0)
		return "open";
	bool is_read = read_all(fd, found, &length);
	int error = errno;
	if (!is_stdin)
		close(fd);
	errno = error;
	if (!is_read)
		return "read";
	for (size_t begin = 0; begin < length;) {
		const char *text = found->text + begin;
		const char *newline = memchr(text, '\n', length - begin);
		struct line line = {
			.number = ++number,
			.begin = begin,
			.length = newline ? (size_t)(newline - text) : length - begin,
		};
		if (takes(text, line.length)) {
			found->count++;
			if (only_names)
				break;
			if (!counts && !append(found, line, &capacity))
				return "search";
		}
		begin += line.length + 1;
	}
	return NULL;
}

/* Searches the next file, if there is one. The caller holds the lock. */
static void search_next(void)
{
	struct found found = {.is_ready = true};
	size_t number = next_file;

	if (number == end_file)
		return;
	next_file++;
	pthread_mutex_unlock(&lock); /* so that the other threads search other files meanwhile */
	found.failed = search(files[number], &found);
	found.error = errno;
	pthread_mutex_lock(&lock);
	board[number % AHEAD] = found;
	pthread_cond_broadcast(&changed);
}

/* Searches files until there are no more. */
static void *work(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&lock);
	while (next_file < file_count) {
		if (next_file < end_file)
			search_next();
		else
			pthread_cond_wait(&changed, &lock);
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

/* Waits for the result of a file, and removes it from the board. The caller takes the files in
 * order. */
static struct found take(size_t number)
{
	struct found *place = &board[number % AHEAD], found;

	pthread_mutex_lock(&lock);
	while (!place->is_ready) {
		if (next_file < end_file)
			search_next();
		else
			pthread_cond_wait(&changed, &lock);
	}
	found = *place;
	place->is_ready = false;
	if (end_file < file_count)
		end_file++;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	return found;
}

/* Prints the result of a file. */
static void print(const char *name, const struct found *found)
{
	if (only_names) {
		if (found->count > 0)
			printf("%s\n", name);
		return;
	}
	if (counts) {
		if (file_count > 1)
			printf("%s:", name);
		printf("%zu\n", found->count);
		return;
	}
	for (size_t i = 0; i < found->line_count; i++) {
		const struct line *line = &found->lines[i];
		if (file_count > 1)
			printf("%s:", name);
		if (numbers)
			printf("%zu:", line->number);
		fwrite(found->text + line->begin, 1, line->length, stdout);
		putchar('\n');
	}
}

static void flush(void)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		err(TROUBLE, "write stdout");
}

static void parse(int argc, char **argv)
{
	static char *standard_input[] = {"-"};
	int option;

	while ((option = getopt_long(argc, argv, "clnivhV", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			counts = true;
			break;
		case 'l':
			only_names = true;
			break;
		case 'n':
			numbers = true;
			break;
		case 'i':
			ignores_case = true;
			break;
		case 'v':
			inverts = true;
			break;
		case 'h':
			answer(help);
		case 'V':
			answer(VERSION);
		default:
			refuse(TROUBLE);
		}
	}
	if (optind == argc)
		errx(TROUBLE, "expected a STRING" TRY_HELP);
	strings = argv[optind++];
	if (ignores_case)
		for (char *letter = strings; *letter; letter++)
			*letter = tolower((unsigned char)*letter);
	files = optind < argc ? argv + optind : standard_input;
	file_count = optind < argc ? argc - optind : 1;
}

int main(int argc, char **argv)
{
	static char buffer[64 * 1024];
	int status = 1;

	parse(argc, argv);
	setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
	end_file = file_count < AHEAD ? file_count : AHEAD;
	size_t threads = sysconf(_SC_NPROCESSORS_ONLN);
	for (size_t i = 1; i < threads && i < file_count; i++) {
		pthread_t thread;
		/* Without this thread, the others have more to do. */
		if (pthread_create(&thread, NULL, work, NULL) != 0)
			break;
	}
	for (size_t i = 0; i < file_count; i++) {
		const char *name = strcmp(files[i], "-") == 0 ? "(standard input)" : files[i];
		struct found found = take(i);
		if (found.failed) {
			flush();
			errno = found.error;
			warn("%s %s", found.failed, name);
			status = TROUBLE;
		} else {
			print(name, &found);
			if (found.count > 0 && status == 1)
				status = 0;
		}
		free(found.text);
		free(found.lines);
	}
	flush();
	return status;
}
