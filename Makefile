# `make` alone says what there is. PYTHON names an interpreter, PIP_FLAGS are handed to pip.

PYTHON ?=
PIP_FLAGS ?=
# A lab of one's own does what anybody asks who reaches it: other machines do not.
ADDRESS ?= 127.0.0.1
# A file's tests stay in one process, which starts a file's servers once; in the order of tests/conftest.py.
PYTEST_FLAGS ?= -n 2 --dist loadfile --no-loadscope-reorder

VENV := .venv
BIN := $(VENV)/bin/python
PIP := $(BIN) -m pip --disable-pip-version-check install $(PIP_FLAGS)
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev

.DEFAULT_GOAL := help
.PHONY: help run test lint gallery clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' Makefile

run: $(INSTALLED) ## Install what is missing and open the lab in the browser
	$(BIN) -m streamlit run app.py --server.address=$(ADDRESS)

test: $(INSTALLED_DEV) ## Every check and every test
	@status=0; $(MAKE) --no-print-directory lint || status=1; \
	$(BIN) -m pytest $(PYTEST_FLAGS) || status=1; exit $$status

lint: $(INSTALLED_DEV) ## Style, types and layers, without the tests
	$(BIN) -m ruff check .
	$(BIN) -m ruff format --check .
	$(BIN) -m mypy
	$(BIN) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()' --no-logo

gallery: $(INSTALLED) ## Train the recorded runs that ship with the lab again (long)
	$(BIN) -m tlcore.gallery

clean: ## Remove the virtual environment and every cache
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): requirements.txt | $(BIN)
	$(PIP) -r requirements.txt
	@touch $@

$(INSTALLED_DEV): requirements.txt requirements-dev.txt | $(BIN)
	$(PIP) -r requirements-dev.txt
	@touch $(INSTALLED) $@

# Candidates are executed, not only looked for: a shim may exist and fail, and Debian's python3 may lack venv.
$(BIN):
	@check='import sys, venv, ensurepip; v = sys.version_info[:2]; sys.exit(not eval(sys.argv[1]))'; \
	for wanted in 'v in ((3, 11), (3, 12))' 'v >= (3, 13)'; do \
	    for candidate in $(if $(PYTHON),'$(PYTHON)',python3.12 python3.11 python3 python python3.13); do \
	        if "$$candidate" -c "$$check" "$$wanted" >/dev/null 2>&1; then \
	            echo "Creating $(VENV) with $$("$$candidate" --version), $$(command -v "$$candidate")"; \
	            "$$candidate" -m venv --clear $(VENV); exit; \
	        fi; \
	    done; \
	done; \
	echo 'The lab needs Python 3.11 or 3.12 with its venv module (on Debian: apt install python3 python3-venv); install it, or name one with make PYTHON=/path/to/python.' >&2; \
	exit 1
