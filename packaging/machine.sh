# What an installation changes on the machine beside its files; for sh. scripts/install and scripts/uninstall source it,
# and scripts/package puts it into the maintainer scripts of the Debian package.

stages="candlewick-aggregator.service candlewick-store-writer.service candlewick-ingest-stream.service
    candlewick-relay.service candlewick-watch.service candlewick-web.service"
timers="candlewick-backfill.timer candlewick-archive.timer"

systemd_runs() { [ -d /run/systemd/system ]; }

# make_user PREFIX: the user of all stages and its folders, also where systemd is not installed.
make_user() {
    if command -v systemd-sysusers >/dev/null; then
        systemd-sysusers "$1/lib/sysusers.d/candlewick.conf"
    elif ! getent passwd candlewick >/dev/null; then
        useradd --system --user-group --comment Candlewick --home-dir /var/lib/candlewick --no-create-home \
            --shell /usr/sbin/nologin candlewick
    fi
    install -d -o candlewick -g candlewick -m 750 /var/lib/candlewick /run/candlewick
    [ -d /etc/credstore ] || install -d -m 700 /etc/credstore
}

# Running stages take the new programs; what does not run stays so.
restart_stages() {
    if ! systemd_runs; then
        echo "systemd does not run here: nothing was reloaded"
        return 0
    fi
    systemctl daemon-reload
    systemctl try-restart $stages $timers \
        'candlewick-aggregator@*.service' 'candlewick-ingest-stream@*.service' 'candlewick-backfill-repair@*.timer' ||
        echo "a stage did not start again: systemctl --failed 'candlewick*' names it" >&2
}

# The target takes the stages with it; what is named besides may run without it.
stop_stages() {
    systemd_runs || return 0
    systemctl disable --quiet --now candlewick.target candlewick-refold.service $stages $timers
    systemctl disable --quiet candlewick-collector@.target
    systemctl stop 'candlewick-collector@*.target' 'candlewick-backfill-repair@*.timer' 'candlewick-*@*.service'
}

next_steps() { # folder of the documents
    cat <<TEXT
To look at it without an account: candlewick run --simulated
To run it for good, as root:
  1. put IG_API_KEY, IG_USERNAME and IG_PASSWORD as files into /etc/credstore (chmod 600), look at /etc/candlewick
  2. systemctl start candlewick-check            checks them with the broker: journalctl -u candlewick-check -o cat
  3. systemctl enable --now candlewick.target
  4. systemctl start candlewick-backfill@run     buys the history, within the weekly allowance
  5. candlewick status
To keep the ticks for ever, on a disk that has room: systemctl enable --now candlewick-archive.timer
To get a message when something fails, once CANDLEWICK_WATCH_URL is in /etc/credstore ($1/monitoring.md): systemctl enable --now candlewick-watch
To look at it in a browser, at http://localhost:9641 ($1/http-api.md): systemctl enable --now candlewick-web
So that the user NAME may read candles and the bus: usermod -aG candlewick NAME
TEXT
}

what_stays() { # a prefix of the folders; may be empty
    cat <<TEXT
These stay:
  ${1:-}/var/lib/candlewick    journals, archive and database
  ${1:-}/etc/credstore         credentials: IG_*, CANDLEWICK_*
  the user and group candlewick, which own the data
TEXT
}
