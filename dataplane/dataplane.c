#include "dataplane.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "eal.h"

enum { TICK_NS = 100 * 1000 * 1000 };

void dataplane_say(const char *format, ...)
{
	char line[2048];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	fprintf(stderr, "weir-dataplane: %s\n", line); /* one write: lines do not mix */
}

static int watch(struct dataplane *d, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(d->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

/* Before any thread is made, so that all of them inherit the mask. */
static int take_signals(struct dataplane *d)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN); /* reloads come by the socket, from control */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	d->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return d->signal_fd < 0 ? -errno : 0;
}

static int start_timer(struct dataplane *d)
{
	struct itimerspec every = {.it_interval.tv_nsec = TICK_NS, .it_value.tv_nsec = TICK_NS};

	d->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (d->timer_fd < 0 || timerfd_settime(d->timer_fd, 0, &every, NULL) < 0)
		return -errno;
	return 0;
}

int dataplane_open(struct dataplane *d, const char *run_dir)
{
	int rc;

	memset(d, 0, sizeof(*d));
	d->epoll_fd = d->listen_fd = d->signal_fd = d->timer_fd = -1;
	d->conn_fd = d->guest_fd = d->lock_fd = d->plan_fd = -1;
	if (strlen(run_dir) >= sizeof(d->run_dir)) {
		dataplane_say("--run-dir is too long");
		return -ENAMETOOLONG;
	}
	memcpy(d->run_dir, run_dir, strlen(run_dir) + 1);
	d->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (d->epoll_fd < 0)
		return -errno;
	if ((rc = take_signals(d)) < 0 || (rc = control_server_listen(d)) < 0 ||
	    (rc = start_timer(d)) < 0 || (rc = watch(d, d->signal_fd)) < 0 ||
	    (rc = watch(d, d->listen_fd)) < 0 || (rc = watch(d, d->timer_fd)) < 0)
		return rc;
	return 0;
}

static void on_signal(struct dataplane *d)
{
	struct signalfd_siginfo info;
	char text[512];

	if (read(d->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	dataplane_stop(d, text, sizeof(text));
	dataplane_say("%s", text);
}

static void on_timer(struct dataplane *d)
{
	uint64_t times;

	if (read(d->timer_fd, &times, sizeof(times)) == (ssize_t)sizeof(times))
		dataplane_tick(d);
}

int dataplane_run(struct dataplane *d)
{
	while (!d->done) {
		struct epoll_event events[4];
		int n = epoll_wait(d->epoll_fd, events, 4, -1);

		if (n < 0 && errno != EINTR) {
			dataplane_say("epoll: %s", strerror(errno));
			return 1;
		}
		for (int i = 0; i < n && !d->done; i++) {
			int fd = events[i].data.fd;

			if (fd == d->signal_fd)
				on_signal(d);
			else if (fd == d->timer_fd)
				on_timer(d);
			else if (fd == d->listen_fd)
				control_server_accept(d);
			else if (fd == d->conn_fd || fd == d->guest_fd)
				control_server_read(d, fd);
		}
	}
	return d->exit_code;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void dataplane_close(struct dataplane *d)
{
	if (d->socket_path[0] && d->listen_fd >= 0)
		unlink(d->socket_path);
	/* Writes may still be on their way to the device from memory that a tidy end would clear:
	 * leave it to the kernel, which keeps the pages until they are done. */
	if (d->topology && d->exit_code) {
		fflush(NULL);
		_exit(d->exit_code);
	}
	if (d->topology)
		topology_destroy(d->topology);
	if (d->lock_fd >= 0)
		eal_stop();
	close_fd(d->conn_fd);
	close_fd(d->guest_fd);
	close_fd(d->listen_fd);
	close_fd(d->signal_fd);
	close_fd(d->timer_fd);
	close_fd(d->epoll_fd);
	close_fd(d->plan_fd);
	plan_unmap(d->plan);
	state_close(d->state);
	close_fd(d->lock_fd); /* last: the next one may start now */
}
