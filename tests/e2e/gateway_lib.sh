# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # the tests use what is set here, and lib.sh sets what is used
# What tests of the gateway share: `. "$(dirname "$0")/gateway_lib.sh"`, after lib.sh.

gateway_pid=
broker= # the gateway's address

# Any free port, unless the options say --listen. What it says is in $T/gateway.log, behind what those before it said.
start_gateway() { # [PREFIX... --] OPTIONS...
	local prefix=() address=(--listen 127.0.0.1:0)
	if [[ " $* " == *" -- "* ]]; then
		while [ "$1" != -- ]; do
			prefix+=("$1")
			shift
		done
		shift
	fi
	[[ " $* " != *" --listen "* ]] || address=()
	: >>"$T/gateway.log"
	gateway_log_at=$(stat -c %s "$T/gateway.log")
	"${prefix[@]}" "$build/gateway/weir-gateway" "${address[@]}" "$@" 2>>"$T/gateway.log" &
	gateway_pid=$!
	pids+=("$gateway_pid")
	wait_until 20 "the gateway listens" gateway_listens_or_died
	[ -n "$broker" ] || fail "the gateway ended at once: $(tail -n 3 "$T/gateway.log")"
}
gateway_listens_or_died() {
	broker=$(tail -c "+$((gateway_log_at + 1))" "$T/gateway.log" | sed -n 's/^weir-gateway: listens on \([^,]*\),.*/\1/p')
	[ -n "$broker" ] || ! kill -0 "$gateway_pid" 2>/dev/null
}
stop_gateway() { # SIGTERM, expects a clean stop
	local code=0
	kill -TERM "$gateway_pid" || fail "the gateway is not there any more"
	wait_until 30 "the gateway ends after SIGTERM" gone "$gateway_pid"
	wait "$gateway_pid" || code=$?
	assert_eq "the gateway's exit status" "$code" 0
}
kill_gateway() { { kill -9 "$gateway_pid" && wait "$gateway_pid"; } 2>/dev/null || true; }

# --- what it takes -----------------------------------------------------------------------------

few_descriptors() { [ "$(find "/proc/$gateway_pid/fd" | wc -l)" -lt "$1" ]; }
# Its processor time, in hundredths of a second.
ticks() { awk '{print $14 + $15}' "/proc/$gateway_pid/stat"; }
ticks_in() { # SECONDS
	local before
	before=$(ticks)
	sleep "$1"
	echo $(($(ticks) - before))
}
assert_memory() { # KIB LIMIT: not under AddressSanitizer, which takes memory of its own
	[ "$1" -lt "$2" ] || [ "$(nm "$build/gateway/weir-gateway" 2>/dev/null | grep -c __asan_init)" -gt 0 ] ||
		fail "the gateway takes $1 KiB, want less than $2"
}

# --- slow and bad disks ------------------------------------------------------------------------

# $DATA on such a disk, read-only, is $T/disk; $T/reads counts (slow_disk.py).
mount_disk() { # MS [BAD_FILE]
	"$python" -c 'import fusepy' 2>/dev/null || skip "no python3-fusepy"
	mkdir "$T/disk"
	background "$python" "$here/slow_disk.py" "$DATA" "$T/disk" "$1" "$T/reads" "${@:2}"
	wait_until 10 "the disk is there" mounted_or_gone
	mountpoint -q "$T/disk" || skip "cannot mount by FUSE"
	mounts+=("$T/disk")
}
mounted_or_gone() { mountpoint -q "$T/disk" || gone "$last_pid"; }
