/* httpd: serves the files of a directory over HTTP/1.1 (RFC 9110, RFC 9112), with a thread for
 * each connection.
 *
 * - Methods GET and HEAD; one `Range`; `Last-Modified` and `If-Modified-Since`; connections stay
 *   open.
 * - No path leads out of the directory, by `..` or by a symbolic link: the kernel resolves it
 *   with RESOLVE_BENEATH. Where the kernel lacks this, no symbolic link is followed.
 * - What one client may take is bounded: the bytes of a request, the time for sending one, the
 *   time of a pause in receiving an answer. The number of connections is bounded too: further
 *   clients wait in the kernel's queue. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <locale.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

#define NAME "httpd"
#include "duration.h"
#include "httpdate.h"
#include "net.h"
#include "number.h"
#include "options.h"

static const char help[] =
	"usage: httpd [OPTION]... [DIRECTORY]\n"
	"Serve the files of DIRECTORY, or of the current directory, over HTTP.\n"
	"\n"
	"  -l, --listen=ADDR:PORT    the address (default 127.0.0.1:8000)\n"
	"  -t, --timeout=TIME        wait this long for a client (default 10s)\n"
	"  -m, --most=N              serve up to N connections at once (default 100)\n"
	"  -h, --help                print this help\n"
	"  -V, --version             print the version\n"
	"\n"
	"Each answer is reported on standard output.\n"
	"\n"
	"Examples:\n"
	"  httpd -l 0.0.0.0:8000 /srv/www\n"
	"      Serve /srv/www to the network.\n";

static const struct option options[] = {
	{"listen", required_argument, NULL, 'l'},
	{"timeout", required_argument, NULL, 't'},
	{"most", required_argument, NULL, 'm'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{0},
};

enum {
	/* The most bytes of a request. */
	LONGEST = 8192,
	/* The most names in the page of a directory. */
	MOST_NAMES = 10000,
};

#define HTML "text/html; charset=utf-8"
#define TEXT "text/plain; charset=utf-8"
#define BAD_REQUEST "400 Bad Request"

/* The directory that is served. */
static int root;

static uint64_t timeout = 10 * SECOND;

/* How many connections may be added. */
static sem_t places;

struct client {
	int fd;
	union address address;
	size_t used;  /* the bytes in the buffer */
	size_t taken; /* the bytes of the last request, at the beginning of the buffer */
	char buffer[LONGEST];
};

/* A request that this server understands. The strings are in the client's buffer. */
struct request {
	bool is_head;     /* the method is HEAD, not GET */
	bool is_old;      /* the client speaks HTTP/1.0 */
	bool keeps_open;  /* the client may send another request */
	bool has_since;   /* there is an `If-Modified-Since` */
	time_t since;
	char *range;      /* the value of `Range`, or NULL */
	const char *path; /* decoded, without the first slash */
};

/* An answer: a file, a page, or the words of the status. */
struct answer {
	const char *status;
	int file;          /* the file, or -1 */
	char *page;        /* the page, or NULL */
	size_t page_length;
	uint64_t size;     /* the length of the file */
	uint64_t start;    /* the part of the file that is sent */
	uint64_t end;
	bool has_modified; /* the time of the file's last change is known */
	time_t modified;
	const char *media;
};

static int code(const struct answer *answer)
{
	return atoi(answer->status);
}

/* Requests. */

/* Receives bytes. Returns how many; 0 is the end, -1 an error. ETIMEDOUT: they did not come in
 * time. EMSGSIZE: the buffer is full. */
static ssize_t receive(struct client *client, uint64_t deadline)
{
	ssize_t count;

	if (client->used == sizeof client->buffer) {
		errno = EMSGSIZE;
		return -1;
	}
	if (!wait_readable(client->fd, deadline))
		return -1;
	count = recv(client->fd, client->buffer + client->used,
		     sizeof client->buffer - client->used, 0);
	if (count > 0)
		client->used += count;
	return count;
}

/* The length of the lines up to the first empty line; 0 if there is no empty line yet. Empty
 * lines before the request are a part of it. */
