# Sourced by scripts/check-package: what is in the package, read by the programs it is for.

check_pages() {
    unpacked="$output/unpacked"
    mkdir -p "$unpacked"
    dpkg-deb -x "$later" "$unpacked"
    check "lintian finds no error" lints
    check "man shows every page without a warning" pages_are_clean
    check "every program has its manual page" programs_have_pages
    check "the wheel of the Python package is in it" holds_wheel
    check "the configuration of the account is for root alone" environment_is_private
    local shell
    for shell in bash zsh fish; do check "$shell completes a subcommand and an option" "completes_in_$shell"; done
    check "scripts/install --destdir changes nothing else, and says nothing of the machine" image_is_quiet
    check "scripts/install --destdir names what is missing, and installs no package" image_names_missing
    ! $full || check "the same tree makes the same package" is_reproducible
}

lints() { timeout 120 lintian --allow-root --fail-on error "$later"; }

pages_are_clean() {
    local page said
    for page in "$unpacked"/usr/share/man/man*/*.gz; do
        said=$(MANWIDTH=80 LC_ALL=C.UTF-8 timeout 20 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null)
        [ -z "$said" ] || { echo "$page: $said" && return 1; }
    done
    [ -n "$page" ] && MANPATH="$unpacked/usr/share/man" MANWIDTH=80 man candlewick-candles | grep -q 'Shows the last candles'
}

programs_have_pages() {
    local program
    for program in "$unpacked"/usr/lib/candlewick/*; do
        [[ "$program" = *.so ]] || compgen -G "$unpacked/usr/share/man/man?/$(basename "$program").?.gz" >/dev/null ||
            { echo "$program has none" && return 1; }
    done
}

holds_wheel() { compgen -G "$unpacked/usr/share/candlewick/python/candlewick-*.whl"; }
environment_is_private() { [ "$(stat -c %a "$unpacked/etc/candlewick/environment")" = 600 ]; }

image_is_quiet() {
    scripts/install --destdir "$output/image" >"$output/said"
    cat "$output/said"
    [ "$(grep -vc '^The chart library\|^Installed in' "$output/said")" -eq 0 ] && [ -x "$output/image/usr/bin/candlewick" ] &&
        cmp -s "$output/image/usr/lib/candlewick/aggregator" "$unpacked/usr/lib/candlewick/aggregator"
}

# With everything on PATH but patchelf; apt-get would tell of its call.
image_names_missing() {
    local code=0
    mkdir "$output/path"
    find /usr/bin /usr/sbin -maxdepth 1 -not -type d -not -name patchelf -not -name apt-get -exec ln -sft "$output/path" {} +
    printf '#!/bin/sh\necho apt-get was called\n' >"$output/path/apt-get"
    chmod +x "$output/path/apt-get"
    PATH="$output/path" scripts/install --destdir "$output/none" >"$output/said" 2>&1 || code=$?
    cat "$output/said"
    [ "$code" -eq 69 ] && grep -q 'patchelf is missing' "$output/said" && ! grep -q apt-get "$output/said" &&
        [ ! -e "$output/none" ]
}

# The shells ask the program of the package for some of the words, so it must be on PATH.
with_package() { PATH="$unpacked/usr/bin:$PATH" timeout 60 "$@"; }

completes_in_bash() {
    local script='. /usr/share/bash-completion/bash_completion; . "$1"
        complete_words() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
            COMPREPLY=(); "$(complete -p candlewick | sed "s/.*-F \([^ ]*\).*/\1/")" candlewick "${@: -1}" "${@: -2:1}"
            printf "%s\n" "${COMPREPLY[@]}"; }
        complete_words candlewick cand; complete_words candlewick candles --for'
    with_package bash -c "$script" - "$unpacked/usr/share/bash-completion/completions/candlewick" >"$output/words"
    cat "$output/words" && grep -q '^candles' "$output/words" && grep -q '^--forming' "$output/words"
}

completes_in_fish() {
    with_package fish --no-config -c 'source $argv[1]; complete -C "candlewick cand"; complete -C "candlewick candles --for"' \
        "$unpacked/usr/share/fish/vendor_completions.d/candlewick.fish" >"$output/words"
    cat "$output/words" && grep -q '^candles' "$output/words" && grep -q '^--forming' "$output/words"
}

# A terminal of its own, since zsh completes only what someone types.
completes_in_zsh() {
    with_package python3 scripts/checks/package/zsh.py "$unpacked/usr/share/zsh/vendor-completions"
}

is_reproducible() { scripts/package --version 0.1.0 --out "$output/again" && cmp "$later" "$output"/again/*.deb; }
