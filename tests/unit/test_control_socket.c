/* control.sock and its lock: one control for a run_dir, clients that behave and clients that do
 * not. */
#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "control/control_socket.h"
#include "control/status.h"

static char dir[64];
static struct loop *loop;
static struct control_socket *server;
static int lock;

static struct {
	unsigned requests;
	char line[64];
	struct control_client *held; /* answered later by the test */
} seen;

static void on_request(void *ctx, struct control_client *client, const char *line)
{
	seen.requests++;
	snprintf(seen.line, sizeof(seen.line), "%s", line);
	if (strcmp(line, "later") == 0)
		seen.held = client;
	else if (strcmp(line, "fail") == 0)
		control_socket_answer(client, 2, "a reason\n");
	else
		control_socket_answer(client, 0, "done\nand done\n");
}

static void setup(void)
{
	char err[512] = "";

	snprintf(dir, sizeof(dir), "/tmp/weir-test-socket-%d", (int)getpid());
	memset(&seen, 0, sizeof(seen));
	cr_assert_eq(loop_create(&loop), 0);
	lock = control_socket_lock(dir, err, sizeof(err));
	cr_assert_geq(lock, 0, "%s", err);
	cr_assert_eq(control_socket_create(&server, loop, dir, on_request, NULL, err, sizeof(err)),
		     0, "%s", err);
}

static void teardown(void)
{
	char command[128];

	control_socket_destroy(server);
	loop_destroy(loop);
	close(lock);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	cr_assert_eq(system(command), 0);
}

TestSuite(control_socket, .init = setup, .fini = teardown, .timeout = 40);

static int dial(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = 10};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", dir, CONTROL_SOCKET_NAME);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void turn(int times)
{
	for (int i = 0; i < times; i++)
		loop_once(loop, 10);
}

static void reads(int fd, const char *want)
{
	char text[256] = "";
	size_t size = 0;
	ssize_t n;

	while ((n = recv(fd, text + size, sizeof(text) - 1 - size, 0)) > 0)
		size += (size_t)n;
	cr_assert_str_eq(text, want);
	close(fd);
}

Test(control_socket, modes_and_a_second_control)
{
	char path[128], err[512], want[32];
	struct stat st;

	cr_assert_eq(stat(dir, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0750);
	snprintf(path, sizeof(path), "%s/%s", dir, CONTROL_SOCKET_NAME);
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0660);
	cr_assert_eq(control_socket_lock(dir, err, sizeof(err)), -EBUSY);
	snprintf(want, sizeof(want), "pid %d ", (int)getpid());
	cr_assert_not_null(strstr(err, want), "%s", err);
	cr_assert_not_null(strstr(err, dir));
	cr_assert_eq(control_socket_pid(dir), getpid());
	turn(3);
}

Test(control_socket, what_a_dead_control_left_is_taken_over)
{
	char err[512];
	pid_t child = fork();
	int status;

	/* Locks and listens in another directory, then dies without a word. */
	strcat(dir, "x");
	if (child == 0) {
		struct control_socket *other;
		control_socket_lock(dir, err, sizeof(err));
		control_socket_create(&other, loop, dir, on_request, NULL, err, sizeof(err));
		raise(SIGKILL);
	}
	waitpid(child, &status, 0);
	cr_assert(WIFSIGNALED(status));
	cr_assert_eq(control_socket_pid(dir), 0);
	struct control_socket *other;
	int second = control_socket_lock(dir, err, sizeof(err));
	cr_assert_geq(second, 0, "%s", err);
	cr_assert_eq(control_socket_create(&other, loop, dir, on_request, NULL, err, sizeof(err)),
		     0);
	cr_assert_eq(control_socket_pid(dir), getpid());
	turn(3);
	control_socket_destroy(other);
	close(second);
	char command[128];
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	cr_assert_eq(system(command), 0);
	dir[strlen(dir) - 1] = '\0';
}

Test(control_socket, answers)
{
	int fd = dial();

	cr_assert_eq(send(fd, "rel", 3, 0), 3);
	turn(5);
	cr_assert_eq(seen.requests, 0, "half a line is no request");
	cr_assert_eq(send(fd, "oad\n", 4, 0), 4);
	turn(5);
	cr_assert_str_eq(seen.line, "reload");
	reads(fd, "ok\ndone\nand done\n");
	fd = dial();
	cr_assert_eq(send(fd, "fail\n", 5, 0), 5);
	turn(5);
	reads(fd, "failed 2\na reason\n");
}

/* `echo reload | socat`: the client closes its sending half and still wants the answer. */
Test(control_socket, an_answer_that_comes_later)
{
	int fd = dial();

	cr_assert_eq(send(fd, "later\n", 6, 0), 6);
	shutdown(fd, SHUT_WR);
	turn(10);
	cr_assert_not_null(seen.held);
	control_socket_answer(seen.held, 0, "at last\n");
	reads(fd, "ok\nat last\n");
}

Test(control_socket, a_client_that_goes_before_its_answer)
{
	int fd = dial();

	cr_assert_eq(send(fd, "later\n", 6, 0), 6);
	turn(5);
	close(fd);
	turn(10);
	cr_assert_not_null(seen.held);
	control_socket_answer(seen.held, 0, "nobody hears\n");
	fd = dial();
	cr_assert_eq(send(fd, "reload\n", 7, 0), 7);
	turn(5);
	reads(fd, "ok\ndone\nand done\n");
}

Test(control_socket, too_long_and_too_many)
{
	char rubbish[5000];
	int silent[40], fd = dial();

	memset(rubbish, 'x', sizeof(rubbish));
	cr_assert_eq(send(fd, rubbish, sizeof(rubbish), 0), sizeof(rubbish));
	turn(5);
	cr_assert_eq(seen.requests, 0);
	char head[9] = "";
	cr_assert_eq(recv(fd, head, 8, MSG_WAITALL), 8);
	cr_assert_str_eq(head, "failed 2");
	close(fd);
	for (int i = 0; i < 40; i++) {
		silent[i] = dial();
		turn(1);
	}
	for (int i = 0; i < 40; i++)
		close(silent[i]);
	turn(60);
	fd = dial();
	cr_assert_eq(send(fd, "reload\n", 7, 0), 7);
	turn(5);
	reads(fd, "ok\ndone\nand done\n");
}

Test(control_socket, the_asking_side)
{
	cr_redirect_stderr();
	cr_assert_eq(control_socket_ask("/nonexistent/run", "reload", 1), 1);
	pid_t client = fork();
	if (client == 0)
		_exit(control_socket_ask(dir, "fail", 10));
	int status;
	while (waitpid(client, &status, WNOHANG) == 0)
		loop_once(loop, 10);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 2);
}