static size_t head_length(const struct client *client)
{
	const char *line = client->buffer, *end = line + client->used, *newline;
	bool is_begun = false;

	while ((newline = memchr(line, '\n', end - line))) {
		bool is_empty = newline == line || (newline == line + 1 && *line == '\r');
		line = newline + 1;
		if (is_empty && is_begun)
			return line - client->buffer;
		is_begun |= !is_empty;
	}
	return 0;
}

/* Receives the next request. Returns 1; 0 if the client has ended the connection; -1 after an
 * error. The deadline is for the whole request, so that a client cannot hold the connection by
 * sending a byte now and then. */
static int receive_head(struct client *client, uint64_t deadline)
{
	client->used -= client->taken;
	memmove(client->buffer, client->buffer + client->taken, client->used);
	client->taken = 0;
	for (;;) {
		client->taken = head_length(client);
		if (client->taken > 0)
			return 1;
		ssize_t count = receive(client, deadline);
		if (count <= 0)
			return count;
	}
}

static char *trim(char *text)
{
	size_t length;

	while (isspace((unsigned char)*text))
		text++;
	length = strlen(text);
	while (length > 0 && isspace((unsigned char)text[length - 1]))
		length--;
	text[length] = '\0';
	return text;
}

/* Decodes the path in a request's target, `/path?query` or `http://host/path?query`, in its
 * place. Returns the status of an error, or NULL. */
static const char *parse_path(char *target, const char **path)
{
	if (strncasecmp(target, "http://", 7) == 0) {
		target += 7;
		target += strcspn(target, "/?");
	} else if (*target != '/') {
		return BAD_REQUEST;
	}
	target[strcspn(target, "?#")] = '\0';

	char *out = target;
	for (const char *in = target; *in; in++) {
		char digits[3] = "";
		if (*in != '%') {
			*out++ = *in;
			continue;
		}
		if (!isxdigit((unsigned char)in[1]) || !isxdigit((unsigned char)in[2]))
			return BAD_REQUEST;
		memcpy(digits, in + 1, 2);
		*out = strtoul(digits, NULL, 16);
		if (*out++ == '\0')
			return BAD_REQUEST;
		in += 2;
	}
	*out = '\0';
	target += strspn(target, "/");
	*path = target;
	return strlen(target) < PATH_MAX ? NULL : "414 URI Too Long";
}

/* Splits off a line, and its `\r`. */
static char *next_line(char **text)
{
	char *line = strsep(text, "\n");
	size_t length = line ? strlen(line) : 0;

	if (length > 0 && line[length - 1] == '\r')
		line[length - 1] = '\0';
	return line;
}

/* Parses the request that was received last. Returns the status of an error, or NULL. */
static const char *parse_request(struct client *client, struct request *request)
{
	char *head = client->buffer, *line;
	int hosts = 0;
	bool has_body = false, has_tags = false, has_condition = false;

	head[client->taken - 1] = '\0'; /* the last newline */
	if (strlen(head) != client->taken - 1)
		return BAD_REQUEST;
	do
		line = next_line(&head);
	while (*line == '\0');
	const char *method = strsep(&line, " ");
	char *target = strsep(&line, " ");
	const char *version = strsep(&line, " ");
	if (!version || line)
		return BAD_REQUEST;
	*request = (struct request){0};
	request->is_old = strcmp(version, "HTTP/1.0") == 0;
	request->keeps_open = !request->is_old;
	if (!request->is_old && (strncmp(version, "HTTP/1.", 7) != 0 || version[7] < '1' ||
				 version[7] > '9' || version[8] != '\0'))
		return "505 HTTP Version Not Supported";
	request->is_head = strcmp(method, "HEAD") == 0;
	if (!request->is_head && strcmp(method, "GET") != 0)
		return "501 Not Implemented";
	const char *status = parse_path(target, &request->path);
	if (status)
		return status;

	while ((line = next_line(&head)) && *line != '\0') {
		char *name = strsep(&line, ":"), *value = line, *word;
		/* A space before the name continues the line before, which has not been allowed
		 * for long. */
		if (!value || *name == '\0')
			return BAD_REQUEST;
		for (const char *letter = name; *letter; letter++)
			if (!isgraph((unsigned char)*letter))
				return BAD_REQUEST;
		value = trim(value);
		if (strcasecmp(name, "Host") == 0) {
			hosts++;
		} else if (strcasecmp(name, "Connection") == 0) {
			while ((word = strsep(&value, ","))) {
				word = trim(word);
				if (strcasecmp(word, "close") == 0)
					request->keeps_open = false;
				else if (strcasecmp(word, "keep-alive") == 0)
					request->keeps_open = true;
			}
		} else if (strcasecmp(name, "If-Modified-Since") == 0) {
			request->has_since = parse_http_date(value, &request->since);
		} else if (strcasecmp(name, "Range") == 0) {
			request->range = value;
		} else if (strcasecmp(name, "If-None-Match") == 0) {
			has_tags = true;
		} else if (strcasecmp(name, "If-Range") == 0) {
			has_condition = true;
		} else if (strcasecmp(name, "Transfer-Encoding") == 0 ||
			   strcasecmp(name, "Content-Length") == 0) {
			has_body |= strcmp(value, "0") != 0;
		}
	}
	if (hosts > 1 || (hosts == 0 && !request->is_old))
		return BAD_REQUEST;
	/* A request with a body must not be followed by another: nobody reads the body. */
	request->keeps_open &= !has_body;
	/* This server gives no file a tag, so no tag matches; but then the time does not count. */
	request->has_since &= !has_tags;
	if (has_condition)
		request->range = NULL;
	return NULL;
}

