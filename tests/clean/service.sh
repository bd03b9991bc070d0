#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # room is the caller's
# shellcheck disable=SC2016 # the machine's shell expands
# The service of the package, under a systemd that boots in the room: tests/clean/
# package reads this. Needs systemd-nspawn, Debian's package systemd-container.
#
# The network there is its own loopback alone, so the lab takes no port of this
# machine.

machine=

# inside COMMAND...: in the machine.
inside() {
  nsenter -t "$init" -a env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C \
    DEBIAN_FRONTEND=noninteractive "$@" </dev/null
}

# inside_is VALUE COMMAND...: what the command prints, in one line.
inside_is() {
  value=$1
  shift
  got=$(inside "$@" | tr '\n' ' ') || :
  [ "$got" = "$value " ] || fail_service "$*: $got, not $value"
}

fail_service() {
  inside systemctl --no-pager -l status diaglab >&2 || :
  inside journalctl --no-pager -u diaglab >&2 || :
  die "$*"
}

# Waits until the command succeeds there.
until_inside() {
  i=0
  until inside "$@" >/dev/null 2>&1; do
    i=$((i + 1))
    [ $i -lt 300 ] || fail_service "not within a minute: $*"
    sleep 0.2
  done
}

# Where this machine's init is no systemd, nothing makes the room a cgroup.
boot_room() {
  flags=
  [ -d /run/systemd/system ] || flags=--keep-unit
  unmount_room
  # Since 256, systemd boots with version 2 of cgroups only.
  SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 systemd-nspawn --quiet --register=no $flags \
    --private-network --resolv-conf=off --timezone=off --link-journal=no \
    --console=pipe --machine="diaglab-$$" --directory="$room" --boot \
    >"$room/root/boot.log" 2>&1 </dev/null &
  machine=$!
  i=0
  until init=$(pgrep -P "$machine") &&
    inside systemctl is-system-running 2>/dev/null | grep -qE 'running|degraded'; do
    i=$((i + 1))
    if [ $i -gt 600 ] || ! kill -0 "$machine" 2>/dev/null; then
      cat "$room/root/boot.log" >&2
      die "systemd doesn't boot in the room (SERVICE=no leaves it out)"
    fi
    sleep 0.2
  done
}

# The first TERM asks the machine's init for an end, the second one doesn't ask.
halt_room() {
  [ -n "$machine" ] || return 0
  inside systemctl poweroff >/dev/null 2>&1 || kill -TERM "$machine" 2>/dev/null || :
  for i in $(seq 100); do
    kill -0 "$machine" 2>/dev/null || break
    [ "$i" -lt 50 ] || kill -TERM "$machine" 2>/dev/null || :
    sleep 0.2
  done
  wait "$machine" || :
  machine=
}

# get PATH: the status of the answer.
get() {
  inside curl -s -m 60 -o /dev/null -w '%{http_code}\n' "localhost:6060$1"
}

# What steps need of the kernel must work in spite of the unit's hardening: files,
# sockets, children, waiting for the disk. And so must the clock of the profiler.
use_service() {
  for step in 6 42 43 50 51 53; do
    [ "$(get "/goto?step=$step")" = 200 ] || fail_service "step $step isn't entered"
    [ "$(get /)" = 200 ] || fail_service "the request of step $step fails"
  done
  get '/goto?step=2' >/dev/null
  inside sh -c 'for i in $(seq 100); do curl -s -m 9 -o /dev/null localhost:6060/; done' &
  load=$!
  inside curl -s -m 60 -o /root/profile \
    'localhost:6060/debug/pprof/profile?seconds=2&debug=collapsed' || :
  kill "$load" 2>/dev/null || :
  grep -q '^main.helloWorldHandler;' "$room/root/profile" ||
    fail_service "the service's profile has no names"
  ! inside journalctl -u diaglab | grep -iE 'not permitted|denied|read-only' ||
    fail_service "the unit forbids what the lab needs"
}

try_service() {
  enter sh -c 'apt-get -q -y install --no-install-recommends systemd-sysv' \
    >>"$room/root/apt.log" 2>&1 || { cat "$room/root/apt.log" >&2; exit 1; }
  boot_room
  inside systemd-analyze verify --man=no diaglab.service ||
    fail_service "systemd-analyze verify finds something"
  inside systemd-analyze security --threshold=20 --no-pager diaglab.service \
    >"$room/root/security" || { cat "$room/root/security" >&2; die "the service is exposed"; }
  tail -n 1 "$room/root/security" >&2
  inside_is inactive systemctl is-active diaglab
  inside_is disabled systemctl is-enabled diaglab

  inside systemctl start diaglab || fail_service "it doesn't start"
  until_inside curl -sf localhost:6060/
  inside_is "hello world" sh -c 'curl -s localhost:6060/ && echo'
  inside sh -c 'pid=$(systemctl show --value -p MainPID diaglab) &&
    test "$(stat -c %u "/proc/$pid")" != 0' || fail_service "it is root"
  use_service

  # After a crash it comes back, and TERM is an end that is none.
  inside systemctl kill -s SEGV diaglab
  until_inside sh -c 'systemctl show -p NRestarts diaglab | grep -q =1'
  until_inside curl -sf localhost:6060/
  inside systemctl stop diaglab
  inside_is inactive systemctl show --value -p ActiveState diaglab
  inside_is success systemctl show --value -p Result diaglab
  inside_is 0 systemctl show --value -p ExecMainStatus diaglab
  inside test -s /var/lib/diaglab/progress.jsonl || fail_service "no progress is kept"

  # A package that takes the place of another one, as in an upgrade: the lab goes on
  # with the new program.
  inside systemctl enable --now diaglab
  until_inside curl -sf localhost:6060/
  before=$(inside systemctl show --value -p MainPID diaglab)
  inside sh -c 'dpkg -i /root/diaglab_*.deb' >>"$room/root/apt.log" 2>&1 || {
    tail "$room/root/apt.log" >&2
    die "the package can't be installed again"
  }
  until_inside curl -sf localhost:6060/
  [ "$(inside systemctl show --value -p MainPID diaglab)" != "$before" ] ||
    fail_service "after an upgrade the old program goes on"
  inside_is enabled systemctl is-enabled diaglab

  # The package goes while it runs, and everything with it.
  inside apt-get -q -y purge diaglab >>"$room/root/apt.log" 2>&1 || {
    tail "$room/root/apt.log" >&2
    die "purge fails"
  }
  ! inside curl -s -o /dev/null localhost:6060/ || die "a lab is left by the purge"
  inside_is 0 sh -c 'find /etc/systemd /var/lib -name "*diaglab*" ! -path "*/dpkg/*" | wc -l'
  halt_room
  mount_room
}
