# Sourced by the campaigns: CANDLEWICK_BIN becomes the folder of the programs, built if it is not set.
. "$(dirname "${BASH_SOURCE[0]}")/folders.sh"
. "$checkout/scripts/lib/needs.sh"
command -v python3 >/dev/null || skip "python3 is missing: scripts/bootstrap --tests installs it"
if [ -z "${CANDLEWICK_BIN:-}" ]; then
    case " $* " in *" --help "* | *" -h "*) ;; *) "$checkout/scripts/build" -q ;; esac
    CANDLEWICK_BIN=$(cd "$bin" 2>/dev/null && pwd -P) || CANDLEWICK_BIN=$bin
fi
