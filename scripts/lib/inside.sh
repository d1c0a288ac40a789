# Sourced in the container of scripts/check-systemd and scripts/check-package: how to look at stages, and at what they store.

echo "systemd $(systemctl --version | sed -n '1s/systemd \([0-9]*\).*/\1/p') runs as PID 1"

stages=(aggregator store-writer ingest-stream)
export CANDLEWICK_STATE_DIR=/var/lib/candlewick CANDLEWICK_RUNTIME_DIR=/run/candlewick SYSTEMD_COLORS=0
database=/var/lib/candlewick/candlewick.db
passed=0
failed=0

check() { # sentence command...
    local sentence=$1 output
    shift
    if output=$("$@" 2>&1); then
        echo "PASS $sentence"
        passed=$((passed + 1))
    else
        echo "FAIL $sentence"
        sed 's/^/    /' <<<"$output" | tail -n 25
        systemctl --no-pager list-units --all 'candlewick*' broker.service 2>&1 | sed -n '1,8s/^/    | /p'
        failed=$((failed + 1))
    fi
}

within() { # seconds command...: until it succeeds
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null; do
        [ $SECONDS -lt "$deadline" ] || { echo "not in time: $*" && return 1; }
        sleep 0.1
    done
}

show() { systemctl show -P "$2" "candlewick-$1.service"; }
is() { [ "$(show "$1" "$2")" = "$3" ]; }
are_all() { local stage; for stage in "${stages[@]}"; do is "$stage" "$1" "$2" || return 1; done; }
stored() { # a query's one value
    python3 -c 'import sqlite3, sys; print(sqlite3.connect("file:'$database'?mode=ro", uri=True).execute(sys.argv[1]).fetchone()[0])' "$1"
}
grows() { # a query's value becomes larger
    local before
    before=$(stored "$1") && within 30 more_than "$before" "$1"
}
more_than() { [ "$(stored "$2" 2>/dev/null || echo 0)" -gt "$1" ]; }

configure() {
    local name
    mkdir -p /etc/credstore /run/systemd/system/candlewick-.service.d
    for name in IG_API_KEY IG_USERNAME IG_PASSWORD; do (umask 077 && echo simulated >/etc/credstore/$name); done
    printf 'IG_DEMO=true\nIG_REST_URL=http://127.0.0.1:8321/gateway/deal\n' >/etc/candlewick/environment
    printf 'instruments: [EUR_USD, GBP_USD, USD_JPY]\ntimeframes: [1m, 5m]\nstream: {login_spacing_seconds: 0}\nhistory: {request_spacing_milliseconds: 50}\n' >/etc/candlewick/candlewick.yaml
    # Less patience than users need.
    printf '[Service]\nWatchdogSec=4\nRestartSec=200ms\n' >/run/systemd/system/candlewick-.service.d/quick.conf
    systemctl daemon-reload
    systemctl reset-failed
}

# Each start takes up the market where the one before cannot have come.
broker() {
    hour=$((hour + 1))
    systemd-run --quiet --unit=broker /usr/lib/candlewick/ig-simulator --port 8321 \
        --log-level notice --account-per-minute unlimited --key-per-minute unlimited --seed 7 --speed 30 --start "2026-05-12T$hour:00:00"
}
hour=9

starts() { timeout 60 systemctl start candlewick.target && are_all ActiveState active; }

comes_back() { # stage signal: another process, by a restart, serving again
    local stage=$1 signal=$2 process restarts
    process=$(show "$stage" MainPID)
    restarts=$(show "$stage" NRestarts)
    kill -s "$signal" "$process"
    within 40 is_new "$stage" "$process" "$restarts"
}
is_new() { is "$1" ActiveState active && [ "$(show "$1" MainPID)" != "$2" ] && [ "$(show "$1" NRestarts)" -gt "$3" ]; }

is_another() { is "$1" ActiveState active && [ "$(show "$1" MainPID)" != "$2" ]; }

finish() {
    [ "$failed" -eq 0 ] || journalctl --no-pager -o short-monotonic -u 'candlewick-*' -u broker | tail -n 120 | sed 's/^/    | /'
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
    exit
}
