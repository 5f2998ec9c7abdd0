#include "server.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "connection.h"
#include "limits.h"
#include "reporter.h"

/* For the first report: whoever started us looks for it, and nobody else waits yet. */
enum { REPORT_FIRST_US = 200 * 1000 };

struct server {
	int epoll_fd, listen_fd, signal_fd;
	int store_fd; /* the groups' */
	int disk_fd;
	bool disk_done; /* some job of the disk's thread is */
	bool accepts;	/* the listening socket is watched */
	bool stop;
	unsigned count;
	unsigned full_turns; /* in a row: more may be ready than the turn took */
	uint64_t swept_ms;
	uint64_t moved_ms; /* some partition's end did, while somebody waited */
	struct reporter reporter;
	char address[80];
	struct connection_context context;
};

static int64_t clock_ms(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void server_set_time(struct groups *groups)
{
	groups_set_time(groups, (uint64_t)clock_ms(CLOCK_MONOTONIC), clock_ms(CLOCK_REALTIME));
}

static void set_time(struct server *s)
{
	server_set_time(s->context.groups);
	s->context.now_ms = s->context.groups->now_ms;
}

static int watch(struct server *s, int op, int fd, uint32_t events, void *what)
{
	struct epoll_event event = {.events = events, .data.ptr = what};

	return epoll_ctl(s->epoll_fd, op, fd, &event) < 0 ? -errno : 0;
}

static int open_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
		return -errno;
	int fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static int open_all(struct server *s, const struct tcp_address *address)
{
	int rc;

	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll_fd < 0)
		return -errno;
	s->listen_fd = tcp_listen(address, LIMIT_BACKLOG);
	if (s->listen_fd < 0)
		return s->listen_fd;
	s->signal_fd = open_signals();
	if (s->signal_fd < 0)
		return s->signal_fd;
	rc = disk_thread_create(&s->context.disk);
	if (rc < 0)
		return rc;
	s->disk_fd = disk_thread_fd(s->context.disk);
	s->store_fd = store_fd(s->context.groups->store);
	rc = watch(s, EPOLL_CTL_ADD, s->listen_fd, EPOLLIN, &s->listen_fd);
	if (rc == 0)
		rc = watch(s, EPOLL_CTL_ADD, s->store_fd, EPOLLIN, &s->store_fd);
	if (rc == 0)
		rc = watch(s, EPOLL_CTL_ADD, s->disk_fd, EPOLLIN, &s->disk_fd);
	return rc < 0 ? rc : watch(s, EPOLL_CTL_ADD, s->signal_fd, EPOLLIN, &s->signal_fd);
}

