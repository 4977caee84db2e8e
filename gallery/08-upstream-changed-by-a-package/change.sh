# A routine update. Without dpkg, its script alone.
if command -v dpkg >/dev/null; then
    cp -r "$ENTRY/package" "$DIR/package"
    dpkg-deb --root-owner-group --build "$DIR/package" "$DIR/shop-proxy.deb"
    mkdir -p "$DIR/dpkg/var/lib/dpkg/info" "$DIR/dpkg/var/lib/dpkg/updates"
    : >"$DIR/dpkg/var/lib/dpkg/status"
    # A database of its own; nothing of it reaches the machine's.
    dpkg --root="$DIR/dpkg" --force-not-root --force-script-chrootless --log="$DIR/dpkg.log" \
        --install "$DIR/shop-proxy.deb"
else
    sh -eu "$ENTRY/package/DEBIAN/postinst" configure
fi
