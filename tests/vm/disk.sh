# SPDX-License-Identifier: Apache-2.0
# The guest's disk: rows of `servers` as an ext4 image, cached. Sourced by run.
# shellcheck shell=bash

# items NAME...: their rows, those of +names included.
items() {
	local name package item
	for name; do
		rows servers | awk -v n="$name" '$1 == n { found = 1; print } END { exit !found }' |
			while read -r _ package item; do
				if [[ $item == +* ]]; then items "${item#+}"; else printf '%s %s %s\n' "$name" "$package" "$item"; fi
			done
	done
}

known_servers() { rows servers | awk '!seen[$1]++ { printf " %s", $1 }'; }

# check_names NAME...
check_names() {
	local name
	for name; do
		rows servers | awk -v n="$name" '$1 == n { f = 1 } END { exit !f }' ||
			die "no row $name in servers; there are:$(known_servers)"
	done
}

# item_paths GLOB PACKAGE NAME: what it stands for on this machine.
item_paths() { compgen -G "$1" || skip "no $1 here, which $3 needs (Debian package $2)"; }

# disk_key NAME...: changes whenever a file of the items does, or any installed package (a library).
disk_key() {
	local package item
	{
		items "$@"
		cat -- "$TT_VM_HERE"/{root.sh,disk.sh}
		stat -c %Y /var/lib/dpkg/status 2>/dev/null || true
		while read -r _ package item; do
			[[ $item != /* ]] || item_paths "$item" "$package" "$*" |
				xargs -d '\n' -I{} find -L {} -maxdepth 1 -printf '%p %s %T@\n'
		done < <(items "$@")
	} | sha256sum | cut -c 1-24
}

# add_items ROOT NAME: all of one name.
add_items() {
	local root=$1 name=$2 package item path TT_EXCLUDES=()
	while read -r _ package item; do
		case $item in
		!*) TT_EXCLUDES+=("--exclude=${item#!}") ;;
		esac
	done < <(items "$name")
	while read -r _ package item; do
		case $item in
		!*) ;;
		@*) "prepare_${item#@}" "$root" ;;
		*) while read -r path; do add_path "$root" "$path"; done < <(item_paths "$item" "$package" "$name") ;;
		esac
	done < <(items "$name")
}

prepare_coreutils() {
	local file
	while read -r file; do add_file "$1" "$file"; done < <(dpkg -L coreutils | grep -E '^(/usr)?/s?bin/.')
}

prepare_mariadb_data() {
	mkdir -p "$1/var/lib/mysql"
	mariadb-install-db --no-defaults --datadir="$1/var/lib/mysql" --user="$(id -un)" \
		--auth-root-authentication-method=normal --skip-test-db >"$1.log" 2>&1 ||
		{ cat "$1.log" >&2; die "mariadb-install-db failed"; }
}

# initdb refuses root, and the directory must be reachable for whoever it is instead.
prepare_postgres_data() {
	local as=() data
	data=$(mktemp -d "${TMPDIR:-/tmp}/tt-vm-pg.XXXXXX")
	if [[ $(id -u) -eq 0 ]]; then
		chown nobody "$data"
		as=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
	fi
	(cd / && TZ=UTC ${as[@]+"${as[@]}"} "$(compgen -G '/usr/lib/postgresql/*/bin/initdb' | tail -n 1)" \
		-D "$data" -U postgres -A trust --locale=C --encoding=UTF8 --no-sync) >"$1.log" 2>&1 ||
		{ cat "$1.log" >&2; rm -rf -- "$data"; die "initdb failed"; }
	mkdir -p "$1/var/lib/postgresql"
	mv -T "$data" "$1/var/lib/postgresql/data"
}

# make_image ROOT FILE: an ext4 without journal (it is thrown away) and with room to write in.
make_image() {
	local mb
	mb=$(($(du -sm "$1" | cut -f 1) * 5 / 4 + 512))
	as_root mke2fs -q -F -t ext4 -O '^has_journal,^metadata_csum' -m 0 -i 8192 -d "$1" "$2" "${mb}M" >/dev/null
}

# as_root CMD...: so that what is owned by the caller becomes root's on the image.
as_root() { if [[ $(id -u) -eq 0 ]]; then "$@"; else unshare -r "$@"; fi; }

# disk_image NAME...: prints the cached image which holds all of them.
disk_image() {
	local names file root name
	check_names "$@"
	need mke2fs e2fsprogs
	names=$(printf '%s\n' "$@" | sort -u | paste -sd+)
	file=$TT_VM_CACHE/disks/$names-$(disk_key "$@").img
	if [[ ! -f $file ]]; then
		mkdir -p "$TT_VM_CACHE/disks"
		rm -f -- "$TT_VM_CACHE/disks/$names"-????????????????????????.img
		root=$(mktemp -d "$TT_VM_CACHE/disks/new.XXXXXX")
		chmod 755 "$root"
		skeleton "$root"
		for name in ${names//+/ }; do add_items "$root" "$name"; done
		make_image "$root" "$root.img"
		mv "$root.img" "$file"
		rm -rf -- "$root" "$root.log"
	fi
	printf '%s\n' "$file"
}
