#!/bin/bash
# Starts PostgreSQL; makes the database cluster first if PGDATA is empty. Knows the variables of the official image
# that matter here: POSTGRES_USER, POSTGRES_DB, POSTGRES_PASSWORD_FILE, PGDATA. A password in the environment is
# refused: every child process and whoever may describe the pod would see it.
set -euo pipefail

die() {
	echo "entrypoint: $*" >&2
	exit 1
}

# Arguments that are options go to postgres; another command runs as it is.
[[ $# -eq 0 || ${1:0:1} == - ]] && set -- postgres "$@"
[[ $1 == postgres ]] || exec "$@"

: "${PGDATA:=/var/lib/postgresql/data}" "${POSTGRES_USER:=postgres}"
: "${POSTGRES_DB:=$POSTGRES_USER}"
export PGDATA

[[ $(id -u) != 0 ]] || die "postgres must not run as root"
[[ -z ${POSTGRES_PASSWORD:-} ]] || die "POSTGRES_PASSWORD is set; give the password in a file named by POSTGRES_PASSWORD_FILE"

# A database is made in a folder of its own and moved into place when it is whole, its version file last: a start that
# is killed at any moment leaves either nothing that counts or something that the next start completes.
new=$PGDATA/.new complete=$PGDATA/.complete

initialise() {
	local socket=/tmp/entrypoint.$$ file
	[[ -r ${POSTGRES_PASSWORD_FILE:-} ]] || die "POSTGRES_PASSWORD_FILE names no readable file"
	rm -rf "$new" "$socket"
	initdb --pgdata "$new" --username "$POSTGRES_USER" --pwfile "$POSTGRES_PASSWORD_FILE" \
		--auth-host scram-sha-256 --auth-local trust --data-checksums --encoding UTF8 --locale C.UTF-8
	printf 'host all all all scram-sha-256\n' >>"$new/pg_hba.conf"

	# No network until all is there.
	mkdir -m 700 "$socket"
	pg_ctl --pgdata "$new" --wait start --options "-c listen_addresses='' -c unix_socket_directories=$socket"
	export PGHOST=$socket PGUSER=$POSTGRES_USER PGDATABASE=$POSTGRES_DB
	[[ $POSTGRES_DB == postgres ]] || createdb --maintenance-db postgres "$POSTGRES_DB"
	for file in /docker-entrypoint-initdb.d/*; do
		case $file in
		*.sql) psql --no-psqlrc --set ON_ERROR_STOP=1 --file "$file" ;;
		*.sh) bash "$file" ;;
		esac
	done
	pg_ctl --pgdata "$new" --wait --mode fast stop
	unset PGHOST PGUSER PGDATABASE
	rmdir "$socket"
	touch "$complete"
}

move_into_place() {
	find "$new" -mindepth 1 -maxdepth 1 ! -name PG_VERSION -exec mv --target-directory "$PGDATA" {} +
	mv "$new/PG_VERSION" "$PGDATA"
	rm -rf "$new" "$complete"
}

mkdir -p "$PGDATA"
chmod 700 "$PGDATA" || die "$PGDATA belongs to someone else; let PGDATA be a folder below the mount point"
if [[ ! -e $PGDATA/PG_VERSION ]]; then
	if [[ ! -e $complete ]]; then
		strangers=$(find "$PGDATA" -mindepth 1 -maxdepth 1 ! -name .new ! -name lost+found)
		[[ -z $strangers ]] || die "$PGDATA is not empty and holds no database; nothing was touched"
		initialise
	fi
	move_into_place
fi
exec "$@" -c listen_addresses='*'
