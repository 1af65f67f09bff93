#!/usr/bin/env bash
# make units: boots a Debian that has nothing but systemd, git and make in a container of its own (debootstrap, systemd-nspawn),
# and in it follows the README, installs the units and tries what they promise (inside.sh). Root; three minutes; nothing
# is left. The container shares the network: the units' ports (OPERATIONS.md) must be free on this machine.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
suite=${SUITE:-bookworm}
mirror=${MIRROR:-http://deb.debian.org/debian}
dir=$(mktemp -d /var/tmp/shengyuan-units-XXXXXX)
chmod 755 "$dir" # it becomes the root of others than root
boot=

end() {
    if [ -n "$boot" ]; then
        nsenter_in systemctl poweroff >/dev/null 2>&1 || true
        for _ in $(seq 300); do
            kill -0 "$boot" 2>/dev/null || break
            sleep 0.1
        done
        kill -9 "$boot" 2>/dev/null || true # it did not go by itself
        wait "$boot" 2>/dev/null || true
    fi
    rm -rf --one-file-system "$dir" "$dir.log"
}
trap end EXIT

nsenter_in() {
    local leader
    leader=$(pgrep -P "$boot" | head -n 1)
    nsenter -t "$leader" -m -u -i -p env -i HOME=/root LANG=C.UTF-8 \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

[ "$(id -u)" = 0 ] || {
    echo "make units: needs root"
    exit 1
}
for tool in debootstrap systemd-nspawn; do
    command -v "$tool" >/dev/null || {
        echo "make units: $tool is missing; HINT: apt-get install debootstrap systemd-container"
        exit 1
    }
done
echo "a fresh Debian ($suite) in $dir"
debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,ca-certificates,git,make,procps \
    "$suite" "$dir" "$mirror" >"$dir.log" 2>&1 || {
    tail -n 5 "$dir.log"
    exit 1
}
rm -f "$dir.log"
cp -L /etc/resolv.conf "$dir/etc/resolv.conf"
# Whom this machine trusts, where its network has an authority of its own.
cp /etc/ssl/certs/ca-certificates.crt "$dir/etc/ssl/certs/ca-certificates.crt"
if [ -f /etc/ssl/certs/java/cacerts ]; then
    mkdir -p "$dir/etc/ssl/certs/java"
    cp /etc/ssl/certs/java/cacerts "$dir/etc/ssl/certs/java/cacerts"
fi
git clone -q --bare "$root" "$dir/repo.git"
cp "$root/tests/systemd/inside.sh" "$dir/root/inside.sh"
systemd-nspawn -q -D "$dir" --boot --register=no --keep-unit --console=pipe >/dev/null 2>&1 </dev/null &
boot=$!
state=
for _ in $(seq 300); do
    state=$(nsenter_in systemctl is-system-running 2>/dev/null || true)
    case $state in running | degraded) break ;; esac
    sleep 0.1
done
case $state in
running | degraded) ;;
*)
    echo "make units: the container did not boot within 30 s: ${state:-no answer}"
    exit 1
    ;;
esac
nsenter_in bash /root/inside.sh
