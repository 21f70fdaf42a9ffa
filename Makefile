# make demo          install and open the app on a simulated pool
# make test          install and run every check
# make screenshots   draw the README's pictures anew
# make torture       try to lose a login, a reading or a secret for an hour (BUDGET=seconds); docs/custody.md, docs/faults.md
# make soak          a week of a thousand accounts, and every way a terminal can go (BUDGET=seconds); docs/faults.md
# make notices       a thousand processes killed as they send notices (KILLS=number); docs/channels.md
# make money         two hundred processes killed as they use banked resets, and as they top up, ten thousand lost answers (KILLED, LOST)
# make bench         what it costs, measured on this machine; benchmarks/README.md (BENCH_ARGS)
# make sessions      what reading session files costs, beside ccusage (SESSIONS_ARGS)
# make backtest      the forecast held against simulated accounts, and its table in docs/forecast.md
# make year          a year of sixty accounts in the store: its size, and how fast it opens (YEAR_ARGS)
# make histories     ten thousand random histories, `check` beside an oracle (HISTORIES=number)
# make rates         the rate card that is shipped, made anew from genai-prices
# make coverage      the tests, and how much of the code they reach: 90 %, 97 % of what must be right
# make interop       run beside the codex program on the PATH, against a local login service
PYTHON ?= python3
VENV ?= .venv
# two more than there are processors: many tests wait for a program that they started
WORKERS ?= $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) + 2)')
BUDGET ?= 3600
KILLS ?= 1000
HISTORIES ?= 10000
KILLED ?= 200
LOST ?= 10000
# the tests start poolwatch hundreds of times: it must not be compiled anew each time
unexport PYTHONDONTWRITEBYTECODE
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: backtest bench sessions year histories rates coverage demo test lint types layers tests other-python screenshots torture notices money soak interop clean help

help:
	@sed -n 's/^# //p' Makefile

demo: $(VENV)/.app
	@echo "poolwatch: opening the demo (q quits)"
	@$(BIN)/poolwatch demo $(ARGS)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "poolwatch needs Python 3.11 or newer as $(PYTHON); choose one with: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
		{ echo "the venv module of $(PYTHON) is missing; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "poolwatch: making a virtual environment in $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.app: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "poolwatch: installing"
	@$(PIP) install -c constraints.txt -e .
	@touch $@

$(VENV)/.test: pyproject.toml constraints.txt | $(VENV)/bin/python
	@echo "poolwatch: installing with what the tests need"
	@$(PIP) install -c constraints.txt -e '.[test]'
	@touch $@ $(VENV)/.app

test: $(VENV)/.test lint types layers tests other-python

lint: $(VENV)/.test
	@echo "poolwatch: lint"
	@$(BIN)/ruff check src tests benchmarks
	@$(BIN)/ruff format --check --quiet src tests benchmarks

types: $(VENV)/.test
	@echo "poolwatch: types"
	@$(BIN)/mypy --num-workers auto

layers: $(VENV)/.test
	@echo "poolwatch: layers"
	@$(BIN)/lint-imports --no-cache | tail -n 4

tests: $(VENV)/.test
	@echo "poolwatch: tests"
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(PYTEST_ARGS)

# which lines the tests reach: it takes half as long again, and says nothing that a change must wait for
coverage: $(VENV)/.test
	@echo "poolwatch: tests, and the lines that they reach"
	@rm -f .coverage .coverage.*
	@$(BIN)/coverage run -m pytest -n $(WORKERS) --dist worksteal $(PYTEST_ARGS)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report --fail-under=90 > coverage-report.txt || { cat coverage-report.txt; exit 1; }
	@$(BIN)/coverage report --fail-under=97 \
		--include='*/poolwatch/domain/*,*/poolwatch/presentation/*,*/poolwatch/sources/*,*/poolwatch/custody/*' \
		> coverage-report.txt || { cat coverage-report.txt; exit 1; }
	@$(BIN)/coverage report --format=total | sed 's/^/poolwatch: covered percent: /'

# what must not depend on the Python it runs on, once more on 3.13 where that is present
other-python: $(VENV)/.test
	@if python3.13 -c 'import venv, ensurepip' 2>/dev/null && ! $(BIN)/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))'; then \
		echo "poolwatch: pictures and pure tests on Python 3.13"; \
		[ -x .venv-3.13/bin/python ] || python3.13 -m venv .venv-3.13; \
		.venv-3.13/bin/python -m pip --disable-pip-version-check --quiet install -c constraints.txt -e '.[test]' && \
		.venv-3.13/bin/python -m pytest -q -n $(WORKERS) -p no:cacheprovider tests/ui/test_pictures.py tests/domain tests/presentation tests/sources; \
	fi

screenshots: $(VENV)/.test
	@$(BIN)/python -m tests.support.screenshots screenshots

torture: $(VENV)/.test
	@$(BIN)/python -m tests.torture --budget $(BUDGET) $(TORTURE_ARGS)

notices: $(VENV)/.test
	@$(BIN)/python -m tests.faults.lost_notices $(KILLS)

money: $(VENV)/.test
	@echo "poolwatch: $(KILLED) processes killed as they spend, $(LOST) lost answers"
	@KILLED_RESETS=$(KILLED) LOST_RESETS=$(LOST) $(BIN)/python -m pytest -q -s tests/purchases

soak: $(VENV)/.test
	@$(BIN)/python -m tests.faults.soak --budget $(BUDGET) $(SOAK_ARGS)

interop: $(VENV)/.test
	@$(BIN)/python -m pytest -q -p no:cacheprovider tests/torture/test_interop.py

backtest: $(VENV)/.test
	@$(BIN)/python -m benchmarks.backtest --write docs/forecast.md

bench: $(VENV)/.test
	@$(BIN)/python -m benchmarks $(BENCH_ARGS)

histories: $(VENV)/.test
	@HISTORIES=$(HISTORIES) $(BIN)/python -m pytest -q -p no:cacheprovider tests/cli/test_check_histories.py

rates: $(VENV)/.test
	@$(BIN)/python -m tests.support.rate_card

sessions: $(VENV)/.test
	@$(BIN)/python -m benchmarks.sessions $(SESSIONS_ARGS)

year: $(VENV)/.test
	@$(BIN)/python -m benchmarks.history $(YEAR_ARGS)

clean:
	rm -rf $(VENV) .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis
