#include "loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

struct source {
	struct source *next;
	int fd;
	loop_fn fn;
	void *ctx;
};

struct loop {
	int epoll_fd;
	int signal_fd; /* -1: none */
	bool stop;
	struct source *sources;
	loop_signal_fn signal_fn;
	void *signal_ctx;
};

struct loop_timer {
	struct loop *loop;
	int fd;
	loop_timer_fn fn;
	void *ctx;
};

uint64_t loop_mono_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t loop_real_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int loop_create(struct loop **out)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return -ENOMEM;
	loop->signal_fd = -1;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0) {
		int rc = -errno;
		free(loop);
		return rc;
	}
	*out = loop;
	return 0;
}

void loop_destroy(struct loop *loop)
{
	if (!loop)
		return;
	if (loop->signal_fd >= 0)
		close(loop->signal_fd);
	while (loop->sources) {
		struct source *next = loop->sources->next;
		free(loop->sources);
		loop->sources = next;
	}
	close(loop->epoll_fd);
	free(loop);
}

int loop_add(struct loop *loop, int fd, uint32_t events, loop_fn fn, void *ctx)
{
	struct source *source = calloc(1, sizeof(*source));

	if (!source)
		return -ENOMEM;
	*source = (struct source){.next = loop->sources, .fd = fd, .fn = fn, .ctx = ctx};
	struct epoll_event event = {.events = events, .data.ptr = source};
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
		int rc = -errno;
		free(source);
		return rc;
	}
	loop->sources = source;
	return 0;
}

static struct source **find(struct loop *loop, int fd)
{
	struct source **at = &loop->sources;

	while (*at && (*at)->fd != fd)
		at = &(*at)->next;
	return at;
}

void loop_remove(struct loop *loop, int fd)
{
	struct source **at = find(loop, fd);
	struct source *source = *at;

	if (!source)
		return;
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
	*at = source->next;
	free(source);
}

static void on_signal(void *ctx, uint32_t events)
{
	struct loop *loop = ctx;
	struct signalfd_siginfo info;

	if (read(loop->signal_fd, &info, sizeof(info)) == sizeof(info))
		loop->signal_fn(loop->signal_ctx, (int)info.ssi_signo);
}

int loop_signals(struct loop *loop, const sigset_t *signals, loop_signal_fn fn, void *ctx)
{
	if (sigprocmask(SIG_BLOCK, signals, NULL) < 0)
		return -errno;
	loop->signal_fd = signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (loop->signal_fd < 0)
		return -errno;
	loop->signal_fn = fn;
	loop->signal_ctx = ctx;
	return loop_add(loop, loop->signal_fd, EPOLLIN, on_signal, loop);
}

static void on_timer(void *ctx, uint32_t events)
{
	struct loop_timer *timer = ctx;
	uint64_t expirations;

	/* Nothing to read: it was stopped or set anew since epoll saw it. */
	if (read(timer->fd, &expirations, sizeof(expirations)) == sizeof(expirations))
		timer->fn(timer->ctx);
}

struct loop_timer *loop_timer_create(struct loop *loop, loop_timer_fn fn, void *ctx)
{
	struct loop_timer *timer = calloc(1, sizeof(*timer));

	if (!timer)
		return NULL;
	*timer = (struct loop_timer){.loop = loop, .fn = fn, .ctx = ctx};
	timer->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (timer->fd >= 0 && loop_add(loop, timer->fd, EPOLLIN, on_timer, timer) == 0)
		return timer;
	if (timer->fd >= 0)
		close(timer->fd);
	free(timer);
	return NULL;
}

void loop_timer_destroy(struct loop_timer *timer)
{
	if (!timer)
		return;
	loop_remove(timer->loop, timer->fd);
	close(timer->fd);
	free(timer);
}

static struct timespec timespec_of(uint64_t ns)
{
	return (struct timespec){.tv_sec = (time_t)(ns / 1000000000u),
				 .tv_nsec = (long)(ns % 1000000000u)};
}

void loop_timer_set(struct loop_timer *timer, uint64_t after_ns, uint64_t every_ns)
{
	struct itimerspec spec = {.it_value = timespec_of(after_ns ? after_ns : 1),
				  .it_interval = timespec_of(every_ns)};

	timerfd_settime(timer->fd, 0, &spec, NULL);
}

void loop_timer_stop(struct loop_timer *timer)
{
	struct itimerspec spec = {0};

	timerfd_settime(timer->fd, 0, &spec, NULL);
}

int loop_once(struct loop *loop, int timeout_ms)
{
	struct epoll_event event;
	int n = epoll_wait(loop->epoll_fd, &event, 1, timeout_ms);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (n == 1) {
		struct source *source = event.data.ptr;
		source->fn(source->ctx, event.events);
	}
	return 0;
}

int loop_run(struct loop *loop)
{
	int rc = 0;

	loop->stop = false;
	while (!loop->stop && rc == 0)
		rc = loop_once(loop, -1);
	return rc;
}

void loop_stop(struct loop *loop)
{
	loop->stop = true;
}
