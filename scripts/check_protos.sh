#!/usr/bin/env bash
# Holds the wire contract: buf lint and format, no breaking change against the last release,
# generated stubs fresh.  Needs the development extras in the interpreter named by $PYTHON (default
# .venv/bin/python) and buf (make check installs it).
set -euo pipefail
cd "$(dirname "$0")/.."

python="${PYTHON:-.venv/bin/python}"
buf="${BUF:-node_modules/.bin/buf}"
if [[ ! -x "$buf" ]]; then
    echo "buf is not installed: run 'npm install --no-save' (package.json pins it), or name one in \$BUF" >&2
    exit 1
fi

echo "buf lint (STANDARD, COMMENTS)"
"$buf" lint
"$buf" format --diff --exit-code --path protos/quotewire

# The last release: the highest tag vX.Y.Z that this commit descends from.
tag="$(git tag --list 'v[0-9]*.[0-9]*.[0-9]*' --merged HEAD --sort=-v:refname 2>/dev/null | head -n 1 || true)"
if [[ -z "$tag" ]]; then
    echo "no release tag yet: nothing that a change could break"
elif ! git cat-file -e "$tag:buf.yaml" 2>/dev/null; then
    echo "$tag has no wire contract: nothing that a change could break"
else
    echo "buf breaking against $tag"
    previous="$(mktemp -d)"
    trap 'rm -rf "$previous"' EXIT
    git archive "$tag" buf.yaml protos | tar -x -C "$previous"
    "$buf" breaking --against "$previous"
fi

echo "stub freshness"
"$python" scripts/generate_stubs.py --check
