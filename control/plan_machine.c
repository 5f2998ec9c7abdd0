#include "plan_machine.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MIB (UINT64_C(1) << 20)

uint64_t plan_memory_available(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	char line[160];
	unsigned long long kib = 0;

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %llu", &kib) == 1)
			break;
	fclose(file);
	return kib * 1024;
}

bool plan_fits_memory(const struct plan *plan, char *err, size_t err_size)
{
	uint64_t available = plan_memory_available();

	if (plan->hugepages || !available || plan->memory_mib <= available / MIB)
		return true;
	snprintf(err, err_size,
		 "memory: the plan needs %u MiB, %llu MiB are available: fewer lanes.slabs, a "
		 "smaller "
		 "batch_size, fewer max_streams or lanes ('weir plan' shows what takes how much)",
		 plan->memory_mib, (unsigned long long)(available / MIB));
	return false;
}

/* The value of name= in a device string like "net_pcap0,rx_pcap=a.pcap"; false: it has none. */
static bool device_option(const char *device, const char *name, char *out, size_t size)
{
	size_t len = strlen(name);

	for (const char *at = strchr(device, ','); at; at = strchr(at + 1, ','))
		if (strncmp(at + 1, name, len) == 0 && at[1 + len] == '=') {
			const char *value = at + 2 + len;
			snprintf(out, size, "%.*s", (int)strcspn(value, ","), value);
			return true;
		}
	return false;
}

/* As the kernel names a PCI device: 0000:3b:00.0; or without the domain. */
static bool pci_address(const char *device, char *out, size_t size)
{
	unsigned domain = 0, bus, slot, function;
	int end = 0;

	if (sscanf(device, "%4x:%2x:%2x.%1u%n", &domain, &bus, &slot, &function, &end) != 4 ||
	    !end) {
		domain = 0;
		end = 0;
		if (sscanf(device, "%2x:%2x.%1u%n", &bus, &slot, &function, &end) != 3 || !end)
			return false;
	}
	snprintf(out, size, "%04x:%02x:%02x.%u", domain, bus, slot, function);
	return device[end] == '\0' || device[end] == ',';
}

bool plan_port_exists(const struct plan_port *port, char *err, size_t err_size)
{
	char name[PLAN_DEVICE_MAX], path[PLAN_DEVICE_MAX + 32];

	if (pci_address(port->device, name, sizeof(name))) {
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", name);
		if (access(path, F_OK) == 0)
			return true;
		snprintf(err, err_size, "port %s: there is no PCI device %s in this machine",
			 port->name, name);
		return false;
	}
	if (device_option(port->device, "iface", name, sizeof(name))) {
		snprintf(path, sizeof(path), "/sys/class/net/%s", name);
		if (access(path, F_OK) == 0)
			return true;
		snprintf(err, err_size, "port %s: there is no interface %s here", port->name, name);
		return false;
	}
	if (device_option(port->device, "rx_pcap", name, sizeof(name)) && access(name, R_OK) != 0) {
		snprintf(err, err_size, "port %s: %s cannot be read", port->name, name);
		return false;
	}
	return true;
}