/* Files. */

/* For reading. With O_NONBLOCK, opening a FIFO does not wait for a writer. */
#define READ (O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

/* Opens directory after directory, and follows no symbolic link. */
static int open_by_names(const char *path)
{
	char copy[PATH_MAX], *left = copy, *name;
	int dir = openat(root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC), file, error;

	strcpy(copy, path);
	while (dir >= 0 && (name = strsep(&left, "/"))) {
		if (*name == '\0' || strcmp(name, ".") == 0)
			continue;
		if (strcmp(name, "..") == 0) {
			errno = EXDEV;
			file = -1;
		} else if (left) {
			file = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		} else {
			file = openat(dir, name, READ | O_NOFOLLOW);
		}
		error = errno;
		close(dir);
		errno = error;
		if (file < 0 || !left)
			return file;
		dir = file;
	}
	if (dir < 0)
		return -1;
	file = openat(dir, ".", READ | O_DIRECTORY);
	error = errno;
	close(dir);
	errno = error;
	return file;
}

/* Opens the file at a path from the network. EXDEV: the path leads out of the root. */
static int open_beneath(const char *path)
{
	/* As in linux/openat2.h, which musl-gcc does not find. */
	struct {
		uint64_t flags, mode, resolve;
	} how = {.flags = READ, .resolve = 0x08 /* RESOLVE_BENEATH */};
	int file;

	if (*path == '\0')
		path = ".";
	file = syscall(SYS_openat2, root, path, &how, sizeof how);
	/* An old kernel, or a filter of system calls; or directories are renamed again and
	 * again. */
	if (file < 0 && (errno == ENOSYS || errno == EPERM || errno == EAGAIN))
		return open_by_names(path);
	return file;
}

/* The media type of a file, by the extension of its name. */
static const char *media_type(const char *path)
{
	static const struct {
		const char *extension, *media;
	} types[] = {
		{"html", HTML},
		{"htm", HTML},
		{"txt", TEXT},
		{"md", TEXT},
		{"rs", TEXT},
		{"c", TEXT},
		{"h", TEXT},
		{"toml", TEXT},
		{"log", TEXT},
		{"css", "text/css; charset=utf-8"},
		{"js", "text/javascript; charset=utf-8"},
		{"mjs", "text/javascript; charset=utf-8"},
		{"json", "application/json"},
		{"svg", "image/svg+xml"},
		{"png", "image/png"},
		{"jpg", "image/jpeg"},
		{"jpeg", "image/jpeg"},
		{"gif", "image/gif"},
		{"webp", "image/webp"},
		{"ico", "image/vnd.microsoft.icon"},
		{"woff2", "font/woff2"},
		{"pdf", "application/pdf"},
		{"wasm", "application/wasm"},
	};
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && dot > name && i < sizeof types / sizeof *types; i++)
		if (strcmp(dot + 1, types[i].extension) == 0)
			return types[i].media;
	return "application/octet-stream";
}

