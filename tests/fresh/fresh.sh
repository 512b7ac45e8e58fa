#!/bin/sh
# fresh.sh FOLDER [make target]... - the promise of the README, on a machine that has nothing.
#
# Makes FOLDER a bare Debian 12 (debootstrap; reused when it is there) with make, git and
# ca-certificates, clones the committed HEAD into it, and runs each make target (default: test)
# twice by chroot (TURNS=first: once), printing how long each took. `run` is given 20 s to serve panel and DLMS port
# and is then ended. Needs root, debootstrap and a network; used by hand and before a release.
set -eu
[ $# -ge 1 ] || { sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 2; }
[ "$(id -u)" = 0 ] || { echo "fresh: needs root for chroot" >&2; exit 1; }
case $1 in /*) root=$1 ;; *) root=$PWD/$1 ;; esac
shift
[ $# -gt 0 ] || set -- test
source=$(cd "$(dirname "$0")/../.." && pwd)

if [ ! -e "$root/etc/debian_version" ]; then
  mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | sort -u | head -n 1)
  debootstrap --variant=minbase --include=make,git,ca-certificates bookworm "$root" "$mirror" >"$root.log" 2>&1 ||
    { tail "$root.log" >&2; exit 1; }
  # what this network needs to be reached at all
  cp /etc/resolv.conf /etc/hosts "$root/etc/"
  [ ! -d /usr/local/share/ca-certificates ] || cp -r /usr/local/share/ca-certificates "$root/usr/local/share/"
  chroot "$root" update-ca-certificates >/dev/null 2>&1
fi

mounted=
cleanup() { for m in $mounted; do umount -l "$root/$m" 2>/dev/null || true; done; }
trap cleanup EXIT INT TERM
for m in proc dev dev/pts dev/shm; do
  mkdir -p "$root/$m"
  mount --bind "/$m" "$root/$m" && mounted="$m $mounted"
done

rm -rf "$root/root/magno22"
git clone -q "$source" "$root/root/magno22"

inside() { # [command before] make arguments
  $before chroot "$root" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 CI=true \
    sh -c "cd /root/magno22 && exec make $1"
}
before=

answers() { bash -c "exec 3<>/dev/tcp/127.0.0.1/$1" 2>/dev/null; }

# the panel and the DLMS port answer within the time, or not
try_run() {
  if answers 4059 || answers 8022; then
    echo "fresh: ports 4059 or 8022 are taken on this machine; end what has them" >&2
    return 1
  fi
  before=setsid # a group of its own, to end it whole
  inside run >"$root.run" 2>&1 &
  maker=$!
  before=
  end=$(($(date +%s) + ${LIMIT:-900}))
  served=1
  while [ $served = 1 ] && [ "$(date +%s)" -lt "$end" ] && kill -0 $maker 2>/dev/null; do
    sleep 1
    if answers 4059 && answers 8022; then served=0; fi
  done
  tail -n 5 "$root.run"
  [ $served = 1 ] || echo "fresh: panel and DLMS port are served"
  group=$(pgrep -P $maker | head -n 1) # setsid's child leads the group
  kill -s TERM -- "-${group:-$maker}" || true # the form that dash knows
  wait $maker 2>/dev/null || true
  return $served
}

status=0
for target; do
  for turn in ${TURNS:-first again}; do
    begin=$(date +%s)
    if [ "$target" = run ]; then try_run || status=1; else inside "$target" || status=1; fi
    echo "fresh: make $target, $turn: $(($(date +%s) - begin)) s, status so far $status"
  done
done
exit $status
