#!/usr/bin/env bash
# Starts a server on a free port, sends it a sample article through the client, prints the
# statements, and stops the server, whatever happens.  $PYTHON names the interpreter.
set -euo pipefail
cd "$(dirname "$0")/.."

python="${PYTHON:-.venv/bin/python}"
article="${1:-examples/article.txt}"
# A model of 23 million parameters loads in seconds; a slow disk gets minutes.
patience_s=180
log="$(mktemp)"
server=""

stop() {
    if [[ -n "$server" ]] && kill -TERM "$server" 2>/dev/null; then
        wait "$server" || true
        echo "server stopped"
    fi
    rm -f "$log"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Port 0: the system picks a free one, and the server says which.
"$python" -m quotewire serve --host 127.0.0.1 --port 0 >"$log" 2>&1 &
server=$!
for ((tenths = 0; ; tenths++)); do
    if grep -qE '[ "]serving ' "$log"; then
        break
    elif ! kill -0 "$server" 2>/dev/null; then
        echo "the server did not start:" >&2
        cat "$log" >&2
        exit 1
    elif ((tenths > 10 * patience_s)); then
        echo "the server was not ready after $patience_s seconds:" >&2
        cat "$log" >&2
        exit 1
    fi
    sleep 0.1
done
address="$(sed -nE 's/.*[ "]listening on ([^ ,]+:[0-9]+).*/\1/p' "$log" | head -n 1)"
echo "server ready on $address; asking it about $article"
echo
"$python" -m quotewire extract "$article" --server "$address"
echo