/* Directories. */

/* Prints text in HTML. */
static void print_escaped(FILE *out, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\'':
			fputs("&#39;", out);
			break;
		default:
			putc(*text, out);
		}
	}
}

/* Prints a path in a URL (RFC 3986). */
static void print_encoded(FILE *out, const char *path)
{
	for (; *path; path++) {
		unsigned char byte = *path;
		if (isalnum(byte) || strchr("-._~/", byte))
			putc(byte, out);
		else
			fprintf(out, "%%%02x", byte);
	}
}

struct entry {
	char *name;
	bool is_directory;
};

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

/* Reads the entries of a directory, and sorts them. Returns how many were read, at most one more
 * than MOST_NAMES; -1 after an error. */
static int read_entries(DIR *dir, struct entry *entries)
{
	int count = 0;
	struct dirent *entry;
	struct stat stat;

	while (errno = 0, count <= MOST_NAMES && (entry = readdir(dir))) {
		bool is_directory = entry->d_type == DT_DIR;
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (entry->d_type == DT_UNKNOWN) {
			if (fstatat(dirfd(dir), entry->d_name, &stat, AT_SYMLINK_NOFOLLOW) != 0)
				continue; /* the name was removed meanwhile */
			is_directory = S_ISDIR(stat.st_mode);
		}
		char *name = strdup(entry->d_name);
		if (!name)
			break;
		entries[count++] = (struct entry){name, is_directory};
	}
	if (errno != 0) {
		while (count > 0)
			free(entries[--count].name);
		return -1;
	}
	qsort(entries, count < MOST_NAMES ? count : MOST_NAMES, sizeof *entries, compare);
	return count;
}

/* Lists a directory as a page of HTML. `path` is its path as the client wrote it, decoded.
 * Returns false after an error. */
static bool list(int file, const char *path, struct answer *answer)
{
	DIR *dir = fdopendir(file);
	struct entry *entries = malloc((MOST_NAMES + 1) * sizeof *entries);
	int count = dir && entries ? read_entries(dir, entries) : -1;
	FILE *out = count >= 0 ? open_memstream(&answer->page, &answer->page_length) : NULL;
	int error = errno;
	bool is_complete = false;

	if (dir)
		closedir(dir);
	else
		close(file);
	if (out) {
		fputs("<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\">", out);
		fputs("<title>Index of /", out);
		print_escaped(out, path);
		fputs("</title></head>\n<body><h1>Index of /", out);
		print_escaped(out, path);
		fputs("</h1>\n<ul>\n", out);
		if (*path)
			fputs("<li><a href=\"../\">../</a></li>\n", out);
		for (int i = 0; i < count && i < MOST_NAMES; i++) {
			const char *slash = entries[i].is_directory ? "/" : "";
			/* Without `./`, the name `a:b` would be an address with the scheme `a`. */
			fputs("<li><a href=\"./", out);
			print_encoded(out, entries[i].name);
			fprintf(out, "%s\">", slash);
			print_escaped(out, entries[i].name);
			fprintf(out, "%s</a></li>\n", slash);
		}
		fputs("</ul>\n", out);
		if (count > MOST_NAMES)
			fprintf(out, "<p>The directory has more than %d names.</p>\n", MOST_NAMES);
		fputs("</body></html>\n", out);
		is_complete = !ferror(out);
		is_complete &= fclose(out) == 0;
		error = ENOMEM;
	}
	while (count > 0)
		free(entries[--count].name);
	free(entries);
	errno = error;
	return is_complete;
}

/* Answers. */

/* Parses the value of `Range`: `bytes=FIRST-LAST`, `bytes=FIRST-` or `bytes=-COUNT`. Returns
 * false if the value is to be ignored, as several parts are. */
