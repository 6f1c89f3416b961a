#!/bin/sh
# bench-echo.sh [OPTION...]: measures the shipped echod, and echo servers in C, Rust and Go. The options are those of
# echo-bench: --only SCENARIOS, --with SERVERS, --rounds N, --seconds S. RING3_ECHOC names another client, which must
# print the same lines as echoc.
cd "$(dirname -- "$0")/.."
. scripts/lib.sh
use_tools

scripts/build.sh "$host"
fetch benches/echo
cargo build --quiet --release --manifest-path benches/echo/Cargo.toml --locked --offline

servers=target/echo-bench
mkdir -p $servers
for peer in tokio monoio; do cp -- "$CARGO_TARGET_DIR/release/echo-$peer" $servers/$peer; done
"$CC" -O2 -s -o $servers/cepoll benches/echo/peers/cepoll.c
CGO_ENABLED=0 GOFLAGS='' GOCACHE="$PWD/target/go" \
	"$GO" build -trimpath -ldflags '-s -w' -o $servers/go benches/echo/peers/main.go
cp -- "target/dist/$host/echod" $servers/echod
cp -- "${RING3_ECHOC:-target/dist/$host/echoc}" $servers/echoc
export STRACE
exec "$CARGO_TARGET_DIR/release/echo-bench" "$@" $servers
