# SPDX-License-Identifier: Apache-2.0
# The guest's file tree: what is put into it and how. Sourced by run.
# shellcheck shell=bash

# put ROOT FILE: one file or link at its own path; the way to it is the guest's (lib is usr/lib).
put() {
	local dir
	dir=$1$(realpath -- "$(dirname -- "$2")")
	[[ ! -e $dir/${2##*/} && ! -L $dir/${2##*/} ]] || return 0
	mkdir -p "$dir"
	cp -a -- "$2" "$dir/"
}

# put_linked ROOT FILE: a file and, when it is a link, what it leads to.
put_linked() {
	local file=$2 target
	put "$1" "$file"
	while [[ -L $file ]]; do
		target=$(readlink -- "$file")
		[[ $target == /* ]] || target=$(dirname -- "$file")/$target
		file=$target
		[[ -d $file ]] && return 0
		put "$1" "$file"
	done
}

# libraries FILE...: every shared object they load, the loader included.
libraries() {
	ldd -- "$@" 2>/dev/null |
		awk '$2 == "=>" && $3 ~ /^\// { print $3 } $1 ~ /^\// && $1 !~ /:$/ { print $1 }' | sort -u
}

# add_libraries ROOT FILE...
add_libraries() {
	local root=$1 library
	shift
	[[ $# -gt 0 ]] || return 0
	while read -r library; do put_linked "$root" "$library"; done < <(libraries "$@")
}

# interpreter FILE: the program a script starts with, where it is one.
interpreter() {
	local first
	IFS= read -r first <"$1" 2>/dev/null || true
	[[ ${first:-} =~ ^'#!'[[:space:]]*([^[:space:]]+)([[:space:]]+([^[:space:]]+))? ]] || return 0
	if [[ ${BASH_REMATCH[1]} == */env ]]; then command -v "${BASH_REMATCH[3]}" || true
	else printf '%s\n' "${BASH_REMATCH[1]}"; fi
}

# add_file ROOT FILE [AS]
add_file() {
	local program
	if [[ -n ${3:-} ]]; then
		mkdir -p "$1$(dirname -- "$3")"
		cp -aL -- "$2" "$1$3"
	else
		put_linked "$1" "$(realpath -s -- "$2")"
	fi
	add_libraries "$1" "$2"
	program=$(interpreter "$2" | tr -d '\0')
	[[ $program != /* || $program == /bin/sh || ! -e $program ]] || add_file "$1" "$program"
}

# add_dir ROOT DIR [AS]: the tree without TT_EXCLUDES, and the libraries of the programs and objects in it.
add_dir() {
	local from as objects=()
	from=$(realpath -- "$2")
	as=${3:-$from}
	mkdir -p "$1$as"
	tar -C "$from" --exclude=.git ${TT_EXCLUDES[@]+"${TT_EXCLUDES[@]}"} -cf - . | tar -C "$1$as" -xf -
	mapfile -d '' objects < <(find "$1$as" -type f \( -perm /111 -o -name '*.so*' \) -size +0 -print0)
	add_libraries "$1" ${objects[@]+"${objects[@]}"}
}

# add_path ROOT PATH [AS]
add_path() {
	[[ -e $2 ]] || die "cannot bring $2: there is no such thing"
	if [[ -d $2 ]]; then add_dir "$@"; else add_file "$@"; fi
}

# archive ROOT FILE: as an initramfs, everything owned by the guest's root.
archive() { (cd "$1" && find . -print0 | sort -z | cpio --null -o -H newc -R 0:0 --quiet) >"$2"; }

# key FILE...: one name for the contents of all of them.
key() { cat -- "$@" | sha256sum | cut -c 1-24; }

# skeleton ROOT: directories, the merged-usr links and the files names are looked up in.
skeleton() {
	local dir
	mkdir -p "$1"/{dev,proc,sys,run,tmp,out,disk,root,etc,tt,var/lib,var/log,usr/{bin,sbin,lib,lib64}}
	for dir in bin sbin lib lib64; do ln -sfn "usr/$dir" "$1/$dir"; done
	ln -sfn ../run "$1/var/run"
	ln -sfn ../proc/self/mounts "$1/etc/mtab"
	cp -- "$TT_VM_HERE"/etc/* "$1/etc/"
}

# busybox: a static one.
find_busybox() {
	local file
	file=$(type -P busybox) || skip "no busybox here (Debian package busybox-static)"
	! ldd "$file" >/dev/null 2>&1 || skip "the busybox here is not static (Debian package busybox-static)"
	printf '%s\n' "$file"
}

# wanted_modules DIR: those of `modules` that this kernel has, with what they depend on, as paths in DIR.
wanted_modules() {
	rows modules | awk -v dep="$1/modules.dep" '
		{ want[$1] = 1 }
		END {
			while ((getline line < dep) > 0) {
				n = split(line, f, /[: ]+/)
				name = f[1]; sub(/.*\//, "", name); sub(/\.ko$/, "", name); gsub(/-/, "_", name)
				if (name in want) for (i = 1; i <= n; i++) if (f[i] != "") print f[i]
			}
		}' | sort -u
}

# add_modules ROOT KERNEL: them, and indexes which speak of them alone (emulated, a long one is slow).
add_modules() {
	local release from to file
	release=$(<"$TT_VM_CACHE/kernels/$2/release")
	from=$TT_VM_CACHE/kernels/$2/lib/modules/$release
	to=$1/usr/lib/modules/$release
	mkdir -p "$to"
	while read -r file; do
		mkdir -p "$to/${file%/*}"
		cp -- "$from/$file" "$to/$file"
	done < <(wanted_modules "$from")
	touch "$to/modules.builtin" "$to/modules.order"
	depmod -b "$1" "$release" 2>/dev/null
	rows modules | awk '$2 == "boot" { print $1 }' >"$1/tt/boot-modules"
}

# base_archive KERNEL: the cached archive with all a guest of this kernel has anyway.
base_archive() {
	local busybox file root
	busybox=$(find_busybox)
	file=$TT_VM_CACHE/base/$1-$(key "$busybox" "$TT_VM_CACHE/kernels/$1/package" \
		"$TT_VM_HERE"/{init,guest,start,modules,root.sh} "$TT_VM_HERE"/etc/*).cpio
	if [[ ! -f $file ]]; then
		mkdir -p "$TT_VM_CACHE/base"
		rm -f -- "$TT_VM_CACHE/base/$1"-????????????????????????.cpio
		root=$(mktemp -d "$TT_VM_CACHE/base/new.XXXXXX")
		skeleton "$root"
		cp -- "$busybox" "$root/usr/bin/busybox"
		# Debian's busybox shell runs its own applets without exec; who is observed must be real.
		add_file "$root" /bin/sh
		cp -- "$TT_VM_HERE/init" "$root/init"
		cp -- "$TT_VM_HERE"/{guest,start} "$root/tt/"
		chmod 755 "$root" "$root"/{init,tt/guest,tt/start,usr/bin/busybox}
		add_modules "$root" "$1"
		archive "$root" "$root.cpio"
		mv "$root.cpio" "$file"
		rm -rf -- "$root"
	fi
	printf '%s\n' "$file"
}
