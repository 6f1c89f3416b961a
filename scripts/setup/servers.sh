# Real servers for the tests of probe: nginx, Redis, PostgreSQL, and gRPC for Python. They are unpacked in the cache, and
# not installed, because Debian's packages would start services. Without them these tests skip.

servers='nginx redis-tools python3-grpcio postgresql' # redis-tools has the server's program, under another name

# find_servers: sets SERVERS to the folder of the unpacked packages, or to nothing if they are not available.
find_servers() {
	at=$cache/servers-$host
	# shellcheck disable=SC2086 # words
	if guest_fetch 'servers that probe is tested with' "$servers" "servers-$host" unpack_all $servers; then
		relied_on "$at/usr"
	else
		at=''
		[ -z "$allowed" ] || lack servers
	fi
	note SERVERS "$at"
}