/* As it is written: with port 0 asked for, the system chose. */
static void find_address(struct server *s)
{
	struct sockaddr_storage address = {0};
	socklen_t len = sizeof(address);
	char host[64] = "?", port[8] = "?";

	if (getsockname(s->listen_fd, (struct sockaddr *)&address, &len) == 0)
		getnameinfo((struct sockaddr *)&address, len, host, sizeof(host), port,
			    sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(s->address, sizeof(s->address),
		 address.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

/* Tells what goes on to whoever looks into run_dir. */
static void tell(struct server *s, uint64_t us)
{
	if (!reporter_is_busy(&s->reporter))
		return;
	s->context.counters.connections = s->count;
	s->context.counters.waiting = s->context.waiting;
	reporter_work(&s->reporter, us);
}

int server_create(struct server **out, struct catalog *catalog,
		  const struct server_options *options)
{
	struct server *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	*s = (struct server){.epoll_fd = -1,
			     .listen_fd = -1,
			     .signal_fd = -1,
			     .accepts = true,
			     .reporter = {.report = options->report,
					  .groups = options->groups,
					  .catalog = catalog,
					  .counters = &s->context.counters,
					  .address = s->address},
			     .context.catalog = catalog,
			     .context.groups = options->groups,
			     .context.advertised_host = options->advertised_host,
			     .context.advertised_port = options->advertised_port};
	set_time(s);
	int rc = open_all(s, &options->listen);
	if (rc < 0) {
		server_destroy(s);
		return rc;
	}
	find_address(s);
	reporter_begin(&s->reporter, s->context.now_ms);
	tell(s, REPORT_FIRST_US);
	*out = s;
	return 0;
}

static void remove_connection(struct server *s, struct connection *c)
{
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	s->count--;
	/* Closing the socket takes it out of epoll too. */
	connection_destroy(&s->context, c);
}

void server_destroy(struct server *s)
{
	while (s->context.first)
		remove_connection(s, s->context.first);
	disk_thread_destroy(s->context.disk);
	if (s->signal_fd >= 0)
		close(s->signal_fd);
	if (s->listen_fd >= 0)
		close(s->listen_fd);
	if (s->epoll_fd >= 0)
		close(s->epoll_fd);
	free(s);
}

const char *server_address(const struct server *s)
{
	return s->address;
}

/* Goes on with a connection, which may be gone afterwards. */
static void work(struct server *s, struct connection *c, bool looked)
{
	/* What it begins now has its time from now on, however long this turn has taken so far. */
	s->context.now_ms = (uint64_t)clock_ms(CLOCK_MONOTONIC);
	bool goes_on = connection_work(&s->context, c, looked);

	s->context.now_ms = s->context.groups->now_ms;
	if (!goes_on) {
		remove_connection(s, c);
		return;
	}
	uint32_t events = connection_events(c);
	if (events == c->watched)
		return;
	c->watched = events;
	if (watch(s, EPOLL_CTL_MOD, c->fd, events, c) < 0)
		remove_connection(s, c);
}

static void accept_one(struct server *s, int fd)
{
	struct connection *c = NULL;

	/* Too many: this one hears it at once, instead of waiting for nothing. */
	if (s->count < LIMIT_CONNECTIONS)
		c = connection_create(&s->context, fd);
	if (!c) {
		s->context.counters.refused++;
		close(fd);
		return;
	}
	s->context.counters.accepted++;
	c->watched = EPOLLIN;
	if (watch(s, EPOLL_CTL_ADD, fd, EPOLLIN, c) < 0) {
		connection_destroy(&s->context, c);
		return;
	}
	c->next = s->context.first;
	c->link = &s->context.first;
	if (c->next)
		c->next->link = &c->next;
	s->context.first = c;
	s->count++;
}

static void on_listen(struct server *s)
{
	for (int i = 0; i < LIMIT_EVENTS; i++) {
		int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			accept_one(s, fd);
			continue;
		}
		/* Out of descriptors: rest until the next sweep, else this would spin. */
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
			watch(s, EPOLL_CTL_MOD, s->listen_fd, 0, &s->listen_fd);
			s->accepts = false;
		}
		return;
	}
}

/* Those whose bytes are in the page cache now go on; who waits for something else looks for it. */
static void on_disk_done(struct server *s)
{
	struct disk_job *job;

	s->disk_done = false;
	while ((job = disk_thread_take_done(s->context.disk))) {
		struct connection *c = job->waiter;

		disk_patience_judge(&s->context.patience, job->longest_us);
		if (c)
			connection_warmed(&s->context, c);
		job->give_back(job);
		if (c)
			work(s, c, false);
	}
}

static void on_event(struct server *s, const struct epoll_event *event)
{
	struct connection *c = event->data.ptr;

	if (event->data.ptr == &s->listen_fd)
		on_listen(s);
	else if (event->data.ptr == &s->signal_fd)
		s->stop = true;
	else if (event->data.ptr == &s->store_fd)
		groups_take_done(s->context.groups);
	else if (event->data.ptr == &s->disk_fd)
		s->disk_done = true;
	else if (event->events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP))
		remove_connection(s, c);
	else
		work(s, c, false);
}

