/* The end of a usage error, and the answer to --help and --version. The program defines NAME
 * first. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#define TRY_HELP "\nTry '" NAME " --help'."
#define VERSION NAME " (ring3) 0.1.0\n"

/* Prints `text`, and ends the program. */
static inline _Noreturn void answer(const char *text)
{
	if (fputs(text, stdout) < 0 || fflush(stdout) != 0)
		err(1, "write stdout");
	exit(0);
}

/* Ends the program after getopt_long(3) has printed why it refuses an option. */
static inline _Noreturn void refuse(int status)
{
	fputs(TRY_HELP + 1, stderr);
	fputc('\n', stderr);
	exit(status);
}

#endif
