/* Addresses, and waiting for a socket. */
#ifndef NET_H
#define NET_H

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "duration.h"
#include "number.h"
#include "options.h"

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* Parses the zone of an IPv6 address: the number or the name of an interface. */
static inline uint32_t parse_zone(const char *zone)
{
	uint64_t number;

	if (parse_number(zone, UINT32_MAX, &number))
		return number;
	number = if_nametoindex(zone);
	if (number == 0)
		err(1, "ioctl interface %s", zone);
	return number;
}

#define AN_ADDRESS "a numeric address such as 127.0.0.1:7007 or [::1]:7007"

/* Parses 127.0.0.1:7007, [::1]:7007 or [fe80::1%eth0]:7007. Ends the program if the text is no such
 * address; the message begins with `option`. */
static inline union address parse_address(const char *option, const char *text)
{
	union address address = {0};
	char host[64] = "";
	const char *colon = strrchr(text, ':');
	uint64_t port;
	size_t length = colon ? colon - text : 0;
	bool is_right = false;

	if (length > 0 && length < sizeof host && parse_number(colon + 1, 65535, &port)) {
		memcpy(host, text, length);
		if (host[0] != '[') {
			address.v4.sin_family = AF_INET;
			address.v4.sin_port = htons(port);
			is_right = inet_pton(AF_INET, host, &address.v4.sin_addr) == 1;
		} else if (host[length - 1] == ']') {
			host[length - 1] = '\0';
			char *zone = strchr(host, '%');
			if (zone)
				*zone++ = '\0';
			address.v6.sin6_family = AF_INET6;
			address.v6.sin6_port = htons(port);
			is_right = inet_pton(AF_INET6, host + 1, &address.v6.sin6_addr) == 1 &&
				   (!zone || *zone != '\0');
			if (is_right && zone)
				address.v6.sin6_scope_id = parse_zone(zone);
		}
	}
	if (!is_right)
		errx(2, "%s%s: expected " AN_ADDRESS TRY_HELP, option, text);
	if (address.any.sa_family == AF_INET6 && address.v6.sin6_scope_id == 0 &&
	    IN6_IS_ADDR_LINKLOCAL(&address.v6.sin6_addr))
		errx(2, "%s%s: expected a zone, as in [fe80::1%%eth0]:7007" TRY_HELP, option, text);
	return address;
}

/* Waits until a socket can be read. Returns false after an error; ETIMEDOUT: the deadline has
 * passed. */
static inline bool wait_readable(int fd, uint64_t deadline)
{
	struct pollfd readable = {.fd = fd, .events = POLLIN};
	struct timespec left = until(deadline);
	/* A stranger may send all the time: after the deadline, nothing is read. */
	bool is_late = left.tv_sec == 0 && left.tv_nsec == 0;
	int ready = is_late ? 0 : ppoll(&readable, 1, deadline == NEVER ? NULL : &left, NULL);

	if (ready == 0)
		errno = ETIMEDOUT;
	return ready > 0;
}

#endif
