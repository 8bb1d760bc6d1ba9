#!/usr/bin/env bash
# Has an installed package a known weakness?  Exit 1 if one has; 0 if none has, or if nobody can be
# asked (no network): that must not stop anyone's work.  Weaknesses that are known and accepted stand
# in scripts/audit-accepted.txt, one id a line, each with its reason behind a #.
set -euo pipefail
cd "$(dirname "$0")/.."

python="${PYTHON:-.venv/bin/python}"
seconds="${AUDIT_SECONDS:-120}"
report="$(mktemp)"
log="$(mktemp)"
trap 'rm -f "$report" "$log"' EXIT

accepted=()
while read -r id _; do
    [[ -z "$id" || "$id" == \#* ]] || accepted+=(--ignore-vuln "$id")
done < scripts/audit-accepted.txt

code=0
timeout "$seconds" "$python" -m pip_audit --local --skip-editable --progress-spinner off \
    --timeout 5 --format json --output "$report" "${accepted[@]}" > "$log" 2>&1 || code=$?

# pip-audit ends with 1 both for a weakness and for no network; only in the former it reports.
if [[ ! -s "$report" ]]; then
    echo "audit skipped: no vulnerability service could be asked ($(tail -n 1 "$log" | cut -c 1-200))"
    exit 0
fi
"$python" - "$report" <<'PYTHON'
import json
import sys

packages = json.load(open(sys.argv[1], encoding="utf-8"))["dependencies"]
bad = [(package, weakness) for package in packages for weakness in package.get("vulns", [])]
for package, weakness in bad:
    fixed = ", ".join(weakness["fix_versions"]) or "none"
    print(f"{package['name']} {package['version']}: {weakness['id']} (fixed in: {fixed})")
asked = sum("skip_reason" not in package for package in packages)
print(f"audit: {asked} of {len(packages)} packages looked up, {len(bad)} known weaknesses")
if not asked:
    print("audit skipped: the index in use tells no weaknesses")
sys.exit(bool(bad))
PYTHON
