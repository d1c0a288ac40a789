# Sourced by the campaigns: CANDLEWICK_BIN becomes the folder of the programs, built where it is not set.
command -v python3 >/dev/null || {
    echo "$0: python3 is missing: apt-get install python3" >&2
    exit 69
}
if [ -z "${CANDLEWICK_BIN:-}" ]; then
    case " $* " in *" --help "* | *" -h "*) CANDLEWICK_BIN=.build/release ;; *)
        scripts/build -q
        scratch="${CANDLEWICK_BUILD_CACHE:+$CANDLEWICK_BUILD_CACHE/release}"
        CANDLEWICK_BIN=$(cd "${scratch:-.build}/release" && pwd -P)
        ;;
    esac
fi
