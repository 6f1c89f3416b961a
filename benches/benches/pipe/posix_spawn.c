// posix_spawn COUNT MIB FILE [ARG...]: starts a program COUNT times, with MIB mebibytes of memory in use, and waits for
// each to end. The starts are measured in ten parts. Prints on standard error the nanoseconds of a start and its wait
// in the fastest part.
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static long long now(void) {
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

int main(int argc, char **argv) {
	if (argc < 4 || atoi(argv[1]) < 10) return 2;
	int count = atoi(argv[1]);
	size_t size = (size_t)atoi(argv[2]) << 20;
	char *memory = malloc(size + 1);
	if (!memory) return 1;
	memset(memory, 1, size + 1);
	long long least = 1000000000000LL;
	for (int part = 0; part < 10; part++) {
		long long begin = now();
		for (int n = 0; n < count / 10; n++) {
			pid_t pid;
			int status;
			if (posix_spawn(&pid, argv[3], 0, 0, argv + 3, environ)) return 1;
			if (waitpid(pid, &status, 0) != pid || status) return 1;
		}
		long long each = (now() - begin) / (count / 10);
		if (each < least) least = each;
	}
	fprintf(stderr, "%lld\n", least);
	return memory[size] != 1;
}
