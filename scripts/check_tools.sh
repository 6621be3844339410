#!/usr/bin/env bash
# Checks what set-up cannot install itself: Python 3.11+ with venv, Node 20+, npm. One line per thing missing, then exit 1.
# Usage: PYTHON=python3.12 scripts/check_tools.sh
set -u

python="${PYTHON:-python3}"
missing=0

complain() {
    echo "error: $1" >&2
    missing=1
}

if ! command -v "$python" >/dev/null 2>&1; then
    complain "Python 3.11 or newer is needed, '$python' was not found (choose another with PYTHON=...)"
elif ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    found="$("$python" -c 'import platform; print(platform.python_version())' 2>/dev/null)"
    complain "Python 3.11 or newer is needed, '$python' is ${found:-broken} (choose another with PYTHON=...)"
elif ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    complain "'$python' has no venv module (on Debian: apt-get install python3-venv)"
fi

if ! command -v node >/dev/null 2>&1; then
    complain "Node 20 or newer is needed, 'node' was not found"
else
    version="$(node --version 2>/dev/null)"
    major="${version#v}"
    major="${major%%.*}"
    if ! [[ "$major" =~ ^[0-9]+$ ]] || ((major < 20)); then
        complain "Node 20 or newer is needed, 'node' is ${version:-broken}"
    elif ! command -v npm >/dev/null 2>&1; then
        complain "npm is needed, it was not found (on Debian: apt-get install npm)"
    fi
fi

exit "$missing"
