/*
 * The sockets that a driver opened for itself: found by looking at our own descriptors before and
 * after, since DPDK has no call that tells them. They are needed to wait for packets, to read what
 * the kernel dropped, and to keep our own outgoing frames out.
 */
#include "rx_port_fds.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/filter.h>
#include <linux/if_packet.h>

#ifndef AF_XDP
#define AF_XDP 44
#endif

static bool is_packet_socket(int fd)
{
	int domain = 0;
	socklen_t len = sizeof(domain);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
	       (domain == AF_PACKET || domain == AF_XDP);
}

void port_fds_read(struct port_fds *set)
{
	memset(set, 0, sizeof(*set));
	DIR *dir = opendir("/proc/self/fd");
	if (!dir)
		return;
	for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
		int fd = atoi(e->d_name);

		if (e->d_name[0] != '.' && fd != dirfd(dir) && fd < PORT_FDS_LIMIT &&
		    is_packet_socket(fd))
			set->is_socket[fd] = true;
	}
	closedir(dir);
}

void port_fds_new(const struct port_fds *before, struct port *port)
{
	struct port_fds now;

	port_fds_read(&now);
	port->fds_count = 0;
	/* Drivers open their sockets queue by queue, so ascending numbers are queue order. */
	for (int fd = 0; fd < PORT_FDS_LIMIT && port->fds_count < PORT_FDS_MAX; fd++)
		if (now.is_socket[fd] && !before->is_socket[fd])
			port->fds[port->fds_count++] = fd;
}

int port_fds_drop_outgoing(const struct port *port)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	for (unsigned i = 0; i < port->fds_count; i++)
		if (setsockopt(port->fds[i], SOL_SOCKET, SO_ATTACH_FILTER, &program,
			       sizeof(program)) < 0)
			return -1;
	return 0;
}
