#!/bin/bash
# Weir and a real broker with the same segments are asked the same questions, byte by byte: their answers differ only where
# differential.py says so and why.
# timeout: 150
. "$(dirname "$0")/lib.sh"

unset ENGINES_AGAINST # both at once
make_log
start_gateway
start_kafka logs
"${inside[@]}" "$python" "$engines/differential.py" "$broker" "$kafka" logs "$T/logs.want" >"$T/differential.out" 2>&1 || {
	cat "$T/differential.out"
	fail "$(tail -n 1 "$T/differential.out")"
}
note "$(tail -n 1 "$T/differential.out")"
end_kafka
