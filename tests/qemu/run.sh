#!/bin/bash
# The path of docs/deploy.md on a virtual server: Debian 12 in QEMU with two PCI NICs behind an IOMMU.
#
#   WEIR_BUILD  the build folder whose installation is tested (default: build)
#   KEEP=1      leave the working folder (console of the guest, its disk) for a look
#
# timeout: 1800
#
# Two to ten minutes, by how busy the machine is; the guest image is built once (build-image, three minutes) and kept in
# ${XDG_CACHE_HOME:-~/.cache}/weir. Exit 77: cannot run here, and says why.
set -euo pipefail
export LC_ALL=C.UTF-8

here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${WEIR_BUILD:-$here/../../build}" && pwd)

skip() {
	echo "SKIP: $*"
	exit 77
}

[ -z "${CI:-}" ] || [ "${CI}" = false ] || skip "a virtual server takes minutes: not in CI"
for tool in qemu-system-x86_64 qemu-img mkfs.ext4 python3; do
	command -v $tool >/dev/null || skip "$tool is not installed"
done
options=$(meson introspect --buildoptions "$build")
# The guest has no sanitizer's runtime.
sanitize=$(python3 -c 'import json, sys
print({o["name"]: o["value"] for o in json.load(sys.stdin)}["b_sanitize"])' <<<"$options")
[ "$sanitize" = none ] || skip "the build has sanitizers"

status=0
image=$("$here/build-image") || status=$?
[ $status -ne 77 ] || skip "no guest image, and none can be built here"
[ $status -eq 0 ] || exit 1

work=$(mktemp -d /tmp/weir-qemu.XXXXXX)
finish() {
	if [ -n "${KEEP:-}" ]; then
		echo "kept: $work"
	else
		rm -rf "$work"
	fi
}
trap finish EXIT

# The medium with Weir on it: what `meson install` lays down, at the paths of a package.
meson install -C "$build" --no-rebuild --destdir "$work/root" >"$work/install.log" 2>&1 ||
	{ cat "$work/install.log"; exit 1; }
chown -R root:root "$work/root"
mkfs.ext4 -q -d "$work/root" "$work/weir.ext4" 64M

timeout -k 10 1500 python3 "$here/proof.py" "$image" "$work" "$work/weir.ext4" "$here/weir.yaml"
