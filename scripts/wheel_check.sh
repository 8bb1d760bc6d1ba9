#!/usr/bin/env bash
# Builds the wheel, installs it into an empty environment outside the repository, and runs it there
# on an article: what a user gets must work without the checkout.  $PYTHON names the interpreter.
set -euo pipefail
cd "$(dirname "$0")/.."
root="$PWD"

python="$root/${PYTHON:-.venv/bin/python}"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT

"$python" -m pip --disable-pip-version-check --quiet --quiet wheel --no-deps --wheel-dir "$folder" .
wheel="$(echo "$folder"/quotewire-*.whl)"
echo "built $(basename "$wheel"), $(du -h "$wheel" | cut -f1)"

"$python" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check --quiet --quiet install "$wheel"
cp examples/article.txt "$folder"
cd "$folder"
env -u PYTHONPATH "$folder/venv/bin/quotewire" extract article.txt
# The table could be empty: hold that the model in the wheel found statements.
env -u PYTHONPATH "$folder/venv/bin/quotewire" extract --format json article.txt |
    "$folder/venv/bin/python" -c '
import json, sys
line = json.load(sys.stdin)
assert line["statements"], "the installed model found no statement"
print(f"{line['\''model'\'']} from the wheel: {len(line['\''statements'\''])} statements")'
