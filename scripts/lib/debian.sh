# Sourced by scripts/package: the Debian package and the tarball of a staged tree in `destdir`. Uses version, arch and fast.

# The version of the programs; of a tree between two versions with ~git, date and commit, which sorts before the version.
tree_version() {
    local plain
    plain=$("$bin/candlewick" --version)
    git describe --exact-match --tags --match "v$plain" >/dev/null 2>&1 || ! git rev-parse HEAD >/dev/null 2>&1 ||
        plain+="~git$(TZ=UTC0 git log -1 --date=format-local:%Y%m%d%H%M%S --format=%cd).$(git rev-parse --short=7 HEAD)"
    echo "$plain"
}

# The packages with the libraries that the programs load, with their least versions.
dependencies() {
    local folder="$staged/shlibdeps"
    mkdir -p "$folder/debian"
    printf 'Source: candlewick\n\nPackage: candlewick\nArchitecture: any\n' >"$folder/debian/control"
    (cd "$folder" && dpkg-shlibdeps -O --ignore-missing-info -l"$destdir/usr/lib/candlewick" \
        "$destdir"/usr/lib/candlewick/* 2>"$staged/log") | sed -n 's/^shlibs:Depends=//p' ||
        fail "dpkg-shlibdeps failed: $(tail -1 "$staged/log")"
}

maintainer_script() { # name: with the functions that scripts/install has too, if it calls one
    {
        printf '#!/bin/sh\nset -e\n'
        [ "$1" = preinst ] || sed '/^#/d' packaging/machine.sh
        sed "s/@VERSION@/$version/g" "packaging/debian/$1"
    } >"$control/$1"
    chmod 755 "$control/$1"
}

changelog() {
    local maintainer
    maintainer=$(sed -n 's/^Maintainer: //p' "$control/control")
    printf 'candlewick (%s) unstable; urgency=medium\n\n  * CHANGELOG.md in this folder has every change.\n\n -- %s  %s\n' \
        "$version" "$maintainer" "$(TZ=UTC0 LC_ALL=C date -R -d "@$SOURCE_DATE_EPOCH")" |
        gzip -9n >"$destdir/usr/share/doc/candlewick/changelog.gz"
}

# What Debian wants of a tree: compressed manual pages, their links, a list of the configuration, checksums.
debian_package() { # the file to make
    local control="$destdir/DEBIAN" depends name compression=(-Zxz)
    depends=$(dependencies)
    mkdir -p "$control"
    find "$destdir/usr/share/man" -type f -exec gzip -9n {} +
    rm "$destdir/usr/share/doc/candlewick/CHANGELOG.md"
    gzip -9nc CHANGELOG.md >"$destdir/usr/share/doc/candlewick/CHANGELOG.md.gz"
    install -D -m 644 packaging/debian/candlewick.lintian-overrides "$destdir/usr/share/lintian/overrides/candlewick"
    sed -e "s|@VERSION@|$version|; s|@ARCH@|$arch|; s|@DEPENDS@|$depends|" \
        -e "s|@MAINTAINER@|${DEBFULLNAME:-The Candlewick authors} <${DEBEMAIL:-candlewick@localhost.localdomain}>|" \
        -e "s|@SIZE@|$(du -sk --apparent-size "$destdir/usr" | cut -f1)|" packaging/debian/control.in >"$control/control"
    changelog
    for name in preinst postinst prerm postrm; do maintainer_script "$name"; done
    install -m 644 packaging/debian/templates "$control/templates"
    printf '/etc/candlewick/%s\n' candlewick.yaml environment >"$control/conffiles"
    (cd "$destdir" && find etc usr -type f | LC_ALL=C sort | xargs md5sum) >"$control/md5sums"
    chmod 644 "$control/md5sums" "$control/conffiles" "$control/control"
    ! $fast || compression=(-Zgzip -z1)
    dpkg-deb --root-owner-group "${compression[@]}" --build "$destdir" "$1" >/dev/null
    rm -rf "$control" "$destdir/usr/share/lintian"
}

# The same files, to be unpacked anywhere; the programs find their runtime by $ORIGIN.
tarball() { # the file to make
    local top="$staged/candlewick-$version" libraries glibc
    mv "$destdir/usr" "$top"
    mv "$destdir/etc" "$top/etc"
    gunzip -r "$top/share/man"
    libraries=$(ldd "${programs[@]/#/$bin/}" | sed -n 's|^\t\(lib[a-z]*[0-9]*\.so\.[0-9]*\) => /[^o].*|\1|p' |
        grep -E '^lib(zmq|curl|sqlite3|pq|zstd|z|stdc\+\+)\.' | sort -u | tr '\n' ' ')
    glibc=$(objdump -T "$top"/lib/candlewick/* 2>/dev/null | grep -o 'GLIBC_2\.[0-9]*' | sort -Vu | tail -1)
    sed -e "s|@VERSION@|$version|; s|@ARCH@|$(uname -m)|; s|@GLIBC@|${glibc#GLIBC_}|; s|@LIBRARIES@|$libraries|" \
        packaging/INSTALL >"$top/INSTALL"
    tar -C "$staged" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" \
        -c "candlewick-$version" | xz -6 -T0 >"$1"
}
