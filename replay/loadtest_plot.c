/* Draws by gnuplot, as a child: the script goes to its standard input, the drawing comes from its
 * standard output. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "loadtest_report.h"

static const double shares[] = {.5, .9, .99, .999};

enum { SHARES = sizeof(shares) / sizeof(shares[0]) };

/* --- the script ---------------------------------------------------------------------------- */

static double highest_rate(const struct loadtest *t)
{
	double highest = 0;

	for (unsigned i = 0; i < t->sizes_count; i++)
		for (unsigned k = 0; k < t->sizes[i].trials_count; k++)
			if (t->sizes[i].trials[k].verdict.rate > highest)
				highest = t->sizes[i].trials[k].verdict.rate;
	return highest;
}

static void write_losses(FILE *out, const struct loadtest *t)
{
	double highest = highest_rate(t);
	double unit = highest >= 2e6 ? 1e6 : highest >= 2e3 ? 1e3 : 1;
	char name[32];

	for (unsigned i = 0; i < t->sizes_count; i++) {
		const struct loadtest_size *size = &t->sizes[i];

		fprintf(out, "$loss%u << END\n", i);
		for (unsigned k = 0; k < size->trials_count; k++)
			if (size->trials[k].purpose != TRIAL_BURST)
				fprintf(out, "%g %g\n", size->trials[k].verdict.rate / unit,
					size->trials[k].verdict.loss * 100);
		fputs("END\n", out);
	}
	fprintf(out,
		"set title 'Loss by rate, each point a trial'\nset xlabel 'sent, %spackets/s'\n"
		"set ylabel 'loss, %%'\nset yrange [-1:*]\nset xrange [0:*]\nset key outside\n"
		"plot ",
		unit >= 1e6   ? "million "
		: unit >= 1e3 ? "thousand "
			      : "");
	for (unsigned i = 0; i < t->sizes_count; i++)
		fprintf(out,
			"%s$loss%u using 1:2 smooth unique with linespoints linetype %u "
			"pointtype 7 title '%s'",
			i ? ", " : "", i, i + 1, loadtest_size_name(&t->sizes[i], name));
	fputc('\n', out);
}

/* One curve of latencies; false: it has no point. */
static bool write_curve(FILE *out, unsigned n, const uint64_t ns[SHARES])
{
	bool any = false;

	for (unsigned k = 0; k < SHARES; k++)
		any |= ns[k] > 0;
	if (!any)
		return false;
	fprintf(out, "$latency%u << END\n", n);
	for (unsigned k = 0; k < SHARES; k++)
		if (ns[k])
			fprintf(out, "%u %g\n", k, (double)ns[k] / 1e6);
	fputs("END\n", out);
	return true;
}

enum { DURABLE_POINT = 4, ARRIVED_POINT = 7 }; /* gnuplot's: a square, a disc */

/* The colour is the size's, the dashes are for half of the rate, the points tell what was measured.
 */
static void add_curve(FILE *out, FILE *plot, unsigned *n, const uint64_t ns[SHARES],
		      const struct loadtest *t, const struct loadtest_size *size,
		      const struct loadtest_latency *latency, unsigned point)
{
	char name[32];

	if (!write_curve(out, *n, ns))
		return;
	fprintf(plot,
		"%s$latency%u using 1:2 with linespoints linetype %u dashtype %d pointtype %u "
		"title '%s, %.0f %%: %s'",
		*n ? ", " : "plot ", *n, (unsigned)(size - t->sizes) + 1,
		latency->share < 1 ? 2 : 1, point, loadtest_size_name(size, name),
		latency->share * 100,
		point == DURABLE_POINT ? "arrived to durable, at most" : "sent to arrived");
	++*n;
}

static void write_latencies(FILE *out, FILE *plot, const struct loadtest *t)
{
	uint64_t ns[SHARES];
	unsigned n = 0;

	for (unsigned i = 0; i < t->sizes_count; i++)
		for (unsigned k = 0; k < t->sizes[i].latency_count; k++) {
			const struct loadtest_size *size = &t->sizes[i];
			const struct loadtest_latency *l = &size->latency[k];

			for (unsigned s = 0; s < SHARES; s++)
				ns[s] = loadtest_commit_ns(&size->trials[l->trial], shares[s]);
			add_curve(out, plot, &n, ns, t, size, l, DURABLE_POINT);
			for (unsigned s = 0; s < SHARES; s++)
				ns[s] = l->stamps.known ? histogram_percentile(&l->stamps.latency,
									       shares[s])
							: 0;
			add_curve(out, plot, &n, ns, t, size, l, ARRIVED_POINT);
		}
	if (n)
		fputs("set title 'Latency at the highest rate without loss (100 %), and at half of "
		      "it'\nset xlabel 'percentile'\nset ylabel 'ms'\n"
		      "set logscale y\nset yrange [*:*]\nset xrange [-0.5:3.5]\n"
		      "set xtics ('p50' 0, 'p90' 1, 'p99' 2, 'p99.9' 3)\n",
		      out);
}

