# SPDX-License-Identifier: Apache-2.0
# Shared by the scripts of this folder; sourced, never run.
# shellcheck shell=bash

# shellcheck disable=SC2034 # used by those who source this

# What the scripts answer besides the command's own status.
readonly TT_VM_SKIPPED=77  # nothing was tested: no QEMU, or no such kernel to be had
readonly TT_VM_TIMEOUT=124 # the guest ran out of time and was killed
readonly TT_VM_BROKEN=125  # the guest died, or this tool was used wrongly

TT_VM_CACHE=${TT_VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/telltale/vm}
TT_VM_HERE=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "$*"; exit "$TT_VM_BROKEN"; }
skip() { say "skipped: $*"; exit "$TT_VM_SKIPPED"; }

# need TOOL PACKAGE: the tool, or a skip that names the package which has it.
need() { command -v "$1" >/dev/null || skip "no $1 here (Debian package $2)"; }

# rows FILE: its rows without comments and empty lines.
rows() { sed -e 's/[[:space:]]*#.*//' -e '/^[[:space:]]*$/d' -- "$TT_VM_HERE/$1"; }

# sq WORD...: the words quoted for any POSIX shell (printf %q may answer in bash's own dialect).
sq() {
	local word out=
	for word; do
		[[ $word =~ ^[A-Za-z0-9_./:=@%+,-]+$ ]] || word="'${word//\'/\'\\\'\'}'"
		out+=" $word"
	done
	printf '%s' "${out# }"
}
