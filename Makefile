# The two commands of the README, and what they stand on. All of it happens in .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CPU_INDEX := https://download.pytorch.org/whl/cpu

# The wanted torch depends on the machine: with an NVIDIA driver the ordinary build, else the CPU
# build, from PyTorch's own index or, where that cannot be reached, whatever pip resolves.
HAS_NVIDIA := $(shell test -e /proc/driver/nvidia/version && echo yes)

.PHONY: demo test test-slow lint types contracts format clean

demo: $(VENV)/.engine
	$(BIN)/ovi render prompts/demo.csv --output demo
	@echo "The clips are in demo/."

test: $(VENV)/.test lint types contracts
	$(BIN)/python -m pytest -n auto --dist loadfile

test-slow: $(VENV)/.test
	$(BIN)/python -m pytest -m slow

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.test
	$(BIN)/mypy

contracts: $(VENV)/.test
	$(BIN)/lint-imports

format: $(VENV)/.test
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(VENV)/.pip:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	@touch $@

$(VENV)/.torch: $(VENV)/.pip
ifeq ($(HAS_NVIDIA),yes)
	$(BIN)/python -m pip install --quiet "torch>=2.11,<2.14"
else
	$(BIN)/python -m pip install --quiet --retries 1 --timeout 20 --index-url $(CPU_INDEX) "torch>=2.11,<2.14" 2>/dev/null \
	  || { echo "PyTorch's CPU index cannot be reached; taking torch from where pip looks"; \
	       $(BIN)/python -m pip install --quiet "torch>=2.11,<2.14"; }
endif
	@touch $@

$(VENV)/.engine: $(VENV)/.torch pyproject.toml
	$(BIN)/python -m pip install --quiet --editable ".[engine]"
	@touch $@

$(VENV)/.test: $(VENV)/.engine
	$(BIN)/python -m pip install --quiet --editable ".[test]"
	@touch $@

clean:
	rm -rf $(VENV) demo .ovi

# Pictures of the terminal studio and of the web page, from real clips of nano. Needs chromium.
.PHONY: map pictures screenshots

screenshots: $(VENV)/.test
	$(BIN)/python -m tests.studio.tui.screenshots
	$(BIN)/python -m tests.studio.web.page_pictures


map:
	$(PYTHON) -m tests.readme_map

# The demo clips, each as a strip of frames above its waveform.
pictures: demo
	ffmpeg=$$($(BIN)/python -c "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())"); \
	strips=$$(mktemp -d); number=0; inputs=; \
	for clip in demo/*.mp4; do \
	  $$ffmpeg -v error -y -i $$clip -filter_complex \
	    "[0:v]select='not(mod(n\,5))',tile=9x1[frames];[0:a]showwavespic=s=1152x64:colors=steelblue:scale=sqrt[wave];[frames][wave]vstack" \
	    -frames:v 1 $$strips/$$number.png || exit 1; \
	  inputs="$$inputs -i $$strips/$$number.png"; number=$$((number + 1)); \
	done; \
	$$ffmpeg -v error -y $$inputs -filter_complex vstack=inputs=$$number docs/pictures/nano.png; \
	rm -r $$strips
