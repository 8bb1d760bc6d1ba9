# Everything that a newcomer, a developer and CI run.  `make` alone lists the targets.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet
# Everything that an installation depends on.
SETUP  := pyproject.toml hatch_build.py Makefile
# Where `make evaluate` finds the corpora.
DATA   ?= ../shared/data
# More flags of `make bench`, such as BENCH='--articles 20 --only matmul,batch'.
BENCH  ?=
# Where `make soak` adds its figures, one JSON line a test.
SOAK_REPORT ?= runs/soak.jsonl

.DEFAULT_GOAL := help
.PHONY: bench bench-archive prove-archive help demo ab-demo typescript test screenshots soak check docs audit protos wheel-check evaluate clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(BIN)/python:
	@echo "creating $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	@$(PYTHON) -m venv $(VENV)

# Stamps: an installation runs again only when what it is made from has changed.
$(VENV)/.installed: $(SETUP) | $(BIN)/python
	@echo "installing quotewire (a minute or two the first time)"
	@$(PIP) install --editable .
	@touch $@

$(VENV)/.installed-dev: $(SETUP) | $(BIN)/python
	@echo "installing quotewire with its development extras (a minute or two the first time)"
	@$(PIP) install --editable '.[dev]'
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-experiments: $(SETUP) | $(BIN)/python
	@echo "installing quotewire with the statistics of experiments (a minute or two the first time)"
	@$(PIP) install --editable '.[experiments]'
	@touch $@ $(VENV)/.installed

# Other people's readers of our formats, apart from the rest: see tests/render/formats/readers.py.
$(VENV)/readers: tests/render/formats/requirements.txt | $(VENV)/.installed-dev
	@echo "installing the readers of formats for the tests"
	@rm -rf $@ $@.partial
	@$(PIP) install --no-deps --target $@.partial --requirement $<
	@mv $@.partial $@
	@touch $@

node_modules/.installed: package.json package-lock.json
	@echo "installing the proto tools"
	@# Not npm ci: it refuses a registry without the builds for other systems.
	@npm install --no-save --no-audit --no-fund --loglevel error
	@touch $@

examples/typescript/node_modules/.installed: examples/typescript/package.json examples/typescript/package-lock.json
	@echo "installing what the TypeScript client needs"
	@cd examples/typescript && npm install --no-save --no-audit --no-fund --loglevel error
	@touch $@

demo: $(VENV)/.installed  ## start a server, ask it who said what in a sample article, stop it
	@PYTHON=$(BIN)/python scripts/demo.sh

ab-demo: $(VENV)/.installed-experiments  ## two variants on live traffic, editors, and the report of it
	@$(BIN)/python scripts/ab_demo.py

typescript: examples/typescript/node_modules/.installed  ## build the TypeScript client
	@cd examples/typescript && npm run --silent build

