/* dns: asks a name server for the IPv4 addresses of a name (RFC 1035, an A query over UDP), and
 * prints them.
 *
 * Everybody can send a UDP datagram with a false sender, so an answer counts only if it comes
 * from the server's address and port (the socket is connected), to our random port, with our
 * random id and our question. Other datagrams are ignored. An answer is untrusted input: the
 * functions of resolv.h check its lengths and its compressed names.
 *
 * Exit status: 0 if an address was printed, 1 if not, 2 after a usage error. */
#define _GNU_SOURCE
#include <arpa/nameser.h>
#include <getopt.h>
#include <resolv.h>
#include <unistd.h>

#define NAME "dns"
#include "duration.h"
#include "net.h"
#include "number.h"
#include "options.h"

static const char help[] =
	"usage: dns [OPTION]... ADDR:PORT NAME\n"
	"Ask the name server at ADDR:PORT for the IPv4 addresses of NAME.\n"
	"\n"
	"  -t, --timeout=TIME        wait this long for an answer (default 2s)\n"
	"  -n, --tries=N             send up to N queries (default 3)\n"
	"  -h, --help                print this help\n"
	"  -V, --version             print the version\n"
	"\n"
	"Examples:\n"
	"  dns 9.9.9.9:53 www.kernel.org\n"
	"      Print the addresses of www.kernel.org.\n";

