#include "device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_keys.h"
#include "config_value.h"
#include "dataplane/api/plan.h"

/* DPDK's virtual drivers: for a guess at what was meant. needs: one of these arguments, each ended
 * by a zero byte. */
static const struct driver {
	const char *name, *needs, *example, *what;
} drivers[] = {
	{"net_af_packet", "iface\0", "net_af_packet0,iface=eth0", "the kernel's interface"},
	{"net_af_xdp", "iface\0", "net_af_xdp0,iface=eth0", "the kernel's interface"},
	{"net_pcap", "rx_pcap\0rx_iface\0rx_iface_in\0iface\0", "net_pcap0,rx_pcap=x.pcap",
	 "a capture or an interface"},
	{.name = "net_memif"},
	{.name = "net_tap"},
	{.name = "net_tun"},
	{.name = "net_ring"},
	{.name = "net_null"},
	{.name = "net_vhost"},
	{.name = "net_virtio_user"},
	{.name = "virtio_user"},
	{.name = "net_failsafe"},
	{.name = "net_bonding"},
	{.name = "net_softnic"},
	{.name = "net_vdev_netvsc"},
};

enum { DRIVERS = sizeof(drivers) / sizeof(drivers[0]), DRIVER_NAME_MAX = 32 };

bool device_is(const char *device, const char *driver)
{
	size_t n = strlen(driver);

	if (strncmp(device, driver, n) != 0)
		return false;
	n += strspn(device + n, "0123456789_");
	return device[n] == ',' || device[n] == 0;
}

const char *device_argument(const char *device, const char *name, unsigned n)
{
	size_t len = strlen(name);

	for (const char *p = strchr(device, ','); p; p = strchr(p + 1, ','))
		if (strncmp(p + 1, name, len) == 0 && p[1 + len] == '=' && n-- == 0)
			return p + 1 + len + 1;
	return NULL;
}

void device_copy_argument(const char *value, char *out, size_t size)
{
	snprintf(out, size, "%.*s", (int)strcspn(value, ","), value);
}

uint32_t device_amount(const char *device, const char *name, uint32_t otherwise)
{
	const char *text = device_argument(device, name, 0);
	unsigned long n = text ? strtoul(text, NULL, 10) : otherwise;

	return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

unsigned device_number(const char *device, const char *name, unsigned otherwise)
{
	uint32_t n = device_amount(device, name, otherwise);

	return n > UINT16_MAX ? UINT16_MAX : n;
}

static const struct driver *find_driver(const char *device)
{
	for (unsigned i = 0; i < DRIVERS; i++)
		if (device_is(device, drivers[i].name))
			return &drivers[i];
	return NULL;
}

bool device_is_whole(const char *device, char *hint, size_t hint_size)
{
	const struct driver *driver = find_driver(device);

	if (!driver || !driver->needs)
		return true;
	for (const char *name = driver->needs; *name; name += strlen(name) + 1)
		if (device_argument(device, name, 0))
			return true;
	snprintf(hint, hint_size, "%s must be told %s: %s", driver->name, driver->what,
		 driver->example);
	return false;
}

/* No driver of that name. Which was meant, perhaps: with the arguments that stand there. */
static void guess(const char *device, char *why, size_t why_size)
{
	size_t len = strcspn(device, ",");
	const char *arguments = device + len;
	const struct driver *best = NULL;
	unsigned least = 4;
	char name[DRIVER_NAME_MAX];

	while (len && device[len - 1] >= '0' && device[len - 1] <= '9')
		len--;
	snprintf(name, sizeof(name), "%.*s", (int)len, device);
	for (unsigned i = 0; i < DRIVERS; i++) {
		unsigned cost = config_text_distance(name, drivers[i].name);

		if (cost < least) {
			least = cost;
			best = &drivers[i];
		}
	}
	int n = snprintf(why, why_size, "DPDK has no driver %s that is known here", name);
	if (!best || n >= (int)why_size)
		return;
	if (!*arguments && best->example)
		snprintf(why + n, why_size - (size_t)n, ": did you mean %s?", best->example);
	else
		snprintf(why + n, why_size - (size_t)n, ": did you mean %s0%s?", best->name,
			 arguments);
}

static bool there(const char *folder, const char *name)
{
	char path[PLAN_DEVICE_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return access(path, F_OK) == 0;
}

bool device_is_here(const char *device, char *why, size_t why_size)
{
	char name[PLAN_DEVICE_MAX];
	const char *value;

	if (config_pci_address(device, name)) {
		if (there("/sys/bus/pci/devices", name))
			return true;
		snprintf(why, why_size, "there is no PCI device %s in this machine", name);
		return false;
	}
	if (!find_driver(device)) {
		guess(device, why, why_size);
		return false;
	}
	if ((value = device_argument(device, "iface", 0)) != NULL) {
		device_copy_argument(value, name, sizeof(name));
		if (there("/sys/class/net", name))
			return true;
		snprintf(why, why_size, "there is no interface %s here", name);
		return false;
	}
	for (unsigned i = 0; (value = device_argument(device, "rx_pcap", i)) != NULL; i++) {
		device_copy_argument(value, name, sizeof(name));
		if (access(name, R_OK) == 0)
			continue;
		snprintf(why, why_size, "%s cannot be read: %m", name);
		return false;
	}
	return true;
}
