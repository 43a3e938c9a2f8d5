#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What the build needs, and installing it.
#   deps.sh                  install what is missing (silent and fast when all is there)
#   deps.sh --check          say what is missing and the line that installs it; install nothing
#   deps.sh --tools NAME...  like --check, for developers' programs
#   deps.sh --extra          install what only developers and some tests want, as far as possible
#   deps.sh --peers          install what make bench-peers measures; their services are not started
set -u
cd "$(dirname "$0")/.." || exit 1
stamp=build/deps.stamp

# command:package
commands='gcc:gcc make:make pkg-config:pkg-config ar:binutils'
# header:package
headers='stdio.h:libc6-dev lmdb.h:liblmdb-dev uv.h:libuv1-dev xxhash.h:libxxhash-dev
msgpack.h:libmsgpack-dev cmocka.h:libcmocka-dev ini.h:libinih-dev uthash.h:uthash-dev
openssl/evp.h:libssl-dev jansson.h:libjansson-dev'
extra='clang clang-format libclang-rt-14-dev scdoc iproute2 nodejs npm serf golang
golang-github-hashicorp-memberlist-dev chromium'

# command:package
peers='redis-server:redis-server redis-cli:redis-tools etcd:etcd-server etcdctl:etcd-client'

# The quick answer: an earlier run saw everything, and nothing has been taken away since.
all_there() {
    [ -f $stamp ] && [ ! tests/deps.sh -nt $stamp ] || return 1
    for pair in $commands; do
        command -v "${pair%%:*}" >/dev/null || return 1
    done
    for pair in $headers; do
        [ -f "/usr/include/${pair%%:*}" ] || return 1
    done
}

# Prints the packages that are missing; a header counts as there when the compiler finds it.
missing_packages() {
    for pair in $commands; do
        command -v "${pair%%:*}" >/dev/null || echo "${pair#*:}"
    done
    for pair in $headers; do
        if command -v gcc >/dev/null; then
            echo "#include <stddef.h>
#include <stdarg.h>
#include <stdint.h>
#include <setjmp.h>
#include <${pair%%:*}>" | gcc -E -x c - >/dev/null 2>&1 || echo "${pair#*:}"
        else
            [ -f "/usr/include/${pair%%:*}" ] || echo "${pair#*:}"
        fi
    done | sort -u
}

# Prints what goes before apt-get: nothing for root, sudo where it works; fails where neither.
privilege() {
    [ "$(id -u)" = 0 ] && return 0
    command -v sudo >/dev/null || return 1
    if [ -t 0 ] || sudo -n true 2>/dev/null; then
        echo sudo
        return 0
    fi
    return 1
}

apt() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 "$@"
}

lists_empty() {
    ! ls /var/lib/apt/lists/*Packages* >/dev/null 2>&1
}

# The C package of msgpack has another name in later releases.
known_names() {
    for package in "$@"; do
        if [ "$package" = libmsgpack-dev ] && ! apt-cache show libmsgpack-dev >/dev/null 2>&1 &&
            apt-cache show libmsgpack-c-dev >/dev/null 2>&1; then
            package=libmsgpack-c-dev
        fi
        echo "$package"
    done
}

install_missing() {
    echo "deps: installing $*"
    if lists_empty; then
        apt update || return 1
    fi
    # shellcheck disable=SC2046
    apt install --no-install-recommends $(known_names "$@") >build/deps.log 2>&1 && return 0
    apt update || return 1
    # shellcheck disable=SC2046
    apt install --no-install-recommends $(known_names "$@") >build/deps.log 2>&1 && return 0
    cat build/deps.log >&2
    return 1
}

by_hand() {
    echo "deps: missing: $*" >&2
    echo "deps: install with:  apt-get update && apt-get install -y $*" >&2
    exit 1
}

check_tools() {
    missing=
    for tool in "$@"; do
        command -v "$tool" >/dev/null || missing="$missing $tool"
    done
    [ -z "$missing" ] || by_hand "${missing# }"
}

# Each package by itself when the whole list does not go in: one that this release does not
# have must not keep the others away.
install_extra() {
    as_root=$(privilege) || by_hand "$(echo $extra)"
    wanted=
    for package in $extra; do
        # Node.js often comes from elsewhere.
        case $package in
        nodejs) command -v node >/dev/null && continue ;;
        npm) command -v npm >/dev/null && continue ;;
        esac
        dpkg -s "$package" >/dev/null 2>&1 || wanted="$wanted $package"
    done
    if [ -z "$wanted" ]; then
        echo 'deps-extra: all there'
        return 0
    fi
    echo "deps-extra: installing$wanted"
    apt update || echo 'deps-extra: apt-get update failed; trying with what is known'
    # shellcheck disable=SC2086
    if apt install --no-install-recommends $wanted >build/deps-extra.log 2>&1; then
        return 0
    fi
    refused=
    for package in $wanted; do
        apt install --no-install-recommends "$package" >>build/deps-extra.log 2>&1 ||
            refused="$refused $package"
    done
    [ -z "$refused" ] || echo "deps-extra: could not install:$refused (see build/deps-extra.log)"
    return 0
}

# Debian starts the services of a package as it is installed, unless this file says no.
install_peers() {
    wanted=
    for pair in $peers; do
        command -v "${pair%%:*}" >/dev/null || wanted="$wanted ${pair#*:}"
    done
    [ -n "$wanted" ] || return 0
    as_root=$(privilege) || by_hand "${wanted# }"
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
        trap '$as_root rm -f $policy' EXIT
        printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
        $as_root chmod 755 $policy
    fi
    # shellcheck disable=SC2086
    install_missing $wanted
}

mkdir -p build || exit 1
case "${1:-}" in
--tools)
    shift
    check_tools "$@"
    exit
    ;;
--extra)
    install_extra
    exit
    ;;
--peers)
    install_peers
    exit
    ;;
esac

all_there && exit 0
missing=$(echo $(missing_packages))
if [ -n "$missing" ]; then
    [ "${1:-}" != --check ] && as_root=$(privilege) || by_hand "$missing"
    # shellcheck disable=SC2086
    install_missing $missing || by_hand "$missing"
    missing=$(echo $(missing_packages))
    [ -z "$missing" ] || by_hand "$missing"
fi
touch $stamp