static int write_script(FILE *out, const struct loadtest *t)
{
	char *plot = NULL;
	size_t len;
	FILE *last = open_memstream(&plot, &len);

	if (!last)
		return -ENOMEM;
	fputs("set terminal svg size 1100,900 noenhanced background 'white'\n"
	      "set multiplot layout 2,1\n",
	      out);
	write_losses(out, t);
	write_latencies(out, last, t);
	fclose(last);
	fprintf(out, "%s\nunset multiplot\n", plot);
	free(plot);
	return fflush(out) == 0 ? 0 : -EIO;
}

/* --- the child ----------------------------------------------------------------------------- */

static int no_gnuplot(char *err, size_t err_size)
{
	snprintf(err, err_size,
		 "--plot draws by gnuplot, which is not installed: apt-get install "
		 "gnuplot-nox");
	return -ENOENT;
}

/* -1: none of ours. */
static int run_gnuplot(int in, int out, const char *argument, char *err, size_t err_size)
{
	char *argv[] = {(char[]){"gnuplot"}, (char *)(uintptr_t)argument, NULL};
	posix_spawn_file_actions_t actions;
	int status = 0;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	if (in >= 0)
		posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	int rc = posix_spawnp(&pid, "gnuplot", &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (rc == ENOENT)
		return no_gnuplot(err, err_size);
	if (rc) {
		snprintf(err, err_size, "gnuplot: %s", strerror(rc));
		return -rc;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return no_gnuplot(err, err_size);
	snprintf(err, err_size, "gnuplot failed; it said why above");
	return -EIO;
}

/* --- the file ------------------------------------------------------------------------------ */

static int fail_file(const char *path, int rc, char *err, size_t err_size)
{
	snprintf(err, err_size, "%s: %s", path, strerror(-rc));
	return rc;
}

/* Leaves no file behind that was not there. */
static int check_file(const char *path, char *err, size_t err_size)
{
	int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

	if (file >= 0)
		unlink(path);
	else if (errno == EEXIST)
		file = open(path, O_WRONLY | O_CLOEXEC);
	if (file < 0)
		return fail_file(path, -errno, err, err_size);
	close(file);
	return 0;
}

int loadtest_plot_check(const char *path, char *err, size_t err_size)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int rc = null < 0 ? -errno : run_gnuplot(null, null, "--version", err, err_size);

	if (null >= 0)
		close(null);
	return rc < 0 ? rc : check_file(path, err, err_size);
}

/* gnuplot does not tell of a disk that is full. */
static int copy_to_file(int drawing, const char *path, char *err, size_t err_size)
{
	char piece[65536];
	ssize_t n = 0, written = 0;
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	if (file < 0 || lseek(drawing, 0, SEEK_SET) < 0)
		written = -1;
	while (written >= 0 && (n = read(drawing, piece, sizeof(piece))) > 0)
		for (ssize_t at = 0; at < n && written >= 0; at += written)
			written = write(file, piece + at, (size_t)(n - at));
	int rc = written < 0 || n < 0 ? -errno : 0;
	if (file >= 0 && close(file) < 0 && rc == 0)
		rc = -errno;
	return rc < 0 ? fail_file(path, rc, err, err_size) : 0;
}

int loadtest_plot(const struct loadtest *t, const char *path, char *err, size_t err_size)
{
	int script = memfd_create("weir-plot", MFD_CLOEXEC);
	int drawing = memfd_create("weir-drawing", MFD_CLOEXEC);
	FILE *out = script < 0 || drawing < 0 ? NULL : fdopen(dup(script), "w");
	int rc = out ? write_script(out, t) : -ENOMEM;

	if (out)
		fclose(out);
	if (rc < 0)
		fail_file(path, rc, err, err_size);
	else if (lseek(script, 0, SEEK_SET) == 0)
		rc = run_gnuplot(script, drawing, "-", err, err_size);
	if (rc == 0)
		rc = copy_to_file(drawing, path, err, err_size);
	if (script >= 0)
		close(script);
	if (drawing >= 0)
		close(drawing);
	return rc;
}
