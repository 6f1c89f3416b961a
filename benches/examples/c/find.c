/* find [FILE]... [TEST]...: prints the paths of the files in trees of directories, as find(1)
 * does.
 *
 * The depth of a tree has no limit. There is no recursion, so the stack has a constant size. At
 * most OPEN directories are open: the deepest ones on the way to the current directory. The way
 * back to others is `..`. No path longer than a name is passed to the kernel, so paths may be
 * longer than PATH_MAX. (nftw(3) cannot do this.) */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <libgen.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "find"
#include "options.h"

static const char help[] =
	"usage: find [FILE]... [TEST]...\n"
	"Print the paths of each FILE and of all files below it. FILE is . by default.\n"
	"\n"
	"  -name PATTERN  the last part of the path matches the shell's PATTERN\n"
	"  -type LETTER   the file is a directory (d), regular file (f), symbolic link (l),\n"
	"                 FIFO (p), socket (s), block device (b) or character device (c)\n"
	"\n"
	"A path is printed if all tests hold.\n";

/* The most levels that are open. At least 2: to go back to a directory that is open needs no
 * permission, but `..` needs the permission to search the directory below. */
enum { OPEN = 16 };

/* A condition for a path to be printed: the last part of the path matches the pattern; if there
 * is no pattern, the file has the type. */
struct test {
	const char *pattern;
	mode_t type;
};

static struct test *tests;
static size_t test_count;

/* Bytes that grow. */
struct bytes {
	char *data;
	size_t length, capacity;
};

/* A directory on the way to the current one that has subdirectories. */
struct level {
	size_t path;  /* the length of its path */
	size_t names; /* where its names begin in `names` */
	DIR *dir;     /* NULL if it is closed */
	dev_t dev;    /* its identity, for the way back */
	ino_t ino;
};

/* The path of the current file, with a zero at the end. */
static struct bytes path;

/* The names of subdirectories that wait for their visit, of all levels. Each ends with a zero. */
static struct bytes names;

static struct level *levels;
static size_t depth, level_capacity;

static int status;

static void *grow(void *memory, size_t size)
{
	memory = realloc(memory, size);
	if (!memory)
		err(1, "allocate memory");
	return memory;
}

/* Appends a string and its zero. */
static void append(struct bytes *bytes, const char *string)
{
	size_t length = strlen(string) + 1;

	if (bytes->capacity - bytes->length < length) {
		bytes->capacity = 2 * (bytes->capacity + length);
		bytes->data = grow(bytes->data, bytes->capacity);
	}
	memcpy(bytes->data + bytes->length, string, length);
	bytes->length += length;
}

/* Makes `path` the path of a file in the directory whose path is the first `length` bytes. */
static void set_path(size_t length, const char *name)
{
	path.length = length;
	if (length > 0 && path.data[length - 1] != '/') {
		append(&path, "/");
		path.length--;
	}
	append(&path, name);
	path.length--;
}

static void failed(const char *operation)
{
	warn("%s %s", operation, path.data);
	status = 1;
}

/* The part of the path after the last slash, without slashes at the end: `b` of `a/b/`. */
static const char *base_name(void)
{
	static struct bytes copy; /* basename(3) removes slashes */

	copy.length = 0;
	append(&copy, path.data);
	return basename(copy.data);
}

/* Prints the current path if all tests hold. */
static void visit(mode_t type)
{
	for (size_t i = 0; i < test_count; i++) {
		const struct test *test = &tests[i];
		if (test->pattern ? fnmatch(test->pattern, base_name(), 0) != 0
				  : test->type != type)
			return;
	}
	if (puts(path.data) < 0)
		err(1, "write stdout");
}

/* Opens a directory, not a symbolic link to it. */
static DIR *open_dir(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !dir)
		err(1, "allocate memory");
	return dir;
}

/* Visits the files in `dir`, except directories. Appends the names of directories to `names`. */
static void read_dir(DIR *dir)
{
	size_t length = path.length;
	struct dirent *entry;
	struct stat stat;

	while (errno = 0, (entry = readdir(dir))) {
		mode_t type = DTTOIF(entry->d_type);
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		set_path(length, entry->d_name);
		if (entry->d_type == DT_UNKNOWN) {
			if (fstatat(dirfd(dir), entry->d_name, &stat, AT_SYMLINK_NOFOLLOW) != 0) {
				failed("stat");
				continue;
			}
			type = stat.st_mode & S_IFMT;
		}
		if (type == S_IFDIR)
			append(&names, entry->d_name);
		else
			visit(type);
	}
	int error = errno;
	path.length = length;
	path.data[length] = '\0';
	if (error != 0) {
		errno = error;
		failed("read");
	}
}

