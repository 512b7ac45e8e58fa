#!/bin/sh
# setup.sh [build] [test] [target] [web] [bench] [all] - what a Debian 12 machine needs for those parts.
#
# Installs the Debian packages that are missing and unpacks Mbed TLS 3.6, lwIP 2.2 and, to compare
# the store with, littlefs 2.8 into third_party/ as Debian ships them. Nothing missing: says the
# versions, asks no network, takes a fraction of a second. Run it as root, or as a user who may
# sudo; make calls it.
set -eu
cd "$(dirname "$0")/.."
top=$PWD

build="gcc g++ make libc6-dev cmake ninja-build pkg-config dpkg-dev libuv1-dev libwebsockets-dev
  libwebsockets-evlib-uv libjansson-dev libsqlite3-dev libpq-dev libssl-dev libcmocka-dev python3"
test="clang clang-tidy clang-format cppcheck libclang-rt-14-dev chromium postgresql openssl
  tshark"
target="gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm"
bench=

die() {
  echo "setup: $*" >&2
  exit 1
}

# what a package list lacks; one name a line
missing() {
  dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null |
    awk -v want="$*" '$2 == "installed" { have[$1] = 1 }
      END { n = split(want, w); for (i = 1; i <= n; i++) if (!(w[i] in have) && !said[w[i]]++) print w[i] }'
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null 2>&1; then
    sudo "$@"
  else
    die "this needs root and there is no sudo. As root: apt-get install $lack"
  fi
}

apt_install() {
  lack=$(echo "$@")
  echo "setup: installing $lack"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 update -qq ||
    echo "setup: the package lists could not be refreshed; trying with those at hand" >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y -qq \
    --no-install-recommends "$@" >"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    left=$(echo $(missing "$@"))
    die "not installed: ${left:-$lack}. apt's own words are above. Check the network or the
       mirror in /etc/apt, then run again; or install by hand: apt-get install $lack"
  }
}

# The tests start a server of their own; Debian's package would start one for good.
no_cluster() {
  conf=/etc/postgresql-common/createcluster.conf
  [ -e "$conf" ] || { as_root mkdir -p "${conf%/*}" && echo "create_main_cluster = false" | as_root tee "$conf" >/dev/null; }
}

need() {
  command -v dpkg-query >/dev/null 2>&1 ||
    die "this script knows Debian. Elsewhere install: $* and unpack Mbed TLS 3.6 and lwIP 2.2
       into third_party/mbedtls and third_party/lwip"
  set -- $(missing "$@")
  case " $* " in *" postgresql "*) lack=postgresql && no_cluster ;; esac
  [ $# = 0 ] || apt_install "$@"
}

# The version a library's own header states, or nothing.
version_of() {
  case $1 in
  mbedtls) sed -n 's/.*MBEDTLS_VERSION_STRING  *"\(.*\)".*/\1/p' third_party/mbedtls/include/mbedtls/build_info.h ;;
  lwip) awk '/define LWIP_VERSION_(MAJOR|MINOR|REVISION) / { v = v "." $3 } END { print substr(v, 2) }' \
    third_party/lwip/src/include/lwip/init.h ;;
  littlefs) awk '$2 == "LFS2_VERSION" { v = substr($3, 3); print substr(v, 1, 4) + 0 "." substr(v, 5) + 0 }' \
    third_party/littlefs/lfs2.h ;;
  esac 2>/dev/null
}

# Where this machine gets Debian from; no host name is written here.
mirror() {
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | sort -u | head -n 1
}

# The next release's source packages, in an apt state of our own: the machine's sources stay as
# they are and nothing from there is installed. apt checks every file against the signed index.
fetch() {
  uri=$(mirror)
  if [ -z "$uri" ]; then
    lack=$1
    as_root apt-get update -qq && uri=$(mirror)
  fi
  [ -n "$uri" ] || die "$1: no Debian mirror is configured in /etc/apt, so its source cannot be fetched"
  state=$top/third_party/.apt
  package=$1 inside=
  [ "$1" != littlefs ] || package=micropython inside=/lib/littlefs # Debian ships it in there
  rm -rf "$state"
  mkdir -p "$state/lists/partial" "$state/cache/archives/partial" "$state/parts" "$state/new"
  cat >"$state/parts/src.sources" <<EOF
Types: deb-src
URIs: $uri
Suites: trixie
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
EOF
  own_apt() {
    apt-get -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$state/parts" \
      -o Dir::State::lists="$state/lists" -o Dir::Cache="$state/cache" -o APT::Sandbox::User="$(id -un)" "$@"
  }
  own_apt update -qq >"$log" 2>&1 || fetch_failed "$1"
  (cd "$state/new" && own_apt source -qq --download-only "$package") >"$log" 2>&1 || fetch_failed "$1"
  # the uploader's own signature is not looked at here: apt has just checked these files
  dpkg-source --no-check -x "$state"/new/*.dsc "$state/tree" >"$log" 2>&1 || fetch_failed "$1"
  rm -rf "third_party/$1"
  mv "$state/tree$inside" "third_party/$1"
  rm -rf "$state"
}

fetch_failed() {
  tail -n 20 "$log" >&2
  die "$1: its Debian source package could not be fetched or unpacked (see above). Check the
       network, or unpack version $2 by hand into third_party/$1, then run again"
}

# library NAME WANTED: there, and of the wanted series
library() {
  case "$(version_of "$1")" in
  "$2".*) ;;
  *)
    echo "setup: fetching $1 $2 (Debian source package)"
    mkdir -p third_party
    (
      command -v flock >/dev/null && flock 9
      case "$(version_of "$1")" in "$2".*) ;; *) fetch "$1" "$2" ;; esac
    ) 9>third_party/.lock
    ;;
  esac
  got=$(version_of "$1")
  case "$got" in
  "$2".*) versions="$versions $1 $got" ;;
  *) die "$1: version ${got:-none} found where $2 is needed. Remove third_party/$1 and run again" ;;
  esac
}

# Any node from 18 on will do; a machine without gets Debian's.
web_tools() {
  v=$(node --version 2>/dev/null | sed 's/^v//')
  if [ "${v%%.*}" -ge 18 ] 2>/dev/null && command -v npm >/dev/null 2>&1; then
    versions="$versions node $v"
    return
  fi
  need nodejs npm
  versions="$versions node $(node --version | sed 's/^v//')"
}

[ $# -gt 0 ] || set -- all
[ "$1" = all ] && set -- build test target web bench
log=$(mktemp)
trap 'rm -f "$log"' EXIT
versions=
lists=
for group; do
  case $group in
  build) lists="$lists $build" ;;
  test) lists="$lists $build $test" ;;
  target) lists="$lists $build $target" ;;
  bench) lists="$lists $build $bench" ;;
  web) ;;
  *) die "what is '$group'? One or more of: build test target web bench all" ;;
  esac
done
if [ -n "$lists" ]; then
  need $lists
  library mbedtls 3.6
fi
for group; do
  case $group in
  target) library lwip 2.2 ;;
  bench) library littlefs 2 ;;
  web) web_tools ;;
  esac
done
echo "setup:$versions"
