/* cepoll ADDR PORT: a TCP echo server with one epoll loop, as fast as we could write it in C. The other
 * servers are compared with it. With port 0, the kernel chooses the port. Prints the address when it listens. */
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

/* The events of a client, registered once. They are edge-triggered, so that the set need not change when a
 * client becomes blocked or unblocked. */
static const uint32_t WATCHED = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;

/* Bytes that were read from a client and could not be sent yet. While there are any, nothing more is read from
 * this client, so TCP makes it wait (back-pressure). */
struct unsent {
	char *bytes;
	size_t length, sent;
};

/* Indexed by file descriptor. Pages of the table that were never used take no memory. */
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

/* Reads and sends back until a read or a send would block. If it returns earlier, it has asked the kernel for
 * another event. */
static void echo(int epoll, int fd, uint32_t events)
{
	struct unsent *unsent = &table[fd];
	/* With these events there can be more to read after a short read: a read stops before EOF. */
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
	/* Other clients come first. This makes the kernel report the client again if there is more to do. */
	struct epoll_event event = { .events = WATCHED, .data.fd = fd };
	if (epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event) < 0)
		die("epoll_ctl");
}

static void accept_all(int epoll, int listener)
{
	for (;;) {
		/* The connection inherits TCP_NODELAY from the listener. */
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0) {
			if (errno == ECONNABORTED || errno == EINTR)
				continue;
			/* The accept queue is empty; or there is no descriptor, and the next client's event makes
			 * us try again. */
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
			/* If a client of this round was closed, a new client can have its descriptor by now. Then
			 * the new client is served: that finds EAGAIN, or bytes of the new client. */
			if (fd == listener)
				accept_all(epoll, listener);
			else
				echo(epoll, fd, events[i].events);
		}
	}
}
