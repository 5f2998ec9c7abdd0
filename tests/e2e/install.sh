#!/bin/bash
# What `meson install` lays down, and that each command has its man page.
#
#   WEIR_BUILD  the build folder under test (default: build)
set -euo pipefail

source=$(readlink -f "$(dirname "$0")/../..")
build=$(readlink -f "${WEIR_BUILD:-$source/build}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

fail() {
	printf 'FAIL: %s\n' "$*"
	failed=1
}

option() {
	meson introspect --buildoptions "$build" |
		python3 -c 'import json, sys; print({o["name"]: o["value"] for o in json.load(sys.stdin)}[sys.argv[1]])' "$1"
}

prefix=$(option prefix)
libdir=$prefix/lib
man=$prefix/$(option mandir)
bin=$prefix/$(option bindir)
sbin=$prefix/$(option sbindir)
libexec=$prefix/$(option libexecdir)

install_into() {
	meson install -C "$build" --no-rebuild --destdir "$1" >"$work/install.log" 2>&1 ||
		{ cat "$work/install.log"; fail "meson install --destdir"; }
}

expect_files() {
	local file
	for file in "$bin/weir" "$bin/weir-control" "$bin/weir-gateway" "$libexec/weir/weir-dataplane" "$libexec/weir/weir-replay" \
		"$sbin/weir-setup-host" /etc/weir/weir.yaml \
		"$libdir/systemd/system/weir-control.service" \
		"$libdir/systemd/system/weir-dataplane.service" "$libdir/systemd/system/weir-gateway.service" \
		"$libdir/sysusers.d/weir.conf" "$libdir/tmpfiles.d/weir.conf" \
		"$man/man1/weir.1" "$man/man5/weir.yaml.5" "$man/man8/weir-control.8" \
		"$man/man8/weir-dataplane.8" "$man/man8/weir-gateway.8" "$man/man8/weir-setup-host.8"; do
		[ -s "$work/root$file" ] || fail "not installed: $file"
	done
	for file in "$bin/weir" "$bin/weir-control" "$bin/weir-gateway" "$libexec/weir/weir-dataplane" "$libexec/weir/weir-replay" "$sbin/weir-setup-host"; do
		[ -x "$work/root$file" ] || fail "not executable: $file"
	done
}

# A unit that names a program which is not where it says would fail at boot only.
expect_units_to_fit() {
	local unit program
	for unit in "$work/root$libdir"/systemd/system/*.service; do
		while read -r program; do
			[ -x "$work/root$program" ] || fail "$(basename "$unit") starts $program, which is not installed"
		done < <(sed -nE 's/^Exec(Start|Reload)=[-+!]*([^ ]+).*/\2/p' "$unit")
		! grep -q '@[a-z]*@' "$unit" || fail "$(basename "$unit"): a path was not filled in"
	done
	if command -v systemd-analyze >/dev/null; then
		cp "$work/root$libdir"/systemd/system/*.service "$work/"
		# The programs are under the destination, not where the units say.
		sed -i -E 's,^(Exec[A-Za-z]*=).*,\1/bin/true,' "$work"/*.service
		systemd-analyze verify --man=no --recursive-errors=no "$work"/weir-*.service >"$work/verify" 2>&1 || true
		! grep -F "$work" "$work/verify" || fail "systemd-analyze verify complains"
	fi
}

# An update must not take the administrator's config away.
expect_config_kept() {
	echo '# mine' >"$work/root/etc/weir/weir.yaml"
	install_into "$work/root"
	grep -qx '# mine' "$work/root/etc/weir/weir.yaml" || fail "a second install overwrote weir.yaml"
	cmp -s "$source/config/weir.yaml" "$work/root/etc/weir/weir.yaml.new" ||
		fail "a second install left no weir.yaml.new"
}

# (No grep -q behind it: it would end the pipe early, and pipefail takes that for a failure.)
page_text() { MANWIDTH=100 man -l "$1" 2>/dev/null | col -b; }

# Every option that --help names stands in the page.
expect_options() {
	local page=$1 option
	shift
	while read -r option; do
		page_text "$page" | grep -e "$option" >/dev/null || fail "$(basename "$page") does not tell of $option"
	done < <("$@" --help 2>&1 | grep -oE -e '(^|[ [|(,])--[a-z][a-z-]*' | grep -oE -e '--[a-z-]+' |
		grep -vx -e --help -e --version | sort -u)
}

expect_man_pages() {
	local page warnings command
	for page in "$work/root$man"/man?/*; do
		warnings=$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -l "$page" 2>&1 >/dev/null)
		[ -z "$warnings" ] || fail "$(basename "$page"): $warnings"
	done
	while read -r command; do
		page=$work/root$man/man1/weir-$command.1
		[ -s "$page" ] || { fail "no man page for weir $command"; continue; }
		page_text "$work/root$man/man1/weir.1" | grep "weir-$command(1)" >/dev/null || fail "weir.1 does not name weir-$command"
		expect_options "$page" "$build/control/weir" "$command"
	done < <(sed -nE 's/^\t\{"([a-z-]+)", *".*/\1/p' "$source/control/weir.c")
	expect_options "$work/root$man/man8/weir-control.8" "$build/control/weir-control"
	expect_options "$work/root$man/man8/weir-dataplane.8" "$build/dataplane/weir-dataplane"
	expect_options "$work/root$man/man8/weir-gateway.8" "$build/gateway/weir-gateway"
	expect_options "$work/root$man/man8/weir-setup-host.8" "$source/scripts/setup-host"
}

# The installed programs find each other, and do the main job.
expect_installed_to_run() {
	cat >"$work/weir.yaml" <<-END
		run_dir: $work/run
		hugepages: off
		ports: [{name: p, device: "net_pcap0,rx_pcap=$source/tests/data/quickstart.pcap"}]
		storage: {path: $work/data, segment_size: 16MiB}
		control: {listen: "off"}
		gateway: {listen: "127.0.0.1:$((10000 + $$ % 10000))"}
		streams: [{name: all, listen: {udp: any}}]
	END
	env -u WEIR_DATAPLANE -u WEIR_GATEWAY "$work/root$bin/weir" run -c "$work/weir.yaml" --until-idle 700ms --json >"$work/final.json" 2>"$work/run.log" ||
		{ cat "$work/run.log"; fail "the installed weir does not run"; return; }
	[ "$(jq .balanced "$work/final.json")" = true ] || fail "the installed weir's ledger does not balance"
	[ "$(jq .gateway.stopped "$work/final.json")" = true ] || { cat "$work/run.log"; fail "the installed weir had no gateway"; }
	"$work/root$bin/weir" verify "$work/data" >"$work/verify.log" || fail "the installed weir does not verify"
}

command -v man >/dev/null || { echo "SKIP: man is not installed"; exit 77; }
# Minimal images leave a stand-in where man should be.
man -l "$source/docs/man/weir.1" 2>/dev/null | grep -q NAME || { echo "SKIP: man cannot render pages here"; exit 77; }

install_into "$work/root"
expect_files
expect_units_to_fit
expect_man_pages
expect_config_kept
expect_installed_to_run
[ $failed = 0 ] && echo "installed files and man pages: as they should be"
exit $failed
