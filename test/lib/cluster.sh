# shellcheck shell=bash
# A private cluster and a simulated gateway for demo, tests and benchmarks; to be sourced by bash.
#
# Everything stands in one folder of its own made by mktemp: data, sockets, logs, the gateway. Nothing listens on
# TCP but the gateway, on loopback. As root the processes run as user postgres, since the server refuses root.
#
# cluster_make NAME [CONF-LINE…]   a folder, a data directory, postgresql.conf; sets WORK, BIN, PGHOST, PGPORT, PGUSER
# cluster_initdb DIRECTORY         a data directory: a copy of CLUSTER_TEMPLATE where that is set, otherwise by initdb
# cluster_start / cluster_stop     pg_ctl; the server's log is shown when it does not start
# gateway_start [ARG…]             sets GATEWAY (its URL) and GATEWAY_PID; ready when it returns
# control PATH                     one request to the gateway's control side

set -euo pipefail

BIN=$("${PG_CONFIG:-pg_config}" --bindir)

say() { printf '%s\n' "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# As the user that owns the cluster: postgres when we are root, otherwise ourselves.
as_owner() {
	if [ "$(id -u)" -eq 0 ]; then
		(cd / && runuser -u postgres -- "$@")
	else
		"$@"
	fi
}

cluster_make() {
	local name=$1
	shift
	if [ "$(id -u)" -eq 0 ] && ! id postgres >/dev/null 2>&1; then
		die 'user postgres is missing: install the package postgresql-common'
	fi
	WORK=$(mktemp -d "${TMPDIR:-/tmp}/ordersync-$name.XXXXXX")
	[ "$(id -u)" -ne 0 ] || chown postgres: "$WORK"
	mkdir "$WORK/sock"
	[ "$(id -u)" -ne 0 ] || chown postgres: "$WORK/sock"
	# The data is UTF-8 whatever the locale of the one who runs this.
	export PGHOST=$WORK/sock PGPORT=${PGPORT:-56700} PGUSER=postgres PGCLIENTENCODING=UTF8
	unset PGSERVICE PGPASSFILE PGOPTIONS PGDATABASE PGHOSTADDR PGSSLMODE
	cluster_initdb "$WORK/data"
	{
		printf "listen_addresses = ''\nunix_socket_directories = '%s'\nport = %s\n" "$PGHOST" "$PGPORT"
		printf '%s\n' "$@"
	} >>"$WORK/data/postgresql.conf"
}

cluster_initdb() {
	if [ -n "${CLUSTER_TEMPLATE:-}" ]; then
		as_owner cp -a "$CLUSTER_TEMPLATE" "$1"
		return
	fi
	as_owner "$BIN/initdb" -D "$1" -U postgres -A trust -N -E UTF8 --locale=C.UTF-8 >"$1.initdb.log" 2>&1 ||
		{ cat "$1.initdb.log" >&2; die 'initdb failed'; }
}

cluster_start() {
	as_owner "$BIN/pg_ctl" -D "$WORK/data" -l "$WORK/server.log" -w -t 60 start >"$WORK/pg_ctl.log" 2>&1 || {
		cat "$WORK/pg_ctl.log" >&2
		[ ! -f "$WORK/server.log" ] || tail -n 30 "$WORK/server.log" >&2
		die 'the private cluster did not start'
	}
}

cluster_stop() {
	as_owner "$BIN/pg_ctl" -D "$WORK/data" -m "${1:-fast}" -w -t 60 stop >"$WORK/pg_ctl.log" 2>&1 || cat "$WORK/pg_ctl.log" >&2
}

# Polls a condition (a command) until it holds; says what it waited for when it does not.
wait_for() {
	local what=$1 deadline=$((SECONDS + ${WAIT_LIMIT:-60}))
	shift
	until "$@"; do
		[ $SECONDS -lt $deadline ] || die "waited in vain for $what"
		sleep 0.05
	done
}

gateway_start() {
	local log=$WORK/gateway.log
	cp "${GATEWAY_PROGRAM:?}" "$WORK/gateway"
	chmod 755 "$WORK/gateway"
	: >"$log"
	as_owner setsid "$WORK/gateway" --port 0 "$@" >>"$log" 2>&1 </dev/null &
	GATEWAY_JOB=$!
	wait_for 'the simulated gateway' gateway_said_port "$log"
	GATEWAY=http://$(sed -n 's/^listening on //p' "$log" | head -n 1)
	# shellcheck disable=SC2034 # for those who source this
	GATEWAY_PID=$(gateway_pid)
}

gateway_said_port() {
	grep -q '^listening on ' "$1" && return 0
	kill -0 "$GATEWAY_JOB" 2>/dev/null || { cat "$1" >&2; die 'the simulated gateway ended at once'; }
	return 1
}

# The gateway itself, not the runuser around it.
gateway_pid() {
	local p
	for p in /proc/[0-9]*; do
		[ "$(readlink "$p/exe" 2>/dev/null)" = "$WORK/gateway" ] && { echo "${p#/proc/}"; return; }
	done
}

control() {
	curl --silent --show-error --fail --noproxy '*' "$GATEWAY/control/$1" || die "the gateway's control refused: $1"
}
