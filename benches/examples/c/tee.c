/* tee [OPTION]... [FILE]...: copies standard input to standard output and to files, as tee(1) does.
 *
 * An output that fails is reported and closed; the others continue. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

#define NAME "tee"
#include "options.h"

static const char help[] =
	"usage: tee [OPTION]... [FILE]...\n"
	"Copy standard input to standard output, and to each FILE.\n"
	"\n"
	"  -a, --append              append to each FILE, do not truncate it\n"
	"  -i, --ignore-interrupts   ignore SIGINT\n"
	"  -h, --help                print this help\n"
	"  -V, --version             print the version\n"
	"\n"
	"Exit 1: an output failed; the others are complete.\n"
	"\n"
	"Examples:\n"
	"  make 2>&1 | tee log\n"
	"      Show the messages, and keep them.\n";

static const struct option options[] = {
	{"append", no_argument, NULL, 'a'},
	{"ignore-interrupts", no_argument, NULL, 'i'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{0},
};

/* Where the bytes go. */
struct output {
	const char *name;
	int fd;
};

static bool write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t count = write(fd, bytes, length);
		if (count < 0)
			return false;
		bytes += count;
		length -= count;
	}
	return true;
}

int main(int argc, char **argv)
{
	static char buffer[64 * 1024];
	int how = O_TRUNC, status = 0, option;

	/* A write then fails with EPIPE or EFBIG, and only that output ends. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	while ((option = getopt_long(argc, argv, "aihV", options, NULL)) != -1) {
		switch (option) {
		case 'a':
			how = O_APPEND;
			break;
		case 'i':
			signal(SIGINT, SIG_IGN);
			break;
		case 'h':
			answer(help);
		case 'V':
			answer(VERSION);
		default:
			refuse(2);
		}
	}

	struct output *outputs = malloc((argc - optind + 1) * sizeof *outputs);
	size_t count = 0;
	if (!outputs)
		err(1, "allocate outputs");
	outputs[count++] = (struct output){"stdout", STDOUT_FILENO};
	for (; optind < argc; optind++) {
		const char *path = argv[optind];
		int fd = open(path, O_WRONLY | O_CREAT | O_NOCTTY | O_CLOEXEC | how, 0666);
		if (fd < 0) {
			warn("open %s", path);
			status = 1;
		} else {
			outputs[count++] = (struct output){path, fd};
		}
	}

	while (count > 0) {
		ssize_t length = read(STDIN_FILENO, buffer, sizeof buffer);
		if (length < 0)
			err(1, "read stdin");
		if (length == 0)
			break;
		size_t kept = 0;
		for (size_t i = 0; i < count; i++) {
			if (write_all(outputs[i].fd, buffer, length)) {
				outputs[kept++] = outputs[i];
			} else {
				warn("write %s", outputs[i].name);
				status = 1;
				close(outputs[i].fd);
			}
		}
		count = kept;
	}
	/* A network file system may report only now that there was no space. */
	for (size_t i = 0; i < count; i++) {
		if (close(outputs[i].fd) != 0) {
			warn("close %s", outputs[i].name);
			status = 1;
		}
	}
	return status;
}
