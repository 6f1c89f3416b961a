/* cepoll ADDR PORT: a TCP echo server on one epoll loop, as good as we could write it in C. It is what
 * the others are compared with. Port 0 lets the kernel choose; it prints the address once it listens. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BACKLOG = 4096,
	EVENTS = 512,
	/* How many times a client is served in a row while others wait. */
	ROUNDS = 16,
};

/* Registered once: edge-triggered, nothing has to be changed when a client blocks and unblocks. */
static const uint32_t WATCHED = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

/* What was read of a client and could not be sent yet. While there is some, nothing more is read of
 * it, so TCP makes it wait. */
struct unsent {
	char *bytes;
	size_t length, sent;
};

/* By file descriptor. Of what nobody has touched, the kernel has given no memory. */
static struct unsent *table;
static size_t table_length;

static char buffer[64 * 1024];

static void die(const char *what)
{
	fprintf(stderr, "cepoll: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void end(int fd)
{
	free(table[fd].bytes);
	table[fd].bytes = NULL;
	close(fd);
}

/* Reads and sends back until the kernel has nothing or takes nothing. Where it returns before that, it
 * has asked for another event. */
static void echo(int epoll, int fd, uint32_t events)
{
	struct unsent *unsent = &table[fd];
	/* With these a short read may not be the last: the end comes behind it. */
	int more = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;

	for (int round = 0; round < ROUNDS; round++) {
		if (unsent->bytes) {
			ssize_t sent = send(fd, unsent->bytes + unsent->sent,
					    unsent->length - unsent->sent, MSG_NOSIGNAL);
			if (sent < 0) {
				if (errno != EAGAIN)
					end(fd);
				return;
			}
			unsent->sent += sent;
			if (unsent->sent == unsent->length) {
				free(unsent->bytes);
				unsent->bytes = NULL;
			}
			continue;
		}
		ssize_t got = recv(fd, buffer, sizeof buffer, 0);
		if (got <= 0) {
			if (got == 0 || errno != EAGAIN)
				end(fd);
			return;
		}
		ssize_t sent = send(fd, buffer, got, MSG_NOSIGNAL);
		if (sent < 0) {
			if (errno != EAGAIN) {
				end(fd);
				return;
			}
			sent = 0;
		}
		if (sent < got) {
			unsent->length = got - sent;
			unsent->sent = 0;
			unsent->bytes = malloc(unsent->length);
			if (!unsent->bytes) {
				end(fd);
				return;
			}
			memcpy(unsent->bytes, buffer + sent, unsent->length);
		} else if ((size_t)got < sizeof buffer && !more) {
			return;
		}
	}
	/* Others come first. This makes the kernel look whether there is more, and say so. */
	struct epoll_event event = { .events = WATCHED, .data.fd = fd };
	if (epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) < 0)
		die("epoll_ctl");
}

static void accept_all(int epoll, int listener)
{
	for (;;) {
		/* (TCP_NODELAY it has from the listener.) */
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			if (errno == ECONNABORTED || errno == EINTR)
				continue;
			/* Nobody waits; or there is no room, and the next client to come has us try again. */
			return;
		}
		struct epoll_event event = { .events = WATCHED, .data.fd = fd };
		if ((size_t)fd >= table_length || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
			close(fd);
	}
}

static int listen_at(const char *host, const char *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(atoi(port)) };
	socklen_t length = sizeof address;
	int on = 1;

	if (inet_pton(AF_INET, host, &address.sin_addr) != 1) {
		errno = EINVAL;
		die(host);
	}
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("socket");
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0)
		die("setsockopt");
	if (bind(fd, (struct sockaddr *)&address, length) < 0)
		die("bind");
	if (listen(fd, BACKLOG) < 0)
		die("listen");
	if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		die("getsockname");
	printf("listening on %s:%d\n", host, ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

int main(int count, char **arguments)
{
	static struct epoll_event events[EVENTS];
	struct rlimit limit;

	if (count != 3) {
		fprintf(stderr, "usage: cepoll ADDR PORT\n");
		return 2;
	}
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		die("getrlimit");
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		die("setrlimit");
	table_length = limit.rlim_cur;
	table = calloc(table_length, sizeof *table);
	if (!table)
		die("calloc");

	int epoll = epoll_create1(EPOLL_CLOEXEC);
	if (epoll < 0)
		die("epoll_create1");
	int listener = listen_at(arguments[1], arguments[2]);
	struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.fd = listener };
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) < 0)
		die("epoll_ctl");

	for (;;) {
		int ready = epoll_wait(epoll, events, EVENTS, -1);
		if (ready < 0 && errno != EINTR)
			die("epoll_wait");
		for (int i = 0; i < ready; i++) {
			int fd = events[i].data.fd;
			/* (One that ended in this round, and whose number another has by now, is served
			 * in its place: it finds nothing, or its own.) */
			if (fd == listener)
				accept_all(epoll, listener);
			else
				echo(epoll, fd, events[i].events);
		}
	}
}
