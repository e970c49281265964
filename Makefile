# Two commands do everything on a fresh machine: `make demo` and `make test`. Both make their own .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# From the environment the constraints hold for what builds the package too, which pip does in a place of its own.
PIP := PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt $(BIN)/pip --disable-pip-version-check --quiet
PATHS := adapter onvif_client inference events rules mock_vms tests

.PHONY: demo test check bench hooks clients format report clean

$(VENV)/.runtime: pyproject.toml constraints.txt Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) ..."
	@$(PIP) install --editable .
# rapidocr brings OpenCV without windows beside opencv-python: the same files, and the last one installed wins. Let it be the
# one that needs neither libGL nor GLib, which a bare machine does not have.
	@$(PIP) install --force-reinstall --no-deps opencv-python-headless
	@$(BIN)/python -c 'import cv2' || { echo "OpenCV cannot be loaded; the line above names the library that is missing." \
	  "Install it with the system's packages (Debian: apt-get install libgl1 libglib2.0-0) and run make again." >&2; exit 1; }
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime
	@$(PIP) install --editable '.[dev]'
	@touch $@

# ONCE=1 runs headless and checks itself. PHOTOS=DIR, VIDEO=FILE_OR_DIR, RTSP=URL put other input in front.
demo: $(VENV)/.runtime
	@$(BIN)/python -m mock_vms.demo $(if $(ONCE),--once) $(if $(PHOTOS),--photos "$(PHOTOS)") \
	  $(if $(VIDEO),--video "$(VIDEO)") $(if $(RTSP),--rtsp "$(RTSP)") $(if $(COUNT),--count $(COUNT)) $(ARGS)

# Three workers keep two cores busy, since many tests wait for cameras and lines that come back. Files are taken in the order
# of collection, slow ones first. Workers and child processes start from compiled files, also where the environment says not
# to write them, as images of containers often do. A worker that dies ends the run, and the test it died in is named: with a
# new worker in its place the run never ends.
test: $(VENV)/.dev
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --max-worker-restart 0 $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff format --check $(PATHS)
	$(BIN)/ruff check $(PATHS)
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_imports.py
	$(MAKE) test

bench: $(VENV)/.dev
	$(BIN)/onvif-lpr bench $(ARGS)

# Format, lint, types and import arrows before each commit.
hooks: $(VENV)/.dev
	@$(BIN)/pre-commit install

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

# Our own weights, made again from nothing: PLATES is a folder of labelled pictures (docs/model-card-own.md says which).
# PyTorch stays in an environment of its own, away from the service's.
TRAINING := .training
PLATES ?= $(or $(ONVIF_LPR_DATA),../shared)/plates
MINUTES ?= 120
FONTS := antonio archivo-narrow b612-mono barlow barlow-condensed barlow-semi-condensed bebas-neue big-shoulders-display \
  chakra-petch cousine dosis fjalla-one league-gothic oswald overpass overpass-mono pathway-gothic-one pt-sans-narrow \
  rajdhani red-hat-mono roboto-condensed roboto-mono saira-condensed saira-semi-condensed share-tech-mono teko

.PHONY: training-fonts training-check train-detector train-reader export-own

$(TRAINING)/.installed: pyproject.toml constraints-training.txt
	@test -x $(TRAINING)/bin/python || $(PYTHON) -m venv $(TRAINING)
	@$(TRAINING)/bin/pip --disable-pip-version-check --quiet install --constraint constraints-training.txt \
	  --editable '.[training]'
	@touch $@

# OFL fonts near those of plates, from npm.
training-fonts: $(TRAINING)/.installed
	@npm install --silent --no-audit --no-fund --prefix $(TRAINING)/fonts $(addprefix @fontsource/,$(FONTS))
	@$(TRAINING)/bin/python -c 'from pathlib import Path; from inference.training.fonts import convert_fonts; \
	  fonts = Path("$(TRAINING)/fonts"); convert_fonts(fonts / "node_modules" / "@fontsource", fonts / "ttf")'

# A few steps of both trainings on drawn pictures, and everything around them.
training-check: training-fonts
	@$(TRAINING)/bin/pip --disable-pip-version-check --quiet install --constraint constraints-training.txt \
	  pytest pytest-asyncio pytest-timeout hypothesis
	$(TRAINING)/bin/python -m pytest tests/inference/training

train-detector: $(TRAINING)/.installed
	$(TRAINING)/bin/python -m inference.training.train_detector --data $(PLATES) --fonts $(TRAINING)/fonts/ttf \
	  --out runs/detector --minutes $(MINUTES) $(ARGS)

train-reader: $(TRAINING)/.installed
	$(TRAINING)/bin/python -m inference.training.train_reader --data $(PLATES) --fonts $(TRAINING)/fonts/ttf \
	  --out runs/reader --minutes $(MINUTES) $(ARGS)

export-own: $(TRAINING)/.installed
	$(TRAINING)/bin/python -m inference.training.export --runs runs --out runs/fp16
	$(TRAINING)/bin/python -m inference.training.quantize --fp16 runs/fp16 --data $(PLATES) --pack inference/packs/own
