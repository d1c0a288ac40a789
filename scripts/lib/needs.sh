# Sourced by checks that need more than the build does, and that not every machine can run.

# skip REASON: says why and ends with 77, which scripts/test counts as skipped.
skip() {
    echo "$(basename "$0"): skipped: $1" >&2
    exit 77
}

# make_environment FOLDER PYTHON PACKAGE...: a virtual environment with these packages, made once.
make_environment() {
    local folder=$1 python=$2
    shift 2
    [ "$(cat "$folder/packages" 2>/dev/null)" != "$*" ] || return 0
    echo "$(basename "$0"): installing $*"
    rm -rf "$folder"
    mkdir -p "$(dirname "$folder")"
    "$python" -m venv "$folder" || skip "no environment of Python can be made in $folder"
    timeout -k 10 300 "$folder/bin/pip" install --quiet --disable-pip-version-check --retries 1 --timeout 20 "$@" ||
        skip "pip cannot install $*"
    echo "$*" >"$folder/packages"
}