static bool parse_range(char *range, uint64_t size, uint64_t *start, uint64_t *end)
{
	uint64_t first, last = UINT64_MAX;
	char *dash = strchr(range, '-');

	if (strncmp(range, "bytes=", 6) != 0 || !dash)
		return false;
	*dash++ = '\0';
	range += 6;
	if (*range == '\0') {
		uint64_t count;
		if (!parse_number(dash, UINT64_MAX, &count))
			return false;
		first = count < size ? size - count : 0;
	} else if (!parse_number(range, UINT64_MAX, &first) ||
		   (*dash != '\0' && !parse_number(dash, UINT64_MAX, &last))) {
		return false;
	}
	*start = first;
	*end = last < size ? last + 1 : size;
	return first <= last;
}

/* The status for a file that cannot be served. A client is not told whether a path leads out of the
 * directory. */
static const char *refusal(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
	case EXDEV:
	case ELOOP:
	case ENAMETOOLONG:
		return "404 Not Found";
	case EACCES:
	case ENXIO:
		return "403 Forbidden";
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return "503 Service Unavailable";
	default:
		return "500 Internal Server Error";
	}
}

/* Finds the answer to a request. */
static void find(const struct request *request, struct answer *answer)
{
	const char *path = request->path;
	size_t length = strlen(path);
	struct stat stat;
	int file = open_beneath(path);

	if (file < 0 || fstat(file, &stat) != 0) {
		answer->status = refusal(errno);
		if (file >= 0)
			close(file);
		return;
	}
	if (S_ISDIR(stat.st_mode) && (length == 0 || path[length - 1] == '/')) {
		answer->media = HTML;
		answer->status = list(file, path, answer) ? "200 OK" : refusal(errno);
		return;
	}
	if (!S_ISREG(stat.st_mode)) {
		/* Reading a device or a FIFO may wait, or change it. */
		answer->status = S_ISDIR(stat.st_mode) ? "301 Moved Permanently" : refusal(EACCES);
		close(file);
		return;
	}

	/* A time in the future would keep clients from noticing a change until then. */
	time_t present = time(NULL);
	answer->modified = stat.st_mtime < present ? stat.st_mtime : present;
	answer->has_modified = is_in_range(answer->modified);
	answer->file = file;
	answer->size = stat.st_size;
	answer->end = answer->size;
	answer->media = media_type(path);
	answer->status = "200 OK";
	if (request->has_since && answer->modified <= request->since) {
		answer->status = "304 Not Modified";
	} else if (request->range && !request->is_head) { /* a part is only of the answer to GET */
		uint64_t start, end;
		if (!parse_range(request->range, answer->size, &start, &end))
			return;
		if (start < end) {
			answer->status = "206 Partial Content";
			answer->start = start;
			answer->end = end;
		} else {
			answer->status = "416 Range Not Satisfiable";
			answer->media = TEXT;
			answer->has_modified = false;
			answer->file = -1;
			close(file);
		}
	}
}

static void print_date(FILE *out, const char *field, time_t time)
{
	struct tm tm;
	char text[64];

	strftime(text, sizeof text, HTTP_DATE, gmtime_r(&time, &tm));
	fprintf(out, "%s: %s\r\n", field, text);
}

/* Prints all of an answer that is not in a file. `request` is NULL if the request was not
 * understood. */
static void print_answer(FILE *out, const struct request *request, const struct answer *answer)
{
	fprintf(out, "HTTP/1.1 %s\r\n", answer->status);
	print_date(out, "Date", time(NULL));
	if (!request || !request->keeps_open)
		fputs("Connection: close\r\n", out);
	else if (request->is_old)
		fputs("Connection: keep-alive\r\n", out);
	if (answer->has_modified) {
		print_date(out, "Last-Modified", answer->modified);
		fputs("Accept-Ranges: bytes\r\n", out);
	}
	switch (code(answer)) {
	case 206:
		fprintf(out, "Content-Range: bytes %ju-%ju/%ju\r\n", (uintmax_t)answer->start,
			(uintmax_t)answer->end - 1, (uintmax_t)answer->size);
		break;
	case 301:
		fputs("Location: /", out);
		print_encoded(out, request->path);
		fputs("/\r\n", out);
		break;
	case 304:
		fputs("\r\n", out);
		return;
	case 416:
		fprintf(out, "Content-Range: bytes */%ju\r\n", (uintmax_t)answer->size);
		break;
	}
	uint64_t length = answer->file >= 0 ? answer->end - answer->start
			  : answer->page    ? answer->page_length
					    : strlen(answer->status) + 1;
	fprintf(out, "Content-Type: %s\r\nContent-Length: %ju\r\n\r\n", answer->media,
		(uintmax_t)length);
	if ((request && request->is_head) || answer->file >= 0)
		return;
	if (answer->page)
		fwrite(answer->page, 1, answer->page_length, out);
	else
		fprintf(out, "%s\n", answer->status);
}

