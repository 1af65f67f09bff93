#!/usr/bin/env bash
# Runs in a freshly booted Debian (boot.sh): the README's first command, then deploy/systemd's units beside the servers
# that it started. Each check prints ok or NOT OK; ends with the number of those that failed.
# shellcheck disable=SC2317  # until_true and another_runs are reached through check
set -uo pipefail
repo=/root/shengyuan
failed=0
copies="sy-authorization@1 sy-binding@1 sy-intake@1 sy-validation@1 sy-notification@1 sy-office@1"

check() { # check WHAT COMMAND…
    local what=$1
    shift
    if "$@"; then echo "ok      $what"; else
        echo "NOT OK  $what"
        systemctl status --no-pager 'sy-*' 2>/dev/null | grep -E '●|×|Status|Active' || true
        failed=$((failed + 1))
    fi
}
until_true() { # until_true SECONDS COMMAND…
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.1
    done
}
pid_of() { systemctl show -P MainPID "$1"; }
another_runs() { [ "$(pid_of "$1")" != "$2" ] && systemctl is-active -q "$1"; }
setting_of() { tr '\0' '\n' <"/proc/$(pgrep -n -x sy-intake)/environ" | sed -n "s/^$1=//p"; }

readme() {
    git config --global --add safe.directory '*'
    git clone -q /repo.git "$repo" && cd "$repo" || exit 1
    check "make up, where nothing is installed" make -s up PORT=18080 SANDBOX_PORT=18099 COPIES=validation=1
    check "make demo" sh -c "make -s demo | tee /root/demo.log | grep -q '^done: 1 as it should, 2 as it should, 3 as it should'"
}

# What the units are told: the servers of `make up`, so the profile is that of a demonstration.
configure() {
    local secrets=/etc/shengyuan/secrets service dsn
    make -s install
    install -d -m 700 /etc/shengyuan "$secrets"
    tr '\0' '\n' <"/proc/$(pgrep -n -x sy-intake)/environ" |
        grep ^SY_ | grep -vE 'INSTANCE|LISTEN|PG_DSN|_FILE=' >/etc/shengyuan/shengyuan.env
    dsn=$(setting_of SY_PG_DSN | sed 's/ passfile=[^ ]*//')
    for service in authorization binding intake validation office notification; do
        echo "SY_PG_DSN=\"${dsn/user=sy_intake/user=sy_$service}\"" >"/etc/shengyuan/sy-$service.env"
        grep ":sy_$service:" .run/secrets/pgpass >"$secrets/pgpass_$service"
    done
    cp .run/secrets/keys "$secrets/keys"
    cp .run/secrets/redis_sy.secret "$secrets/redis"
    for service in wechat wechat_h5 sms; do cp ".run/secrets/$service.secret" "$secrets/$service"; done
    chmod 400 "$secrets"/*
    systemctl daemon-reload
}

units() {
    local unit pid began
    for unit in $copies; do
        check "systemctl start $unit returns when it is ready" systemctl start "$unit"
        check "its status says so" sh -c "systemctl status $unit | grep -q 'Status: \"ready\"'"
        check "systemd-analyze security $unit: at most 2.0" sh -c \
            "systemd-analyze security --no-pager --threshold=20 $unit >/root/security.log 2>&1"
    done
    check "a second copy beside the first" systemctl start sy-intake@2
    check "no capability, no new privileges, a filter of system calls" sh -c \
        "grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/$(pid_of sy-intake@1)/status | tr -d '\n' | grep -q 'CapEff:.0*CapBnd:.0*NoNewPrivs:.1Seccomp:.2'"
    check "the account is not root's" sh -c "[ $(stat -c %u "/proc/$(pid_of sy-intake@1)") -gt 60000 ]"
    check "validation@1 judges beside the copy of make up" sh -c "make -s demo >/root/demo.log"

    [ "$failed" = 0 ] || return # what does not run has no process to signal
    pid=$(pid_of sy-intake@1)
    kill -9 "$pid"
    check "killed: another within 5 s" until_true 5 another_runs sy-intake@1 "$pid"
    pid=$(pid_of sy-validation@1)
    kill -STOP "$pid"
    began=$SECONDS
    check "hanging: the watchdog has another within 60 s" until_true 60 another_runs sy-validation@1 "$pid"
    echo "        it took $((SECONDS - began)) s"
    check "stopped: within its time" systemctl stop sy-intake@2
    check "and with success" [ "$(systemctl show -P Result sy-intake@2)" = success ]
}

# 78 is not tried again.
unfit() {
    local drop=/etc/systemd/system/sy-binding@9.service.d
    mkdir -p "$drop"
    echo SY_PROFILE=production >/etc/shengyuan/unfit.env
    printf '[Service]\nEnvironmentFile=/etc/shengyuan/unfit.env\n' >"$drop/unfit.conf"
    systemctl daemon-reload
    check "keys of a demonstration: no start in production" sh -c '! systemctl start sy-binding@9 2>/dev/null'
    check "ends with 78" [ "$(systemctl show -P ExecMainStatus sy-binding@9)" = 78 ]
    check "is not tried again" [ "$(systemctl show -P NRestarts sy-binding@9)" = 0 ]
    check "and says what to do" sh -c "journalctl -u sy-binding@9 -o cat --no-pager | grep -q HINT"
}

# A server that is away: waits, says for what, and is ready when it is back.
waits() {
    local redis
    redis=$(pgrep -n -x redis-server)
    systemctl stop sy-intake@1
    kill -STOP "$redis"
    systemctl start --no-block sy-intake@1
    check "without Redis: its status says what it waits for" until_true 20 sh -c \
        "systemctl status sy-intake@1 | grep -q 'waiting for.* redis'"
    kill -CONT "$redis"
    check "with it: ready" until_true 30 systemctl is-active -q sy-intake@1
}

readme
[ "$failed" = 0 ] || exit "$failed" # nothing below would mean anything
configure
units
unfit
waits
make -s down
echo "$failed failed"
[ "$failed" = 0 ]
