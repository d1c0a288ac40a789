# Sourced by checks that need Prometheus; needs.sh comes first.

# find_prometheus: sets `promtool`, `prometheus` and `alertmanager`, the paths of Debian's programs: those installed, else
# those of its packages, unpacked once in the user's cache folder. Installing the packages would start their servers.
find_prometheus() {
    promtool=$(command -v promtool || true)
    prometheus=$(command -v prometheus || true)
    alertmanager=$(command -v prometheus-alertmanager || true)
    [ -z "$promtool" ] || [ -z "$prometheus" ] || [ -z "$alertmanager" ] || return 0
    local folder="${XDG_CACHE_HOME:-$HOME/.cache}/candlewick/prometheus"
    if [ ! -e "$folder/complete" ]; then
        command -v dpkg >/dev/null || skip "Prometheus is missing, and this is no Debian: install it"
        echo "$(basename "$0"): fetching Prometheus and Alertmanager"
        rm -rf "$folder"
        mkdir -p "$folder/packages"
        unpack_packages "$folder" prometheus prometheus-alertmanager ||
            skip "apt-get cannot download Prometheus: apt-get update may help"
        touch "$folder/complete"
    fi
    promtool="$folder/usr/bin/promtool"
    prometheus="$folder/usr/bin/prometheus"
    alertmanager="$folder/usr/bin/prometheus-alertmanager"
}

# unpack_packages FOLDER PACKAGE...: downloads them into FOLDER/packages and unpacks them in FOLDER.
unpack_packages() {
    local folder=$1 package
    shift
    (
        cd "$folder/packages"
        timeout -k 10 300 apt-get -qq -o APT::Sandbox::User="$(id -un)" download "$@"
    ) >/dev/null || return 1
    for package in "$folder"/packages/*.deb; do dpkg -x "$package" "$folder" || return 1; done
    rm -rf "$folder/packages"
}
