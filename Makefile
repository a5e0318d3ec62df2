# The two that matter: `make run` and `make test`. `make help` lists the rest.
# Needs make, Python 3.11 or newer with venv, and a network for the first call. Nothing is installed outside this folder.

PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)

VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all:
UV ?= uv
LOCK := $(UV) pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-header
BUILT := src/questlog/_built/country.mmdb
FRONTEND := $(shell find frontend/src frontend/api-docs -type f) $(wildcard frontend/*.mjs)
NODE := cd frontend && PATH="$(CURDIR)/$(BIN):$$PATH"

.PHONY: pictures help run test test-parts test-system test-client check frontend bench nightly format lock wheel clean
.DELETE_ON_ERROR:

help:
	@echo "make run       install and start a server with the sandbox game, data in ./questlog-data"
	@echo "make test      install and run the tests; parts of it: make test-parts, test-system, test-client"
	@echo "make check     formatting, lint, types, import rules: what CI runs beside the tests"
	@echo "make frontend  build scripts and styles again after every change of frontend/src; restart the server to see them"
	@echo "make bench     measure, beside the reference"
	@echo "make nightly   the tests that take long, and fuzzing"
	@echo "make format    format the code"
	@echo "make lock      resolve the dependencies again (needs uv)"
	@echo "make wheel     build the wheel into dist/"
	@echo "make pictures  pictures of every page, into docs/pictures/ (needs Chromium)"
	@echo "make clean     remove what make has built or installed, not the data"

run: $(STAMPS)/questlog
	$(BIN)/questlog run --sandbox

test: test-parts test-system test-client

# One process a core; a test takes care of nothing but itself.
test-parts: $(STAMPS)/dev
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal --ignore tests/system

# One after another: these start servers, and say how long things take.
test-system: $(STAMPS)/dev
	$(BIN)/python -m pytest tests/system

test-client: $(STAMPS)/dev
	cd clients/python && $(abspath $(BIN))/python -m pytest

check: $(STAMPS)/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	cd clients/python && $(abspath $(BIN))/mypy
	$(NODE) npm run --silent check
	$(BIN)/lint-imports --no-cache

frontend: $(BUILT)
	$(NODE) node build.mjs ../src/questlog/_built --watch

bench: $(STAMPS)/dev
	$(BIN)/python -m tests.bench

# Each fuzzer takes FUZZ_SECONDS; atheris is not to be had for every machine.
FUZZ_SECONDS ?= 600

nightly: $(STAMPS)/dev
	$(BIN)/python -m pytest -m nightly
	@mkdir -p .fuzz; $(BIN)/python -c 'import atheris' 2>/dev/null || { echo "no atheris for this machine: nothing is fuzzed"; exit 0; }; \
	for fuzzer in tests/fuzz/*.py; do \
		echo "$$fuzzer, $(FUZZ_SECONDS) s"; \
		PYTHONPATH=. $(BIN)/python $$fuzzer .fuzz/$$(basename $$fuzzer .py) \
			-max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048 -artifact_prefix=.fuzz/ || exit 1; \
	done

format: $(STAMPS)/dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock:
	$(LOCK) pyproject.toml -o locks/runtime.lock
	$(LOCK) --group build -c locks/runtime.lock -o locks/build.lock
	$(LOCK) --group node -o locks/node.lock
	$(LOCK) --group dev -c locks/runtime.lock -c locks/build.lock -o locks/dev.lock

wheel: $(STAMPS)/questlog
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir dist .

pictures: $(STAMPS)/dev
	$(BIN)/python -m tests.pictures

clean:
	rm -rf $(VENV) dist frontend/node_modules src/questlog/_built .mypy_cache .pytest_cache .ruff_cache .hypothesis

# A stamp is a file that says when its step last succeeded.

$(STAMPS)/venv:
	@test -n "$(PYTHON)" || { echo "Questlog needs Python 3.11 or newer; name it with make PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/runtime: $(STAMPS)/venv locks/runtime.lock locks/build.lock
	$(PIP_INSTALL) -r locks/runtime.lock -r locks/build.lock
	@touch $@

$(STAMPS)/dev: $(STAMPS)/questlog locks/dev.lock
	$(PIP_INSTALL) -r locks/dev.lock
	@touch $@

$(STAMPS)/questlog: $(STAMPS)/runtime $(BUILT) pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# The machine's Node.js if it has one, else the one of locks/node.lock inside the venv.
$(STAMPS)/node: $(STAMPS)/venv locks/node.lock
	@if node -e 'process.exit(Number(parseInt(process.versions.node) < 18))' 2>/dev/null && command -v npm >/dev/null; then :; \
	else echo "$(PIP_INSTALL) -r locks/node.lock"; $(PIP_INSTALL) -r locks/node.lock; fi
	@touch $@

$(STAMPS)/node_modules: $(STAMPS)/node frontend/package.json frontend/package-lock.json
	$(NODE) npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(BUILT): $(STAMPS)/node_modules $(FRONTEND)
	$(NODE) node build.mjs ../src/questlog/_built