/* Visits the files in the directory `path`. If it has subdirectories, it becomes the last level. */
static void enter(DIR *dir)
{
	struct level level = {.path = path.length, .names = names.length, .dir = dir};
	struct stat stat;

	if (!dir) {
		failed("open");
		return;
	}
	read_dir(dir);
	if (names.length == level.names) {
		closedir(dir);
		return;
	}
	if (fstat(dirfd(dir), &stat) != 0)
		err(1, "stat %s", path.data);
	level.dev = stat.st_dev;
	level.ino = stat.st_ino;
	if (depth == level_capacity) {
		level_capacity = 2 * (level_capacity + OPEN);
		levels = grow(levels, level_capacity * sizeof *levels);
	}
	levels[depth++] = level;
	if (depth > OPEN && levels[depth - 1 - OPEN].dir) {
		closedir(levels[depth - 1 - OPEN].dir);
		levels[depth - 1 - OPEN].dir = NULL;
	}
}

/* Goes back from the last level to the level before it. If the last level was moved meanwhile,
 * its `..` is another directory. Then the walk through this tree ends, because names of other
 * directories would be wrong. */
static void leave(void)
{
	DIR *dir = levels[--depth].dir;
	struct level *parent = depth > 0 ? &levels[depth - 1] : NULL;
	struct stat stat;

	if (parent && !parent->dir) {
		path.length = parent->path;
		path.data[path.length] = '\0';
		parent->dir = open_dir(dirfd(dir), "..");
		if (!parent->dir) {
			failed("go back to");
			depth = 0;
		} else if (fstat(dirfd(parent->dir), &stat) != 0) {
			failed("stat");
			depth = 0;
		} else if (stat.st_dev != parent->dev || stat.st_ino != parent->ino) {
			warnx("go back to %s: a directory below was moved", path.data);
			status = 1;
			depth = 0;
		}
	}
	closedir(dir);
}

/* Visits the files of a tree, directories first. */
static void walk(const char *root)
{
	struct stat stat;

	set_path(0, root);
	names.length = 0;
	if (lstat(root, &stat) != 0) {
		failed("stat");
		return;
	}
	visit(stat.st_mode & S_IFMT);
	if (S_ISDIR(stat.st_mode))
		enter(open_dir(AT_FDCWD, root));
	while (depth > 0) {
		struct level *level = &levels[depth - 1];
		if (names.length == level->names) {
			leave();
			continue;
		}
		/* The last name begins after the zero of the name before it. */
		size_t begin = names.length - 1;
		while (begin > level->names && names.data[begin - 1] != '\0')
			begin--;
		set_path(level->path, names.data + begin);
		DIR *dir = open_dir(dirfd(level->dir), names.data + begin);
		int error = errno;
		names.length = begin;
		visit(S_IFDIR);
		errno = error;
		enter(dir);
	}
}

/* The file type of -type; 0 if there is no such type. */
static mode_t parse_type(const char *letter)
{
	if (!letter || letter[0] == '\0' || letter[1] != '\0')
		return 0;
	switch (*letter) {
	case 'b':
		return S_IFBLK;
	case 'c':
		return S_IFCHR;
	case 'd':
		return S_IFDIR;
	case 'f':
		return S_IFREG;
	case 'l':
		return S_IFLNK;
	case 'p':
		return S_IFIFO;
	case 's':
		return S_IFSOCK;
	default:
		return 0;
	}
}

int main(int argc, char **argv)
{
	int roots = 1;

	/* The files come before the first word with a dash. */
	while (roots < argc && argv[roots][0] != '-')
		roots++;
	tests = grow(NULL, argc * sizeof *tests);
	for (int i = roots; i < argc; i++) {
		struct test test = {0};
		const char *word = argv[i];
		if (strcmp(word, "-help") == 0 || strcmp(word, "--help") == 0)
			answer(help);
		if (strcmp(word, "-name") == 0) {
			test.pattern = argv[++i];
			if (!test.pattern)
				errx(1, "-name needs a pattern" TRY_HELP);
		} else if (strcmp(word, "-type") == 0) {
			test.type = parse_type(argv[++i]);
			if (test.type == 0)
				errx(1, "-type needs a letter of bcdflps" TRY_HELP);
		} else if (*word == '-') {
			errx(1, "unknown test %s" TRY_HELP, word);
		} else {
			errx(1, "file after a test: %s" TRY_HELP, word);
		}
		tests[test_count++] = test;
	}

	static char buffer[16 * 1024];
	setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
	if (roots == 1)
		walk(".");
	for (int i = 1; i < roots; i++)
		walk(argv[i]);
	if (fflush(stdout) != 0)
		err(1, "write stdout");
	return status;
}
