# SPDX-License-Identifier: Apache-2.0
# Debian's packages, of any suite, as files: the system's package sources are read, never changed. Sourced, never run.
# shellcheck shell=bash

readonly keyring=/usr/share/keyrings/debian-archive-keyring.gpg
work=

# mirror main|security: the base URL of that Debian archive, out of the machine's own sources.
mirror() {
	local codename override=TT_VM_MIRROR suite
	codename=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
	suite=$codename
	if [[ $1 == security ]]; then
		override=TT_VM_MIRROR_SECURITY
		suite=$codename-security
	fi
	[[ -z ${!override:-} ]] || { printf '%s\n' "${!override%/}"; return; }
	# shellcheck disable=SC2016 # apt's own variables
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Identifier: Packages' |
		awk -v suite="$suite" '$2 == suite && $3 == "main" && !url { url = $1; sub("/+$", "", url) }
			END { if (url) print url; else exit 1 }' ||
		skip "no suite $suite main among the machine's package sources; set $override to a Debian mirror's base URL"
}

# download URL FILE [SHA256]: by apt's own downloader, which knows the machine's proxies.
download() {
	/usr/lib/apt/apt-helper -qq -o APT::Sandbox::User="$(id -un)" \
		download-file "$1" "$2" ${3:+"SHA256:$3"} >"$work/apt.log" 2>&1 && return
	sed 's/^/  /' "$work/apt.log" >&2
	return 1
}

# signed FILE: the signature of an InRelease file, where the machine has the means to check it.
signed() {
	if [[ ! -r $keyring ]] || ! command -v gpgv >/dev/null; then
		say "note: no gpgv or no Debian keyring here: the index is taken without its signature"
		return
	fi
	gpgv --quiet --keyring "$keyring" "$1" 2>"$work/gpgv.log" ||
		{ cat "$work/gpgv.log" >&2; return 1; }
}

# release_sum INRELEASE PATH: the SHA-256 the release file gives for an index.
release_sum() {
	awk -v path="$2" '/^SHA256:/ { on = 1; next } /^[^ ]/ { on = 0 } on && $3 == path { print $1; exit }' "$1"
}

# index BASE SUITE: leaves the suite's package index in $work/Packages.
index() {
	local path=main/binary-amd64/Packages.xz sum
	download "$1/dists/$2/InRelease" "$work/InRelease" || skip "no suite $2 on the mirror"
	signed "$work/InRelease" || skip "the signature of suite $2 does not hold"
	sum=$(release_sum "$work/InRelease" "$path")
	[[ -n $sum ]] || skip "suite $2 lists no $path"
	download "$1/dists/$2/$path" "$work/Packages.xz" "$sum" || skip "no usable $path in suite $2"
	xz -dc "$work/Packages.xz" >"$work/Packages"
}

# newest PATTERN: the highest package whose whole name matches.
newest() {
	# By the environment: awk -v would eat the pattern's backslashes.
	p="^($1)\$" awk '/^Package: / && $2 ~ ENVIRON["p"] { print $2 }' "$work/Packages" | sort -uV | tail -n 1
}

# fields PACKAGE: "path sha256 version" as the index has them.
fields() {
	awk -v p="$1" '/^Package: / { on = $2 == p } !on { next }
		/^Filename: / { f = $2 } /^SHA256: / { s = $2 } /^Version: / { v = $2 }
		END { if (f) print f, s, v }' "$work/Packages"
}

# unpack BASE PATH SHA256: a package of the pool, into $work/tree.
unpack() {
	say "fetching ${2##*/}"
	download "$1/$2" "$work/package.deb" "$3" || skip "cannot fetch $2, or its SHA-256 is not $3"
	dpkg-deb -x "$work/package.deb" "$work/tree"
	rm -f "$work/package.deb"
}

# begin_fetching: makes $work, which goes with this shell.
begin_fetching() {
	need apt-get apt; need dpkg-deb dpkg; need xz xz-utils
	mkdir -p "$TT_VM_CACHE"
	work=$(mktemp -d "$TT_VM_CACHE/fetch.XXXXXX")
	trap 'rm -rf -- "$work"' EXIT
}
