#!/bin/bash
# What weir makes of the quickstart's capture of real senders, in a real Kafka: see check-ours.
# timeout: 300
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$(cd "${WEIR_BUILD:-$root/build}" && pwd)

if ! "$here/fetch-kafka" >/dev/null; then
	echo "SKIP: no Kafka to be had"
	exit 77
fi
dir=$(mktemp -d /tmp/weir-golden-capture.XXXXXX)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/weir.yaml" <<YAML
run_dir: $dir/run
hugepages: off
ports:
  - name: capture
    device: "net_pcap0,rx_pcap=$root/tests/data/quickstart.pcap"
lanes: {count: 1}
storage: {path: $dir/data, segment_size: 128KiB}
control: {listen: off}
gateway: {listen: off}
streams:
  - {name: syslog, listen: {udp: 514}, batch_size: 64KiB, compression: lz4, headers: [src, dst, rx_ns]}
  - {name: statsd, listen: {udp: 8125}, decoder: lines, batch_size: 64KiB, compression: zstd}
  - {name: rest, listen: {udp: any}, batch_size: 64KiB, linger: 100us}
YAML
timeout 100 "$build/control/weir" run -c "$dir/weir.yaml" --until-idle 1s >"$dir/out" 2>&1 || {
	tail -n 20 "$dir/out"
	exit 1
}
"$here/check-ours" "$dir/data"
