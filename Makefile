# Two commands do everything on a fresh machine: `make demo` and `make test`. Both make their own .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet
PATHS := adapter onvif_client inference events rules mock_vms tests

.PHONY: demo test check bench clients format report clean

$(VENV)/.runtime: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) ..."
	@$(PIP) install --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime
	@$(PIP) install --constraint constraints.txt --editable '.[dev]'
	@touch $@

# ONCE=1 runs headless and checks itself. PHOTOS=DIR, VIDEO=FILE_OR_DIR, RTSP=URL put other input in front.
demo: $(VENV)/.runtime
	@$(BIN)/python -m mock_vms.demo $(if $(ONCE),--once) $(if $(PHOTOS),--photos "$(PHOTOS)") \
	  $(if $(VIDEO),--video "$(VIDEO)") $(if $(RTSP),--rtsp "$(RTSP)") $(if $(COUNT),--count $(COUNT)) $(ARGS)

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff format --check $(PATHS)
	$(BIN)/ruff check $(PATHS)
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_imports.py
	$(MAKE) test

bench: $(VENV)/.dev
	$(BIN)/onvif-lpr bench $(ARGS)

# Third-party ONVIF clients, each in an environment of its own: their packages share one name.
clients: $(VENV)/.dev
	@$(BIN)/python tests/clients/install.py

format: $(VENV)/.dev
	$(BIN)/ruff format $(PATHS)
	$(BIN)/ruff check --fix $(PATHS)

clean:
	rm -rf $(VENV) .clients build dist *.egg-info

# Which requirements of the manual have a passing test that checks them.
report: $(VENV)/.dev
	$(BIN)/python -m pytest --requirements requirements-report.json $(ARGS)
