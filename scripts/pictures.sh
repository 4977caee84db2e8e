#!/bin/sh
# Draws the pictures of README and the docs once more: the post-mortem of an outage that was made in the lab
# (docs/postmortems), as a real chromium shows it, in the light.
#
#   scripts/pictures.sh
#
# Needs chromium. It writes docs/pictures/*.png and nothing else. Exit: 0 they are drawn · 1 one is not.
set -eu

cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp docs/postmortems/outage-a.html "$work/postmortem.html"

# draw PAGE NAME HEIGHT: the upper part of a page, so high.
draw() {
    # The light is what people read on paper; the window is as wide as the page.
    HOME=$work timeout 60 chromium --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars \
        --disable-background-networking --host-resolver-rules='MAP * ~NOTFOUND' --no-first-run \
        --user-data-dir="$work/profile" --blink-settings=preferredColorScheme=1 --virtual-time-budget=5000 \
        --window-size="1000,$3" --screenshot="$work/$2" "file://$1" >/dev/null 2>&1 || return 1
    # A picture is there, and it is one.
    [ "$(head -c 8 "$work/$2" | od -An -tx1 | tr -d ' \n')" = 89504e470d0a1a0a ]
    mkdir -p docs/pictures
    mv "$work/$2" "docs/pictures/$2"
    echo "docs/pictures/$2"
}

# What stands before the charts is left out of the second picture.
hide='body > header, section[aria-labelledby=summary] { display: none } section[aria-labelledby=impact] h2 { margin-top: 0 }'
sed "s|</head>|<style>$hide</style></head>|" "$work/postmortem.html" >"$work/impact.html"
{ draw "$work/postmortem.html" postmortem.png 690 && draw "$work/impact.html" postmortem-impact.png 1030; } || {
    echo 'pictures: chromium drew no page' >&2
    exit 1
}
