# make demo    a whole call on this machine: Python 3.11+, python3-venv and make are all it needs
# make test    everything; as root on Debian it installs the programs that the tests run
#
# make test-quick · fuzz · bench · soak · serve · clean: see below.

SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --quiet --disable-pip-version-check
WHEELS := --only-binary :all: --constraint constraints.txt

# Executions per fuzz target, and the seconds that a target may take for them.
FUZZ_RUNS ?= 10000
FUZZ_SECONDS ?= 5

# Fuzz targets at a time, and processes that share the tests.
FUZZ_JOBS ?= 2
WORKERS ?= 4

# Given to pytest as they are: make test ARGS="-k rtmp -x"
ARGS ?=
# Given to the bench as they are: make bench BENCH=--quick, make bench BENCH="--only webrtc"
BENCH ?=
# Bad calls of each kind, and calls that only look bad, for which make soak tells how often the verdict was right.
SOAK_RUNS ?= 100

.DEFAULT_GOAL := demo
.NOTPARALLEL:
.PHONY: demo serve test test-quick lint types fuzz fuzz-short bench soak install tools clean

demo: $(VENV)/.runtime
	@$(BIN)/gateway demo

serve: $(VENV)/.runtime
	@$(BIN)/gateway serve --dev

# Most tests wait more than they compute, so several go on at once. Those that look at how real media fare in real time come
# alone, and last. It is no failure if ARGS leaves none of one kind (5).
test: tools $(VENV)/.test lint types fuzz-short
	@$(BIN)/pytest -n $(WORKERS) --dist loadfile -m 'not alone' $(ARGS) || [ $$? = 5 ]
	@$(BIN)/pytest -m alone $(ARGS) || [ $$? = 5 ]

test-quick: $(VENV)/.test lint types
	@$(BIN)/pytest $(wildcard tests/unit tests/contract tests/test_architecture.py tests/test_docs.py) $(ARGS)

lint: $(VENV)/.test
	@$(BIN)/ruff check --quiet .

types: $(VENV)/.test
	@$(BIN)/mypy --no-error-summary
	@cd clients/python && ../../$(BIN)/mypy --no-error-summary

# Every module of tests/fuzz is a target. What makes one fail is kept in .tools/fuzz.
fuzz: FUZZ_RUNS = -1
fuzz: FUZZ_SECONDS = 300
fuzz fuzz-short: $(VENV)/.test
	@mkdir -p .tools/fuzz
	@$(BIN)/python -c 'import atheris' 2>/dev/null || { [ "$$(uname)" != Linux ] || { echo 'fuzz: atheris is missing'; exit 1; }; \
	    echo 'fuzz: left out, atheris has wheels for Linux only'; exit 0; }; \
	printf '%s\n' $(filter-out __init__,$(notdir $(basename $(wildcard tests/fuzz/*.py)))) | xargs -P $(FUZZ_JOBS) -I NAME sh -c \
	    'log=.tools/fuzz/NAME.log; \
	    $(BIN)/python -m tests.fuzz.NAME -runs=$(FUZZ_RUNS) -max_total_time=$(FUZZ_SECONDS) -timeout=10 \
	        -rss_limit_mb=1024 -artifact_prefix=.tools/fuzz/NAME- >$$log 2>&1 \
	        || { tail -n 60 $$log; echo "fuzz: NAME FAILED, see $$log"; exit 1; }; \
	    echo "fuzz: NAME ok, $$(grep -Eo "Done [0-9]+ runs" $$log || echo finished)"'

bench: $(VENV)/.runtime
	@tests/setup/tools.sh bench
	@$(MAKE) --silent -C tests/bench all
	@$(BIN)/python -m tests.bench.run $(BENCH)

soak: tools $(VENV)/.test
	@$(BIN)/python -m tests.soak.run --runs $(SOAK_RUNS)

tools:
	@tests/setup/tools.sh test

install: $(VENV)/.runtime

clean:
	rm -rf $(VENV) .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo 'Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11'; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { tests/setup/venv.sh; }
	@$(PYTHON) -m venv $(VENV)

# The build backend comes first and the build is not isolated: so it is pinned like everything else.
$(VENV)/.runtime: pyproject.toml constraints.txt | $(BIN)/python
	@echo 'setup: Python packages'
	@$(PIP) install $(WHEELS) setuptools
	@$(PIP) install $(WHEELS) --no-build-isolation --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.runtime
	@echo 'setup: Python packages for the tests'
	@$(PIP) install $(WHEELS) --no-build-isolation --editable '.[test]'
	@touch $@