static const struct option options[] = {
	{"timeout", required_argument, NULL, 't'},
	{"tries", required_argument, NULL, 'n'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{0},
};

/* A message over UDP without an extension of the protocol. */
struct message {
	int length;
	unsigned char bytes[NS_PACKETSZ];
};

/* In the third byte of a header: this is an answer, the kind of query, and that the answer was
 * too long. */
enum { ANSWER = 0x80, OPCODE = 0x78, TRUNCATED = 0x02 };

/* Whether the message is an answer to this query: it has the same id and the same question. */
static bool is_answer(const struct message *message, const struct message *query)
{
	const unsigned char *own = query->bytes, *other = message->bytes;

	if (message->length < query->length || memcmp(own, other, 2) != 0 ||
	    (other[2] & (ANSWER | OPCODE)) != ANSWER || memcmp(own + 4, other + 4, 2) != 0)
		return false;
	/* The server may change the case of letters. Lengths and types are below the letters. */
	for (int i = NS_HFIXEDSZ; i < query->length; i++)
		if (tolower(own[i]) != tolower(other[i]))
			return false;
	return true;
}

/* Sends the query, and receives the answer. Returns false after an error; ETIMEDOUT: no answer
 * came in time. */
static bool exchange(int fd, const struct message *query, struct message *reply, uint64_t timeout)
{
	uint64_t deadline = after(timeout);

	if (send(fd, query->bytes, query->length, 0) < 0)
		return false;
	while (wait_readable(fd, deadline)) {
		reply->length = recv(fd, reply->bytes, sizeof reply->bytes, 0);
		if (reply->length < 0)
			return false;
		if (is_answer(reply, query))
			return true;
	}
	return false;
}

/* Sends the query until there is an answer. */
static void ask(const char *server, const union address *address, struct message *query,
		struct message *reply, uint64_t timeout, uint64_t tries)
{
	bool is_answered = false;
	int fd = socket(address->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		err(1, "socket %s", server);
	if (connect(fd, &address->any, sizeof *address) != 0)
		err(1, "connect %s", server);
	do {
		/* A random id. */
		if (getentropy(query->bytes, 2) != 0)
			break;
		is_answered = exchange(fd, query, reply, timeout);
	} while (!is_answered && errno == ETIMEDOUT && --tries > 0);
	if (!is_answered)
		err(1, "query %s", server);
	close(fd);
}

/* Why the server did not answer the question; NULL if it did. */
static const char *trouble(const struct message *reply)
{
	if (reply->bytes[2] & TRUNCATED)
		return "the answer is too long for UDP";
	switch (reply->bytes[3] & 0xf) {
	case ns_r_noerror:
		return NULL;
	case ns_r_formerr:
		return "the server does not understand the query (FORMERR)";
	case ns_r_servfail:
		return "the server failed (SERVFAIL)";
	case ns_r_nxdomain:
		return "no such name (NXDOMAIN)";
	case ns_r_notimpl:
		return "the server does not have such queries (NOTIMP)";
	case ns_r_refused:
		return "the server refuses to answer (REFUSED)";
	default:
		return "the server reports an unknown error";
	}
}

/* The addresses in an answer. No record with an address is shorter than 15 bytes. */
struct addresses {
	int count;
	struct in_addr list[NS_PACKETSZ / 15];
};

/* Finds the addresses of the name in the question. If the answer says that the name stands for
 * another name, these are the addresses of the other name. Returns false if the answer is
 * malformed. */
static bool find_addresses(const struct message *reply, struct addresses *found)
{
	enum { LONGEST_CHAIN = 16 };
	ns_msg message;
	ns_rr record;
	char name[NS_MAXDNAME];

	found->count = 0;
	if (ns_initparse(reply->bytes, reply->length, &message) != 0 ||
	    ns_parserr(&message, ns_s_qd, 0, &record) != 0)
		return false;
	strcpy(name, ns_rr_name(record));
	for (int i = 0; i < LONGEST_CHAIN; i++) {
		char other[NS_MAXDNAME] = "";
		for (int j = 0; j < ns_msg_count(message, ns_s_an); j++) {
			if (ns_parserr(&message, ns_s_an, j, &record) != 0)
				return false;
			if (ns_rr_class(record) != ns_c_in ||
			    strcasecmp(ns_rr_name(record), name) != 0)
				continue;
			if (ns_rr_type(record) == ns_t_a) {
				if (ns_rr_rdlen(record) != sizeof(struct in_addr))
					return false;
				memcpy(&found->list[found->count++], ns_rr_rdata(record),
				       sizeof(struct in_addr));
			} else if (ns_rr_type(record) == ns_t_cname) {
				if (dn_expand(ns_msg_base(message), ns_msg_end(message),
					      ns_rr_rdata(record), other, sizeof other) < 0)
					return false;
			}
		}
		if (found->count > 0 || other[0] == '\0')
			return true;
		strcpy(name, other);
	}
	return true; /* the names stand for each other */
}

int main(int argc, char **argv)
{
	uint64_t timeout = 2 * SECOND, tries = 3;
	int option;

	while ((option = getopt_long(argc, argv, "t:n:hV", options, NULL)) != -1) {
		switch (option) {
		case 't':
			if (!parse_duration(optarg, &timeout))
				errx(2, "-t: %s: expected " A_DURATION TRY_HELP, optarg);
			break;
		case 'n':
			if (!parse_number(optarg, 100, &tries) || tries == 0)
				errx(2, "-n: %s is not a number from 1 to 100" TRY_HELP, optarg);
			break;
		case 'h':
			answer(help);
		case 'V':
			answer(VERSION);
		default:
			refuse(2);
		}
	}
	if (argc - optind < 2)
		errx(2, "expected ADDR:PORT and NAME" TRY_HELP);
	if (argc - optind > 2)
		errx(2, "unexpected %s" TRY_HELP, argv[optind + 2]);
	const char *server = argv[optind], *name = argv[optind + 1];
	union address address = parse_address("", server);
	struct message query, reply;
	query.length = res_mkquery(ns_o_query, name, ns_c_in, ns_t_a, NULL, 0, NULL, query.bytes,
				   sizeof query.bytes);
	if (query.length < 0 || query.bytes[NS_HFIXEDSZ] == 0)
		errx(2, "%s is not the name of a host" TRY_HELP, name);
	query.bytes[3] = 0; /* musl asks for authentic data */

	ask(server, &address, &query, &reply, timeout, tries);
	if (trouble(&reply))
		errx(1, "query %s: %s", name, trouble(&reply));
	struct addresses found;
	if (!find_addresses(&reply, &found)) {
		errno = EBADMSG;
		err(1, "parse the answer of %s", server);
	}
	if (found.count == 0)
		errx(1, "query %s: no IPv4 address", name);
	for (int i = 0; i < found.count; i++)
		puts(inet_ntoa(found.list[i]));
	if (fflush(stdout) != 0 || ferror(stdout))
		err(1, "write stdout");
	return 0;
}