# The tests start a server of their own (tests/postgres.py); only its programs are needed.
POSTGRES := $(shell ls /usr/lib/postgresql/*/bin/initdb 2>/dev/null | tail -n 1)
$(VENV)/.installed-postgres: | $(BIN)/python
	@if [ -z "$(POSTGRES)" ] && [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
	    echo "installing PostgreSQL (Debian's package) for the tests"; \
	    export DEBIAN_FRONTEND=noninteractive; \
	    apt-get install -qq -y --no-install-recommends postgresql > /dev/null 2>&1 || \
	    { apt-get update -qq > /dev/null && \
	      apt-get install -qq -y --no-install-recommends postgresql > /dev/null; }; \
	fi
	@touch $@

# The browser of the desk's tests and pictures, and fonts for it.
CHROMIUM := chromium fonts-crosextra-caladea fonts-inter fonts-liberation
$(VENV)/.installed-chromium: | $(BIN)/python
	@if ! command -v chromium > /dev/null && [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
	    echo "installing Chromium (Debian's package)"; \
	    { apt-get install -qq -y --no-install-recommends $(CHROMIUM) > /dev/null 2>&1 || \
	      { apt-get update -qq > /dev/null && \
	        apt-get install -qq -y --no-install-recommends $(CHROMIUM) > /dev/null; }; }; \
	fi
	@touch $@

# The tests of deploy/ run compose and Prometheus; of the latter's package only the program is
# unpacked, without the service that would start.  Where they cannot be had, their tests are skipped
# (in CI they fail), and the next run tries again.
$(VENV)/.installed-deploy: | $(BIN)/python
	@if ! command -v prometheus > /dev/null && command -v apt-get > /dev/null; then \
	    echo "unpacking Prometheus (Debian's package) for the tests"; \
	    mkdir -p $(VENV)/tools && cd $(VENV)/tools && rm -f prometheus_*.deb && \
	    { apt-get -qq download prometheus 2> /dev/null || \
	      { apt-get -qq update > /dev/null 2>&1; apt-get -qq download prometheus; }; } && \
	    dpkg-deb -x prometheus_*.deb . && rm prometheus_*.deb; \
	fi || true
	@if ! docker compose version > /dev/null 2>&1 && ! command -v docker-compose > /dev/null \
	        && [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
	    echo "installing docker-compose (Debian's package) for the tests"; \
	    export DEBIAN_FRONTEND=noninteractive; \
	    apt-get install -qq -y --no-install-recommends docker-compose > /dev/null 2>&1 || \
	    { apt-get update -qq > /dev/null && \
	      apt-get install -qq -y --no-install-recommends docker-compose > /dev/null; }; \
	fi || true
	@if [ -x $(VENV)/tools/usr/bin/prometheus ] || command -v prometheus > /dev/null; then touch $@; fi

test: $(VENV)/.installed-dev $(VENV)/readers $(VENV)/.installed-postgres $(VENV)/.installed-chromium $(VENV)/.installed-deploy node_modules/.installed examples/typescript/node_modules/.installed  ## the whole test suite
	@$(BIN)/python -m pytest

# Tests that have a short version and a long one.
SOAKED := tests/load tests/chaos tests/batch/test_crash.py tests/batch/test_memory.py \
    tests/experiments/test_statistics.py tests/experiments/test_simulated_reports.py
soak: $(VENV)/.installed-dev  ## load, chaos and statistics at full length (some half an hour)
	@QUOTEWIRE_SOAK=1 QUOTEWIRE_SOAK_REPORT=$(SOAK_REPORT) $(BIN)/python -m pytest -s --durations=0 --durations-min=5 $(SOAKED)
	@echo "measured figures: $(SOAK_REPORT)"

screenshots: $(VENV)/.installed-dev $(VENV)/.installed-chromium  ## the pictures of the desk in docs/images
	@$(BIN)/python scripts/screenshots.py

$(VENV)/.installed-bench: $(SETUP) | $(BIN)/python
	@echo "installing quotewire with what it is measured against (a minute or two the first time)"
	@$(PIP) install --editable '.[bench]'
	@touch $@ $(VENV)/.installed

bench: $(VENV)/.installed-bench  ## speed against this machine's matrix multiplication, spaCy and the plain way
	@$(BIN)/python -m scripts.bench --archive $(DATA)/archive_bbc.jsonl.gz $(BENCH)

bench-archive: $(VENV)/.installed-dev  ## rates of score, local 1 and 2 workers and Ray, in one run (ARTICLES=300)
	@$(BIN)/python scripts/bench_archive.py $(DATA)/archive_bbc.jsonl.gz --articles $(or $(ARTICLES),300)

prove-archive: $(VENV)/.installed-dev  ## BBC and Reuters whole: rates, memory for 1x and 20x, report, docs/scale.md's table
	@$(BIN)/python scripts/prove_archive.py $(DATA)/archive_bbc.jsonl.gz $(DATA)/archive_reuters.jsonl.gz

check: $(VENV)/.installed-dev node_modules/.installed  ## style, types and the wire contract
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@PYTHON=$(BIN)/python scripts/check_protos.sh

docs: $(VENV)/.installed-dev  ## build the documentation site into build/site, or fail on a warning
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict
	@echo "documentation: build/site/index.html"

audit: $(VENV)/.installed-dev  ## known weaknesses of the installed packages (skipped without a network)
	@PYTHON=$(BIN)/python scripts/audit.sh

protos: $(VENV)/.installed-dev  ## generate the stubs anew
	@$(BIN)/python scripts/generate_stubs.py

wheel-check: $(BIN)/python  ## build the wheel, install it in an empty environment, run it
	@PYTHON=$(BIN)/python scripts/wheel_check.sh

evaluate: $(VENV)/.installed  ## the figures of the model card (corpora in $$DATA)
	@$(BIN)/quotewire evaluate --gold $(DATA)/polnear/dev.jsonl.gz \
	    --layer $(DATA)/polnear/dev_layer.jsonl.gz --model quotewire-base

clean:  ## remove what building and testing left behind (not .venv)
	@rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
