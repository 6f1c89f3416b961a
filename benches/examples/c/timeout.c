/* timeout [OPTION]... DURATION CMD [ARG]...: ends a command that takes too long, as timeout(1)
 * does. */
#define _GNU_SOURCE
#include <getopt.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAME "timeout"
#include "duration.h"
#include "number.h"
#include "options.h"

static const char help[] =
	"usage: timeout [OPTION]... DURATION CMD [ARG]...\n"
	"Run CMD, and send SIGTERM to its process group after DURATION. 0 means no limit.\n"
	"\n"
	"  -s, --signal=SIGNAL       send this signal\n"
	"  -k, --kill-after=TIME     send SIGKILL this long after SIGNAL\n"
	"  -f, --foreground          leave CMD in the terminal's foreground\n"
	"  -h, --help                print this help\n"
	"  -V, --version             print the version\n"
	"\n"
	"Exit 124: CMD took too long; 125: timeout failed; 126: CMD cannot be executed;\n"
	"127: there is no CMD; 137: SIGKILL was sent; else the status of CMD, or 128 + N\n"
	"if signal N ended it.\n"
	"\n"
	"Examples:\n"
	"  timeout -k 5 1m make test\n"
	"      End the tests after a minute.\n";

static const struct option options[] = {
	{"signal", required_argument, NULL, 's'},
	{"kill-after", required_argument, NULL, 'k'},
	{"foreground", no_argument, NULL, 'f'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{0},
};

/* The statuses of timeout(1). */
enum { LATE = 124, FAILED = 125, CANNOT_RUN = 126, NOT_FOUND = 127 };

#define A_SIGNAL "a signal such as TERM, RTMIN+3 or 15"

/* Parses TERM, SIGTERM, term, 15, RTMIN+3 or RTMAX-3. Returns 0 if the text is no signal. */
static int parse_signal(const char *text)
{
	static const char *const names[] = {
		[SIGHUP] = "HUP", [SIGINT] = "INT", [SIGQUIT] = "QUIT", [SIGILL] = "ILL",
		[SIGTRAP] = "TRAP", [SIGABRT] = "ABRT", [SIGBUS] = "BUS", [SIGFPE] = "FPE",
		[SIGKILL] = "KILL", [SIGUSR1] = "USR1", [SIGSEGV] = "SEGV", [SIGUSR2] = "USR2",
		[SIGPIPE] = "PIPE", [SIGALRM] = "ALRM", [SIGTERM] = "TERM", [SIGSTKFLT] = "STKFLT",
		[SIGCHLD] = "CHLD", [SIGCONT] = "CONT", [SIGSTOP] = "STOP", [SIGTSTP] = "TSTP",
		[SIGTTIN] = "TTIN", [SIGTTOU] = "TTOU", [SIGURG] = "URG", [SIGXCPU] = "XCPU",
		[SIGXFSZ] = "XFSZ", [SIGVTALRM] = "VTALRM", [SIGPROF] = "PROF",
		[SIGWINCH] = "WINCH", [SIGIO] = "IO", [SIGPWR] = "PWR", [SIGSYS] = "SYS",
	};
	uint64_t number;

	if (parse_number(text, SIGRTMAX, &number))
		return number;
	if (strncasecmp(text, "SIG", 3) == 0)
		text += 3;
	for (size_t i = 1; i < sizeof names / sizeof *names; i++)
		if (names[i] && strcasecmp(text, names[i]) == 0)
			return i;
	bool is_least = strncasecmp(text, "RTMIN", 5) == 0;
	if (!is_least && strncasecmp(text, "RTMAX", 5) != 0)
		return 0;
	text += 5;
	if (*text == '\0')
		number = 0;
	else if (*text != (is_least ? '+' : '-') ||
		 !parse_number(text + 1, SIGRTMAX - SIGRTMIN, &number))
		return 0;
	return is_least ? SIGRTMIN + number : SIGRTMAX - number;
}

/* Waits for a signal of `set`. Returns 0 if none came before the deadline. */
static int next_signal(const sigset_t *set, uint64_t deadline)
{
	int number;

	do {
		struct timespec left = until(deadline);
		number = sigtimedwait(set, NULL, deadline == NEVER ? NULL : &left);
	} while (number < 0 && errno == EINTR);
	return number < 0 ? 0 : number;
}

/* Starts the command, in its own process group unless it stays in the foreground. */
static pid_t start(char **command, bool is_foreground, const sigset_t *mask)
{
	pid_t pid = fork();

	if (pid < 0)
		err(FAILED, "run %s", *command);
	if (pid > 0) {
		/* Both processes do this, so that the group exists before either continues. */
		if (!is_foreground)
			setpgid(pid, pid);
		return pid;
	}
	if (!is_foreground)
		setpgid(0, 0);
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(*command, command);
	bool is_missing = errno == ENOENT || errno == ENOTDIR || errno == ELOOP ||
			  errno == ENAMETOOLONG;
	warn("run %s", *command);
	_exit(is_missing ? NOT_FOUND : CANNOT_RUN);
}

/* Sends a signal to the command, and to its process group if it has one. An error means that it
 * has just ended, or that it has another user: no other signal would reach it either. */
static void send(pid_t child, int number, bool is_foreground)
{
	if (is_foreground || kill(-child, number) != 0)
		kill(child, number);
}

/* Waits for the end of the command. Returns the exit status. */
static int supervise(pid_t child, const sigset_t *set, int number, uint64_t limit,
		     uint64_t kill_after, bool is_foreground)
{
	uint64_t deadline = after(limit);
	bool is_late = false;

	for (;;) {
		int received = next_signal(set, deadline);
		if (received == SIGCHLD) {
			int status;
			pid_t ended;
			/* Children that this process had before its own execve(2) end too. */
			while ((ended = waitpid(-1, &status, WNOHANG)) > 0) {
				if (ended != child)
					continue;
				if (WIFEXITED(status))
					return is_late ? LATE : WEXITSTATUS(status);
				bool is_killed = WTERMSIG(status) == SIGKILL;
				return is_late && !is_killed ? LATE : 128 + WTERMSIG(status);
			}
		} else if (received != 0) {
			send(child, received, is_foreground);
			if (kill_after != NEVER) {
				number = SIGKILL;
				deadline = after(kill_after);
			}
		} else {
			is_late = true;
			send(child, number, is_foreground);
			if (number == SIGKILL) {
				deadline = NEVER;
			} else {
				/* A stopped process acts on the signal only when it continues. */
				send(child, SIGCONT, is_foreground);
				number = SIGKILL;
				deadline = after(kill_after);
			}
		}
	}
}

/* Parses a duration. 0 means that there is no limit. */
static uint64_t parse_limit(const char *option, const char *text)
{
	uint64_t limit;

	if (!parse_duration(text, &limit))
		errx(FAILED, "%s%s: expected " A_DURATION TRY_HELP, option, text);
	return limit == 0 ? NEVER : limit;
}

int main(int argc, char **argv)
{
	int number = SIGTERM, option;
	uint64_t kill_after = NEVER;
	bool is_foreground = false;

	/* With `+`, the words after the first operand are no options of this program. */
	while ((option = getopt_long(argc, argv, "+s:k:fhV", options, NULL)) != -1) {
		switch (option) {
		case 's':
			number = parse_signal(optarg);
			if (number == 0)
				errx(FAILED, "-s: %s: expected " A_SIGNAL TRY_HELP, optarg);
			break;
		case 'k':
			kill_after = parse_limit("-k: ", optarg);
			break;
		case 'f':
			is_foreground = true;
			break;
		case 'h':
			answer(help);
		case 'V':
			answer(VERSION);
		default:
			refuse(FAILED);
		}
	}
	if (optind == argc)
		errx(FAILED, "no DURATION" TRY_HELP);
	uint64_t limit = parse_limit("", argv[optind++]);
	if (optind == argc)
		errx(FAILED, "no CMD" TRY_HELP);

	/* These signals are passed on to the command. They are blocked, so none is lost. */
	sigset_t set, mask;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &mask);
	signal(SIGCHLD, SIG_DFL); /* if SIGCHLD were ignored, the status would be lost */
	pid_t child = start(&argv[optind], is_foreground, &mask);
	return supervise(child, &set, number, limit, kill_after, is_foreground);
}
