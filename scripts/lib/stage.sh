# Sourced by scripts/install and scripts/package: puts the files of an installation below a folder.
# folders.sh comes first, and `fail MESSAGE CODE`.
#   destdir  a prefix for every path; may be empty
#   prefix   where programs and units go, such as /usr
#   staged   a folder for what is in the making
#   files    the paths of what was installed, without destdir
programs=(
    ingest-stream ingest-backfill aggregator store-writer candlewick-relay candlewick-watch candlewick-web candlewick
    ig-simulator
)
# What people start by hand. aggregator and store-writer are systemd's alone, and their names too common for a PATH.
commands=(candlewick ingest-backfill ingest-stream candlewick-relay candlewick-watch candlewick-web ig-simulator)
files=()

# Ends with 69 if a program is missing, of ours or of those that stage_files calls.
needs_of_staging() {
    local program
    for program in "${programs[@]}"; do
        [ -x "$bin/$program" ] || fail "$bin/$program is missing: build first, or set CANDLEWICK_BIN" 69
    done
    for program in patchelf strip python3; do
        command -v "$program" >/dev/null || fail "$program is missing: scripts/bootstrap --install installs it" 69
    done
    if ldd "${programs[@]/#/$bin/}" | grep 'not found' >"$staged/lost"; then
        fail "libraries are missing: $(sort -u "$staged/lost" | tr -s '\t\n' ' ')" 69
    fi
}

put() { # mode source path: installs one file; a program that runs keeps the file it has open
    install -D -m "$1" "$2" "$destdir$3"
    files+=("$3")
}

# The libraries of the Swift toolchain that the programs load.
runtime() { ldd "${programs[@]/#/$bin/}" | sed -n 's|^.* => \(/.*/swift/linux/[^ ]*\.so\) .*|\1|p' | sort -u; }

own() { # mode source path: without symbols, and looking for libraries in its own folder, wherever it was built
    cp -f "$2" "$staged/file"
    chmod 755 "$staged/file"
    strip --strip-unneeded --remove-section=.comment "$staged/file"
    patchelf --set-rpath '$ORIGIN' "$staged/file"
    put "$1" "$staged/file" "$3"
}

stage_programs() {
    local program library lib="$prefix/lib/candlewick"
    for program in "${programs[@]}"; do own 755 "$bin/$program" "$lib/$program"; done
    while read -r library; do own 644 "$library" "$lib/$(basename "$library")"; done < <(runtime)
    mkdir -p "$destdir$prefix/bin"
    for program in "${commands[@]}"; do
        ln -sfn "../lib/candlewick/$program" "$destdir$prefix/bin/$program"
        files+=("$prefix/bin/$program")
        completion "$program" bash "bash-completion/completions/$program"
        completion "$program" zsh "zsh/vendor-completions/_$program"
        completion "$program" fish "fish/vendor_completions.d/$program.fish"
    done
}

completion() { # program shell path: what the program says of itself for a shell, which loads and does not run it
    "$bin/$1" --generate-completion-script "$2" | sed '1{/^#!/d}' >"$staged/completion"
    put 644 "$staged/completion" "$prefix/share/$3"
}

stage_units() {
    local unit
    for unit in systemd/*.service systemd/*.timer systemd/*.target systemd/*.service.d/*.conf; do
        sed "s|/usr/lib/candlewick/|$prefix/lib/candlewick/|g" "$unit" >"$staged/unit"
        put 644 "$staged/unit" "$prefix/lib/systemd/system/${unit#systemd/}"
    done
    put 644 systemd/candlewick.sysusers.conf "$prefix/lib/sysusers.d/candlewick.conf"
    put 644 systemd/candlewick.tmpfiles.conf "$prefix/lib/tmpfiles.d/candlewick.conf"
}

tree() { # mode source path name...: the files of a folder whose names match one of the patterns, but its tests
    local mode=$1 source=$2 path=$3 name file patterns=()
    shift 3
    for name in "$@"; do patterns+=(-o -name "$name"); done
    while read -r file; do put "$mode" "$source/$file" "$path/$file"; done < <(
        find -L "$source" -type f \( "${patterns[@]:1}" \) -not -path '*/tests/*' -not -path '*/__pycache__/*' -printf '%P\n' | sort)
}

# Documents, manual pages made of the programs' help, and what belongs to other programs.
stage_documents() {
    local share="$prefix/share" page wheel
    tree 644 docs "$share/doc/candlewick" '*.md' '*.py' '*.c'
    put 644 CHANGELOG.md "$share/doc/candlewick/CHANGELOG.md"
    put 644 packaging/debian/copyright "$share/doc/candlewick/copyright"
    python3 scripts/lib/man_pages.py "$staged/man" "$prefix" "${programs[@]/#/$bin/}"
    for page in "$staged"/man/*/*; do put 644 "$page" "$share/man/${page#"$staged/man/"}"; done
    tree 644 python "$share/candlewick/python" '*.py' '*.sql' py.typed
    tree 644 monitoring "$share/candlewick/monitoring" '*.yml' '*.json'
    put 644 systemd/nginx-candlewick.conf "$share/candlewick/nginx-candlewick.conf"
    if [ -x scripts/wheel ]; then
        scripts/wheel "$staged/wheel" >"$staged/log" 2>&1 ||
            echo "scripts/wheel made no wheel of the Python package: $(tail -1 "$staged/log")" >&2
        for wheel in "$staged"/wheel/*.whl; do
            [ ! -e "$wheel" ] || put 644 "$wheel" "$share/candlewick/python/$(basename "$wheel")"
        done
    fi
    # The page's chart library, if it can be had.
    scripts/web-assets "$destdir$share/candlewick/web" >/dev/null
    [ ! -e "$destdir$share/candlewick/web/lightweight-charts.js" ] || files+=("$share/candlewick/web/lightweight-charts.js")
}

stage_files() {
    stage_programs
    stage_units
    stage_documents
}

# The configuration, never over what is there.
stage_examples() {
    example 644 candlewick.yaml
    example 600 environment
}

example() { # mode name
    [ -e "$destdir/etc/candlewick/$2" ] || install -D -m "$1" "systemd/$2" "$destdir/etc/candlewick/$2"
}
