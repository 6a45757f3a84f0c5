# The one list of commands; `make help` prints it, .ci/run calls it. Everything lives in .venv: `rm -rf .venv` heals.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.SUFFIXES:

# An interpreter to build .venv from (default: the first on the path that is new enough) and further arguments for pytest.
PYTHON ?=
PYTEST_ARGS ?=
# Further arguments for the comparisons of speed, such as --resume or --only messages.
BENCH_ARGS ?=
# Compiler processes for torch-scatter; each takes about 1.5 GB.
MAX_JOBS ?= 2
export MAX_JOBS
# Tests start many processes; where no bytecode may be written, each of them would compile the package again.
unexport PYTHONDONTWRITEBYTECODE

PY := .venv/bin/python
PIP_INSTALL := $(PY) -m pip install --quiet --disable-pip-version-check --no-input --constraint constraints.txt
PINS := pyproject.toml constraints.txt
VERSION := rmr_gym/__init__.py

# A stamp says that a step of the installation ended well; when the pins or the version change, the step is done again.
STAMPS := .venv/stamps

.PHONY: help demo test lint format type check bench clean

help:  ## print this list
	@grep -hE '^[a-z]+:.*## ' Makefile | sed -E 's/^([a-z]+):.*## /\1\t/' | while IFS=$$'\t' read -r name text; do \
	  printf '  make %-8s %s\n' "$$name" "$$text"; done

demo: $(STAMPS)/demo  ## install into .venv and run the whole chain on Pong (minutes; compiles nothing)
	.venv/bin/rmr-gym run pong --profile quick --out runs/demo

test: $(STAMPS)/dev $(STAMPS)/scatter  ## install what the tests need (builds torch-scatter once) and run them
	$(PY) -m pytest --numprocesses=auto --maxprocesses=8 --dist=loadfile $(PYTEST_ARGS)

lint: $(STAMPS)/dev  ## ruff (rules and format) and codespell
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m codespell_lib

format: $(STAMPS)/dev  ## let ruff put the code in order
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

type: $(STAMPS)/dev  ## strict type check of the package, agents and benchmarks
	$(PY) -m mypy

check: lint type test  ## everything that CI asks for

bench: $(STAMPS)/dev $(STAMPS)/scatter  ## compare speeds with those of peers, show how cost grows (half an hour)
	$(PY) -m benchmarks.performance $(BENCH_ARGS)

clean:  ## remove .venv, caches and build outputs; keeps runs/
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -path ./runs -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# ---- installation

$(STAMPS)/venv: $(PINS)
	@found=; for python in $(or $(PYTHON),python3.11 python3.12 python3.13 python3.14 python3 python); do \
	  if "$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "Expected Python 3.11 or newer with its venv module; got none among: $(or $(PYTHON),the python3.x on the path)." >&2; \
	  echo "Install one (Debian: apt install python3.11 python3.11-venv python3.11-dev) or name it: make PYTHON=/path/to/python3.11 ..." >&2; \
	  exit 1; \
	fi; \
	echo "Making .venv with $$("$$found" --version)"; \
	"$$found" -m venv .venv
	$(PIP_INSTALL) editables hatchling ninja setuptools wheel
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/demo: $(STAMPS)/venv $(VERSION)
	@echo "Installing rmr-gym and the Atari games (1.5 GB, a few minutes the first time)"
	$(PIP_INSTALL) --no-build-isolation --editable '.[atari]'
	@touch $@

$(STAMPS)/dev: $(STAMPS)/venv $(VERSION)
	@echo "Installing rmr-gym with what its tests need (2 GB, a few minutes the first time)"
	$(PIP_INSTALL) --no-build-isolation --editable '.[dev]'
	@touch $@ $(STAMPS)/demo  # dev holds all of demo

# A wheel that was built for another torch installs and then fails to import, hence the second attempt without pip's cache.
$(STAMPS)/scatter: $(STAMPS)/dev
	@works() { $(PY) -c 'import torch_scatter' 2>/dev/null; }; \
	if ! works; then \
	  headers=$$($(PY) -c 'import sysconfig; print(sysconfig.get_path("include"))'); \
	  if ! command -v "$${CXX:-c++}" >/dev/null || [ ! -e "$$headers/Python.h" ]; then \
	    echo "Expected a C++ compiler and Python.h for torch-scatter; got at most one of them." >&2; \
	    echo "Install them (Debian: apt install g++ python3.11-dev); only the tests need torch-scatter." >&2; \
	    exit 1; \
	  fi; \
	  echo "Building torch-scatter (about 5 minutes on 2 cores, once per .venv)"; \
	  $(PIP_INSTALL) --no-build-isolation --no-deps torch-scatter; \
	  works || $(PIP_INSTALL) --no-build-isolation --no-deps --force-reinstall --no-cache-dir torch-scatter; \
	  works; \
	fi
	@touch $@