/* Those who wait: what they wait for moved, or their time is up. */
static void look(struct server *s)
{
	struct connection *next;

	if (s->context.watching && catalog_moved(s->context.catalog))
		s->moved_ms = s->context.now_ms;
	for (struct connection *c = s->context.first; c; c = next) {
		next = c->next;
		if (connection_due(&s->context, c))
			work(s, c, true);
	}
}

/* Once in a while: who is overdue goes. */
static void sweep(struct server *s)
{
	struct connection *next;

	s->swept_ms = s->context.now_ms;
	for (struct connection *c = s->context.first; c; c = next) {
		next = c->next;
		if (connection_overdue(&s->context, c)) {
			s->context.counters.overdue++;
			remove_connection(s, c);
		} else if (!connection_tidy(&s->context, c)) {
			remove_connection(s, c);
		}
	}
	if (!s->accepts) {
		s->accepts = true;
		watch(s, EPOLL_CTL_MOD, s->listen_fd, EPOLLIN, &s->listen_fd);
	}
	/* Nobody's request does it while all wait, or nobody is there: the report tells of lag. */
	catalog_refresh(s->context.catalog, s->context.now_ms);
	reporter_begin(&s->reporter, s->context.now_ms);
}

/* Until when nothing happens by itself, in us; -1: for ever. Idle clients and those who read the
 * report are worth a look now and then, nobody is not. */
static int64_t patience_us(const struct server *s, uint64_t changes)
{
	const struct groups *groups = s->context.groups;
	uint64_t now = s->context.now_ms, rest = REFRESH_MS;

	/* One who was looked at last may have changed what another waits for. */
	if (groups->changes != changes || groups->deadline_ms <= now ||
	    reporter_is_busy(&s->reporter))
		return 0;
	if (!s->count && s->accepts && !s->reporter.report && groups->deadline_ms == UINT64_MAX)
		return -1;
	if (groups->deadline_ms - now < rest)
		rest = groups->deadline_ms - now;
	if (!s->context.watching)
		return (int64_t)rest * 1000;
	/* Where records come, more will: that they are seen soon is worth the looks. */
	return now - s->moved_ms < WAIT_BUSY_MS ? WAIT_BUSY_LOOK_US : WAIT_LOOK_MS * 1000;
}

static int wait_for_events(const struct server *s, struct epoll_event *events, int64_t us)
{
	struct timespec limit = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};

	return epoll_pwait2(s->epoll_fd, events, LIMIT_EVENTS, us < 0 ? NULL : &limit, NULL);
}

/* May members be found to be overdue, or clients? Not while heartbeats of theirs may lie unread, as
 * after a while in which we were stopped: who is ready has been served after so many turns, for
 * epoll goes round. */
static bool all_are_heard(struct server *s, int events)
{
	s->full_turns = events < 0 || events == LIMIT_EVENTS ? s->full_turns + 1 : 0;
	if (s->full_turns > LIMIT_CONNECTIONS / LIMIT_EVENTS)
		s->full_turns = 0;
	return s->full_turns == 0;
}

int server_run(struct server *s)
{
	struct epoll_event events[LIMIT_EVENTS];
	const struct groups *groups = s->context.groups;
	uint64_t changes = groups->changes;

	while (!s->stop) {
		int n = wait_for_events(s, events, patience_us(s, changes));

		if (n < 0 && errno != EINTR)
			return -errno;
		set_time(s);
		disk_patience_renew(&s->context.patience, s->context.now_ms);
		for (int i = 0; i < n; i++)
			on_event(s, &events[i]);
		/* Not between the events: these may be of connections that it ends. */
		if (s->disk_done)
			on_disk_done(s);
		bool heard = all_are_heard(s, n);
		if (heard)
			groups_tick(s->context.groups);
		changes = groups->changes;
		if (s->context.waiting)
			look(s);
		if (heard && s->context.now_ms - s->swept_ms >= REFRESH_MS)
			sweep(s);
		tell(s, LIMIT_REPORT_US);
	}
	return 0;
}