/* Sends an answer. Returns false after an error: the client received nothing for too long, the
 * file has become shorter, or an error of the connection. The client cannot know where the
 * answer ends, so the connection must be closed. */
static bool send_answer(int fd, const struct request *request, const struct answer *answer)
{
	enum { AT_ONCE = 1 << 18 }; /* so that the limit of time is not for the whole file */
	char *text = NULL;
	size_t length, sent = 0;
	off_t offset = answer->start;
	FILE *out = open_memstream(&text, &length);
	bool is_printed = out != NULL;

	if (out) {
		print_answer(out, request, answer);
		is_printed = !ferror(out);
		is_printed &= fclose(out) == 0;
	}
	while (is_printed && sent < length) {
		ssize_t count = send(fd, text + sent, length - sent, 0);
		is_printed = count >= 0;
		sent += count;
	}
	free(text);
	if (!is_printed)
		return false;
	if (answer->file < 0 || request->is_head || code(answer) == 304)
		return true;
	while ((uint64_t)offset < answer->end) {
		uint64_t left = answer->end - offset;
		if (sendfile(fd, answer->file, &offset, left < AT_ONCE ? left : AT_ONCE) <= 0)
			return false;
	}
	return true;
}

/* Connections. */

/* Formats an address and its port. */
static const char *format(const union address *address, char *text, size_t size)
{
	char host[INET6_ADDRSTRLEN], zone[16] = "";

	if (address->any.sa_family == AF_INET) {
		inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof host);
		snprintf(text, size, "%s:%u", host, ntohs(address->v4.sin_port));
	} else {
		inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof host);
		if (address->v6.sin6_scope_id != 0)
			snprintf(zone, sizeof zone, "%%%u", address->v6.sin6_scope_id);
		snprintf(text, size, "[%s%s]:%u", host, zone, ntohs(address->v6.sin6_port));
	}
	return text;
}

/* Prints text from outside: control characters, and bytes that are not UTF-8, as `\x` and two
 * digits. */
static void print_shown(const char *text)
{
	while (*text) {
		wchar_t character;
		mbstate_t state = {0};
		size_t length = mbrtowc(&character, text, MB_LEN_MAX, &state);
		if (length > MB_LEN_MAX || iswcntrl(character)) {
			printf("\\x%02x", (unsigned char)*text++);
		} else {
			fwrite(text, 1, length, stdout);
			text += length;
		}
	}
}

/* Prints a request and its answer. */
static void report(const struct client *client, const struct request *request, const char *status)
{
	char address[80];

	flockfile(stdout);
	printf("%s ", format(&client->address, address, sizeof address));
	if (request) {
		printf("%s /", request->is_head ? "HEAD" : "GET");
		print_shown(request->path);
		putchar(' ');
	}
	printf("%s\n", status);
	fflush(stdout); /* serving files is more important than reporting it */
	funlockfile(stdout);
}

/* Ends the connection so that the client gets the last answer.
 *
 * If bytes of the client are unread when the socket is closed, the kernel resets the connection,
 * and the client may lose the answer. So this function reads for a while what the client still
 * sends. */
static void drain(struct client *client)
{
	uint64_t deadline = after(SECOND);

	if (shutdown(client->fd, SHUT_WR) != 0)
		return;
	do
		client->used = 0;
	while (receive(client, deadline) > 0);
}

/* Answers the next request. Returns whether the connection stays open. An error of the
 * connection just ends it. */
