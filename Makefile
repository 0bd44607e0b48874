# `make listen` sets up and runs the product; `make test` sets up and runs the tests. Both work on a bare machine with
# Python 3.11, pip and make; on Debian they install what they need from the system with apt.
PYTHON ?= python3
DATA ?= ../shared/data
SOURCES := pyproject.toml $(shell find pace_edge export streams -type f -not -name '*.pyc')

.PHONY: listen test lint runtime starter clean

listen: .venv/installed
	.venv/bin/pace-edge listen

test: lint runtime examples/browser/node_modules/.installed
	OMP_NUM_THREADS=1 .venv-test/bin/python -m pytest -q -n 2 --dist loadfile

lint: .venv-test/installed
	.venv-test/bin/ruff check .
	.venv-test/bin/ruff format --check .
	.venv-test/bin/mypy

# What a person who only listens gets: installed from scratch, without torch, and right about the recording.
runtime: .venv/installed
	.venv/bin/python -I -c "import importlib.util as u, sys; sys.exit(bool(u.find_spec('torch')))"
	.venv/bin/python -I tools/check_recording.py

starter: .venv-test/installed
	tools/system_packages.sh fluidsynth
	tools/system_packages.sh fluidsynth
	.venv-test/bin/python -m tools.make_starter --data $(DATA)

.venv/installed: $(SOURCES)
	tools/system_packages.sh python3-venv libportaudio2
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check .
	touch $@

.venv-test/installed: pyproject.toml
	tools/system_packages.sh python3-venv libportaudio2 pulseaudio pulseaudio-utils libasound2-plugins mosquitto strace \
		chromium
	$(PYTHON) -m venv .venv-test
	.venv-test/bin/pip install --quiet --disable-pip-version-check --editable '.[train,test]'
	touch $@

# What the test of examples/browser needs; without it the test is skipped.
examples/browser/node_modules/.installed: examples/browser/package-lock.json
	command -v npm >/dev/null || tools/system_packages.sh npm
	npm ci --prefix examples/browser --ignore-scripts --no-audit --no-fund --silent && touch $@ || \
		echo "npm could not install onnxruntime-web; going on without" >&2

clean:
	rm -rf .venv .venv-test build *.egg-info examples/browser/node_modules
