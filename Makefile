# Everything a clone needs is Python >= 3.11 and make.
#
#   make           create .venv and install gdverify with the pinned versions of constraints.txt
#   make verify    check the whole catalogue (smoke tier) and audit its evidence; writes build/report.json
#   make reports   check and audit the whole catalogue and write reports/catalogue.json, .md and the pages in catalogue/
#   make docs      write docs/reference from docstrings, parser and schemas
#   make test      run the tests
#   make lint      ruff and mypy
#   make bench     run the benchmarks that the installed packages and the hardware allow; BENCH="NAME ..." picks some
#
# PYTHON=/path/to/python picks the interpreter, JOBS=N the number of worker processes.

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$p"; break; }; done)
VENV ?= .venv
BIN := $(VENV)/bin
JOBS ?=
BENCH ?=

.PHONY: install verify reports docs test lint bench clean

install: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "gdverify needs Python 3.11 or newer; none was found (set PYTHON=/path/to/python)" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "gdverify needs Python 3.11 or newer; $(PYTHON) is older or does not run (set PYTHON=/path/to/python)" >&2; exit 1; }
	"$(PYTHON)" -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt setuptools
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		--no-build-isolation --editable ".[dev]"
	@touch $@

verify: install
	@mkdir -p build
	$(BIN)/gdverify check --all --audit --json build/report.json $(if $(JOBS),--jobs $(JOBS))

reports: install
	$(BIN)/gdverify check --all --audit --no-timings --json reports/catalogue.json \
		--markdown reports/catalogue.md --html reports/catalogue $(if $(JOBS),--jobs $(JOBS))

docs: install
	$(BIN)/python -m gdverify.reference docs/reference

test: install
	$(BIN)/python -m pytest -q -n auto --dist worksteal

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: install
	$(BIN)/python -m benchmarks $(BENCH)

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