static bool serve_request(struct client *client)
{
	struct request request;
	struct answer answer = {.file = -1, .media = TEXT};
	bool is_understood = false;
	int received = receive_head(client, after(timeout));

	if (received > 0)
		answer.status = parse_request(client, &request);
	else if (received < 0 && errno == EMSGSIZE)
		answer.status = "431 Request Header Fields Too Large";
	else if (received < 0 && errno == ETIMEDOUT && client->used > 0)
		answer.status = "408 Request Timeout";
	else
		return false;
	if (!answer.status) {
		is_understood = true;
		find(&request, &answer);
	}
	bool is_sent = send_answer(client->fd, is_understood ? &request : NULL, &answer);
	report(client, is_understood ? &request : NULL, answer.status);
	if (answer.file >= 0)
		close(answer.file);
	free(answer.page);
	if (is_sent && is_understood && request.keeps_open)
		return true;
	if (is_sent)
		drain(client);
	return false;
}

/* Answers requests until the connection ends. */
static void *serve(void *argument)
{
	struct client *client = argument;
	uint64_t microseconds = timeout == NEVER ? 0 : (timeout + 999) / 1000;
	struct timeval limit = {microseconds / 1000000, microseconds % 1000000};
	int on = 1;

	if (setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0 &&
	    setsockopt(client->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0)
		while (serve_request(client))
			;
	close(client->fd);
	free(client);
	sem_post(&places);
	return NULL;
}

/* Accepts a client, and starts its thread. Returns an error number, or 0. */
static int accept_client(int listener, const pthread_attr_t *attributes)
{
	struct client *client = calloc(1, sizeof *client);
	socklen_t length = sizeof client->address;
	pthread_t thread;
	int error;

	if (!client)
		return ENOMEM;
	client->fd = accept4(listener, &client->address.any, &length, SOCK_CLOEXEC);
	if (client->fd < 0) {
		error = errno;
		free(client);
		return error;
	}
	error = pthread_create(&thread, attributes, serve, client);
	if (error != 0) {
		close(client->fd);
		free(client);
	}
	return error;
}

int main(int argc, char **argv)
{
	union address address = parse_address("", "127.0.0.1:8000");
	uint64_t most = 100;
	int option, on = 1;

	while ((option = getopt_long(argc, argv, "l:t:m:hV", options, NULL)) != -1) {
		switch (option) {
		case 'l':
			address = parse_address("-l: ", optarg);
			break;
		case 't':
			if (!parse_duration(optarg, &timeout))
				errx(2, "-t: %s: expected " A_DURATION TRY_HELP, optarg);
			if (timeout == 0)
				timeout = NEVER;
			break;
		case 'm':
			if (!parse_number(optarg, 10000, &most) || most == 0)
				errx(2, "-m: %s is not a number from 1 to 10000" TRY_HELP, optarg);
			break;
		case 'h':
			answer(help);
		case 'V':
			answer(VERSION);
		default:
			refuse(2);
		}
	}
	if (argc - optind > 1)
		errx(2, "unexpected %s" TRY_HELP, argv[optind + 1]);
	const char *directory = optind < argc ? argv[optind] : ".";

	signal(SIGPIPE, SIG_IGN); /* sending to a client that has gone fails with EPIPE */
	setlocale(LC_CTYPE, "C.UTF-8");
	char name[80];
	format(&address, name, sizeof name);
	root = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		err(1, "open %s", directory);
	int listener = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0)
		err(1, "socket %s", name);
	if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
		err(1, "setsockopt %s", name);
	if (bind(listener, &address.any, sizeof address) != 0)
		err(1, "bind %s", name);
	if (listen(listener, 128) != 0)
		err(1, "listen %s", name);
	socklen_t length = sizeof address;
	if (getsockname(listener, &address.any, &length) != 0)
		err(1, "getsockname %s", name);
	printf("listening on http://%s/\n", format(&address, name, sizeof name));
	if (fflush(stdout) != 0)
		err(1, "write stdout");

	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	sem_init(&places, 0, most);
	for (;;) {
		sem_wait(&places);
		int error = accept_client(listener, &attributes);
		if (error == 0)
			continue;
		sem_post(&places);
		if (error != ECONNABORTED) { /* else the client went away before its turn */
			errno = error;
			warn("accept %s", name);
			usleep(100000); /* others may free what is lacking */
		}
	}
}
