# Sourced by scripts/check-package: the package, and the tarball, in a bare Debian without toolchain and systemd.

bare=

# A fresh root folder: debootstrap's minbase, kept as a tar.
make_bare() {
    local kept="${XDG_CACHE_HOME:-$HOME/.cache}/candlewick/debian-12-minbase.tar"
    bare="$output/bare"
    mkdir -p "$bare" "${kept%/*}"
    if [ ! -s "$kept" ]; then
        timeout -k 10 400 debootstrap --variant=minbase bookworm "$bare" >"$output/debootstrap.log" 2>&1 ||
            { tail -3 "$output/debootstrap.log" >&2 && skip "debootstrap cannot make a bare Debian"; }
        tar -C "$bare" -cf "$kept.new" . && mv "$kept.new" "$kept"
    else
        tar -C "$bare" -xpf "$kept"
    fi
    cp /etc/resolv.conf "$bare/etc/resolv.conf"
    inside apt-get update -qq >"$output/log" 2>&1 || skip "apt-get update fails in the bare Debian: $(tail -1 "$output/log")"
}

# Runs a command in the bare Debian, in its own namespaces, and ends with it whatever it left behind.
inside() {
    unshare --mount --pid --fork --kill-child bash -c 'mount -t proc proc "$0/proc" && exec chroot "$0" env -i \
        PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive "$@"' "$bare" "$@"
}

leave_bare() { [ -z "$bare" ] || rm -rf "$bare"; }

check_bare() {
    make_bare
    check "the bare Debian has no toolchain, no Python, no systemd and no compiler" is_bare
    check "apt installs the package, and candlewick run --simulated stores candles of 28 pairs" runs_when_installed
    [ ! -s "$output/times" ] || cat "$output/times"
    check "the installed programs have their pages, documents and runtime" is_complete
    check "user and folders are there without systemd" has_user
    check "an error names the installed document" names_document
    check "purge keeps the data and says so" purge_keeps
    check "purge removes the data if CANDLEWICK_PURGE_DATA says so" purge_removes
}

is_bare() {
    local program
    for program in swift python3 systemctl cc; do
        ! inside sh -c "command -v $program" || { echo "$program is there" && return 1; }
    done
}

pairs_stored() { # state folder in there
    python3 -c 'import sqlite3, sys
print(sqlite3.connect(f"file:{sys.argv[1]}/candlewick.db?mode=ro", uri=True).execute("SELECT count(DISTINCT pair) FROM candles").fetchone()[0])' \
        "$bare$1" 2>/dev/null || echo 0
}

seconds_since() { python3 -c 'import sys, time; print(f"{time.time() - float(sys.argv[1]):.1f}")' "$1"; }

# The time from the beginning of the installation until a candle can be read.
runs_when_installed() {
    local began installed
    cp "$later" "$bare/root"
    began=$(date +%s.%N)
    inside sh -c 'apt-get install -y --no-install-recommends /root/candlewick_*.deb'
    installed=$(seconds_since "$began")
    simulates /root/state candlewick
    echo "    apt install: $installed s; first candle $first s after its start" >"$output/times"
}

# state program: its first candle, and at its end all pairs. Sets `first`.
simulates() {
    local code=0 process
    inside timeout -k 10 120 "$2" run --simulated --plain --for 30s --state "$1" >"$output/run.log" 2>&1 &
    process=$!
    until [ "$(pairs_stored "$1")" -gt 0 ]; do
        kill -0 "$process" 2>/dev/null || { tail -n 15 "$output/run.log" && return 1; }
        sleep 0.2
    done
    first=$(seconds_since "${began:-0}")
    wait "$process" || code=$?
    [ "$code" -eq 0 ] || { tail -n 15 "$output/run.log" && return 1; }
    [ "$(pairs_stored "$1")" -eq 28 ] || { echo "candles of $(pairs_stored "$1") pairs" && return 1; }
}

is_complete() {
    local file
    for file in man/man1/candlewick.1.gz doc/candlewick/copyright doc/candlewick/quota.md \
        candlewick/python/forex_database.py candlewick/monitoring/candlewick.rules.yml \
        bash-completion/completions/candlewick; do
        [ -s "$bare/usr/share/$file" ] || { echo "$file is missing" && return 1; }
    done
    ! inside sh -c 'ldd /usr/lib/candlewick/*' | grep -E 'not found|/opt/'
}

has_user() {
    inside sh -c 'id candlewick && [ "$(stat -c "%U %a" /var/lib/candlewick)" = "candlewick 750" ] &&
        [ "$(stat -c %a /etc/candlewick/environment)" = 600 ] && [ -d /etc/credstore ]'
}

names_document() {
    inside sh -c 'echo "nonsense: 1" >/root/c.yaml; CANDLEWICK_CONFIG=/root/c.yaml candlewick configuration 2>&1 || true' |
        grep -F /usr/share/doc/candlewick/configuration.md
}

purge_keeps() {
    inside sh -c 'touch /var/lib/candlewick/data && apt-get purge -y candlewick 2>&1' >"$output/purge"
    cat "$output/purge" && grep -q 'These stay:' "$output/purge" && [ -e "$bare/var/lib/candlewick/data" ] &&
        inside id candlewick && [ ! -e "$bare/etc/candlewick" ] && [ ! -e "$bare/usr/lib/candlewick" ]
}

purge_removes() {
    inside sh -c 'apt-get install -y /root/candlewick_*.deb && CANDLEWICK_PURGE_DATA=yes apt-get purge -y candlewick 2>&1'
    [ ! -e "$bare/var/lib/candlewick" ] && ! inside id candlewick
}

check_tarball() {
    [ -n "$bare" ] || make_bare
    check "the tarball, unpacked in any folder, runs the simulated pipeline" tarball_runs
}

tarball_runs() {
    inside apt-get install -y --no-install-recommends libzmq5 libcurl4 libsqlite3-0 libpq5 libzstd1 ca-certificates
    mkdir -p "$bare/srv/any folder"
    tar -C "$bare/srv/any folder" -xf "$output"/later/*.tar.xz
    simulates /root/unpacked "/srv/any folder/candlewick-0.1.0/bin/candlewick"
}
