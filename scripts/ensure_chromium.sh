#!/usr/bin/env bash
# The browser test needs a Chromium. Takes one that is there; as root on Debian installs the `chromium` package.
set -u

for name in chromium chromium-browser google-chrome google-chrome-stable; do
    command -v "$name" >/dev/null 2>&1 && exit 0
done

if [[ "$(id -u)" == 0 ]] && command -v apt-get >/dev/null 2>&1; then
    echo "chromium: installing Debian's package for the browser test"
    log="$(mktemp)"
    trap 'rm -f "$log"' EXIT
    export DEBIAN_FRONTEND=noninteractive
    if { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } >"$log" 2>&1; then
        exit 0
    fi
    tail -n 5 "$log" >&2
fi

echo "error: the browser test needs Chromium or Google Chrome on PATH (on Debian: apt-get install chromium)" >&2
exit 1
