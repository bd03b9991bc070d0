#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # suite and folder are the caller's
# A fresh Debian in a folder, for those that are beside this file: they read it,
# set `suite` and `folder`, and call begin_room. Must be root; needs mmdebstrap.
#
#   suite    bookworm or trixie
#   folder   where it is and stays; empty: a new one, which is removed at the end
#   room     where it is
#
# Mirrors, keys and proxies are those of this machine's apt.

say() {
  echo "clean: $*" >&2
}

mount_room() {
  mount -t proc proc "$room/proc"
  mount --rbind /sys "$room/sys" && mount --make-rslave "$room/sys"
  mount --bind /dev "$room/dev"
  mount --bind /dev/pts "$room/dev/pts"
}

unmount_room() {
  for mount in proc sys dev/pts dev; do
    umount -l "$room/$mount" 2>/dev/null || :
  done
}

leave() {
  status=$?
  unmount_room
  # Never remove a folder with the machine's /dev still in it.
  if [ -z "$folder" ] && ! grep -q " $room/" /proc/mounts; then
    rm -rf --one-file-system "$room"
  fi
  exit $status
}

# Prints this machine's package sources, for the suite that is wanted: those
# of Debian's that this machine has for its own release.
print_sources() {
  # shellcheck source=/dev/null
  own=$(. /etc/os-release && echo "$VERSION_CODENAME")
  # shellcheck disable=SC2016
  apt-get indextargets --format '$(ORIGIN) $(REPO_URI) $(RELEASE)' \
    'Created-By: Packages' 'Component: main' | sort -u |
    while read -r origin uri release; do
      [ "$origin" = Debian ] || continue
      case $release in
      "$own"*) echo "deb $uri $suite${release#"$own"} main" ;;
      esac
    done
}

# make_room PACKAGES: with these beside what is essential. What it writes may be
# lost if the machine stops.
make_room() {
  say "making a Debian $suite in $room"
  settings=$(mktemp)
  sources=$(mktemp)
  apt-config dump | grep -E '^Acquire::(https?|Retries|Check)' >"$settings" || :
  print_sources >"$sources"
  [ -s "$sources" ] || { say "apt has no lists: run apt-get update"; exit 1; }
  mmdebstrap --quiet --variant=minbase --include="$1" \
    --dpkgopt=force-unsafe-io --aptopt="$settings" "$suite" "$room" "$sources"
  rm -f "$settings" "$sources"
}

enter() {
  env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb CI=true \
    ${http_proxy:+http_proxy="$http_proxy"} \
    ${https_proxy:+https_proxy="$https_proxy"} \
    chroot "$room" "$@" </dev/null
}

# begin_room PACKAGES: makes the room, if it isn't there, and goes in. At the end
# of the script it is left.
begin_room() {
  [ "$(id -u)" = 0 ] || { say "must be root"; exit 1; }
  command -v mmdebstrap >/dev/null || { say "needs mmdebstrap"; exit 1; }
  room=${folder:-$(mktemp -d)}
  mkdir -p "$room"
  room=$(CDPATH='' cd -- "$room" && pwd)
  trap leave EXIT
  trap 'exit 130' INT TERM
  [ -x "$room/usr/bin/apt-get" ] || make_room "$1"
  cp -L /etc/resolv.conf "$room/etc/resolv.conf" 2>/dev/null || :
  # Debian's installer writes it: localhost has a name on every machine.
  printf '127.0.0.1 localhost\n::1 localhost\n' >"$room/etc/hosts"
  mount_room
}
