/*
 * Sends the frames of a capture as they are, over and over, at an even rate, out of a network
 * device of the kernel.
 *
 *     frame_sender DEVICE CAPTURE RATE SECONDS
 *
 * RATE is in frames a second, 0 for as fast as it goes. The queueing layer is passed by. One JSON
 * object tells how many were handed to the device (`sent`: it may still drop some), how many it
 * refused, and in what time. Exit 0: all was done.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <pcap/pcap.h>

enum {
	BURST = 32, /* half a millisecond of 64,000 a second: a device holds some hundred frames */
	FRAMES_MAX = 1 << 18,
	SLEEP_FROM_NS = 100000, /* what is nearer is waited for on the CPU: a sleep takes longer
				   than it was asked */
};

static struct {
	int fd;
	struct iovec frames[FRAMES_MAX];
	size_t count;
	uint64_t sent, refused;
} g;

static void die(const char *what)
{
	fprintf(stderr, "frame_sender: %s\n", what);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static void open_device(const char *name)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(name)};
	int on = 1;

	/* Protocol 0: it shall not receive. */
	g.fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (g.fd < 0 || !to.sll_ifindex || bind(g.fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		die("no such device, or not allowed to send there");
	if (setsockopt(g.fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)) != 0)
		die("PACKET_QDISC_BYPASS");
}

static void read_capture(const char *path)
{
	char error[PCAP_ERRBUF_SIZE];
	pcap_t *capture = pcap_open_offline(path, error);
	struct pcap_pkthdr *head;
	const u_char *bytes;

	if (!capture || pcap_datalink(capture) != DLT_EN10MB)
		die(capture ? "the capture is not of Ethernet" : error);
	while (g.count < FRAMES_MAX && pcap_next_ex(capture, &head, &bytes) == 1) {
		struct iovec *frame = &g.frames[g.count++];

		frame->iov_len = head->caplen;
		frame->iov_base = malloc(head->caplen);
		if (!frame->iov_base)
			die("not enough memory");
		memcpy(frame->iov_base, bytes, head->caplen);
	}
	pcap_close(capture);
	if (!g.count)
		die("the capture is empty");
}

static void send_burst(unsigned count)
{
	struct mmsghdr messages[BURST] = {0};
	unsigned done = 0;

	for (unsigned i = 0; i < count; i++) {
		messages[i].msg_hdr.msg_iov = &g.frames[(g.sent + g.refused + i) % g.count];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	while (done < count) {
		int n = sendmmsg(g.fd, messages + done, count - done, 0);

		if (n > 0) {
			g.sent += (unsigned)n;
			done += (unsigned)n;
		} else if (errno == ENOBUFS || errno == EAGAIN) {
			g.refused++;
			done++;
		} else if (errno != EINTR) {
			die(strerror(errno));
		}
	}
}

static void wait_ns(uint64_t ns)
{
	struct timespec pause = {.tv_nsec = (long)(ns - SLEEP_FROM_NS / 2)};

	if (ns > SLEEP_FROM_NS)
		nanosleep(&pause, NULL);
}

static uint64_t send_all(double rate, double seconds)
{
	uint64_t start_ns = now_ns(), end_ns = start_ns + (uint64_t)(seconds * 1e9);
	uint64_t next_ns = start_ns, gap_ns = rate > 0 ? (uint64_t)(1e9 / rate) : 0;

	for (;;) {
		uint64_t now = now_ns();

		if (now >= end_ns)
			return now - start_ns;
		if (rate <= 0) {
			send_burst(BURST);
			continue;
		}
		if (now < next_ns) {
			wait_ns(next_ns - now);
			continue;
		}
		/* Who was kept from sending does not make up for more than a burst: that would be
		 * another load. */
		uint64_t due = (now - next_ns) / gap_ns + 1;
		if (due > BURST) {
			due = BURST;
			next_ns = now;
		}
		send_burst((unsigned)due);
		next_ns += due * gap_ns;
	}
}

int main(int argc, char **argv)
{
	if (argc != 5)
		die("usage: DEVICE CAPTURE RATE SECONDS");
	read_capture(argv[2]);
	open_device(argv[1]);
	uint64_t ns = send_all(atof(argv[3]), atof(argv[4]));
	printf("{\"sent\": %lu, \"refused\": %lu, \"seconds\": %.6f}\n", g.sent, g.refused,
	       (double)ns / 1e9);
	return 0;
}
