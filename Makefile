# The front door. `make demo` and `make test` do all set-up on a fresh Debian; a second call repeats
# no work.
#
#   make demo                                  five stages on data/demo, ending in a table
#   make test [PRESET=dev]                     every test; dev: the unit tests under ASan and UBSan
#   make build TORCH=wheel                     with PyPI's newest torch in place of Debian's: build/wheel (3 GB more)
#   make test TORCH=wheel [TESTS=REGEX]        every test of that build, or those of matching names; TARGETS="..." builds no more
#   make build CMAKE_PREFIX_PATH="/a;/b"       another LibTorch, dependencies in a folder
#   make bench MODEL_DIR=... GLUE_DIR=... [BENCH=training,retrieval] [BENCH_FULL=1]
#                                              beside transformers, FAISS and the machine's limits (3 GB of PyPI)
#   make bench-guard [RECORD=1]                instructions of small pieces of work: 3 % more than on record fails
#   make experiments                           .venv/bin/reaugkd-experiments, which runs plans and makes tables and pictures
#   make results                               docs/tables from the runs kept in experiments/results
#   make parity                                models, tokenizers and folders beside Python's transformers (3 GB)
#   make fuzz [SECONDS=10]                     every reader under libFuzzer
#   make trust [KILLS=20]                      every stage killed at random and on a full disk
#   make mutations [ONLY=losses]               an hour: equations broken one by one, each seen by a test
#   make tsan                                  tokenizing and the HNSW index under ThreadSanitizer
#   make coverage                              share of lib/'s lines that the tests run
#   make docs                                  the documentation site: build/site/index.html
#   make docs-serve                            the same at http://127.0.0.1:8000, made anew as you write
#   make options                               docs/reference/options.md from the option lists
#   make install PREFIX=/usr/local
#   make package                               build/package/: a folder, and its archive, for a Debian 12 without our packages
#   make package-test                          the same, tried in an empty Debian 12 (root)
TORCH ?= system
ifeq ($(TORCH),wheel)
  PRESET = wheel
endif
PRESET ?= release
PREFIX ?= /usr/local
JOBS ?= $(shell nproc)
TARGETS ?= all
# Debian packages; skipped where there is no apt-get, or with DEPS=none.
PACKAGES = g++ cmake ninja-build ccache libtorch-dev libcli11-dev libhnswlib-dev libsentencepiece-dev libabsl-dev \
           libspdlog-dev catch2 nlohmann-json3-dev libutf8proc-dev libssl-dev libopenblas0-pthread libgloo-dev libdnnl-dev
BENCH_PROGRAMS = bench_ceilings bench_index_choice bench_index_extend bench_kb_open bench_retrieval bench_tokenizing
VENV_PACKAGES = python3-venv
FUZZ_PACKAGES = clang
SECONDS ?= 10
PYTHON ?= /usr/bin/python3
KILLS ?= 20
FUZZ_TARGETS = task_file task_json wordpiece bpe tokenizer_json tokenizer_config config safetensors shard_index sentence_folder split \
               options run_record kb_manifest examples hnsw row_stream npy answers
COVERAGE_PACKAGES = gcovr
PACKAGE_PACKAGES = patchelf xz-utils
LINT_PACKAGES = clang-format clang-tidy-19
BUILD = build/$(PRESET)
SOURCES = $(shell git ls-files --cached --others --exclude-standard '*.cpp' '*.h')

ifdef CMAKE_PREFIX_PATH
  override CMAKE_ARGS += "-DCMAKE_PREFIX_PATH=$(CMAKE_PREFIX_PATH)"
endif

.PHONY: all deps configure build parity test demo bench-programs bench bench-guard trust mutations tsan coverage experiments results venv-packages docs docs-serve options fuzz install package package-test format check-format lint clean
all: build

# install-packages(names): what dpkg does not know as installed, with sudo unless root.
define install-packages
@if [ "$(DEPS)" = none ] || ! command -v apt-get >/dev/null; then \
  echo "not installing packages: cmake will say what it misses"; \
else \
  missing=$$(for p in $(1); do dpkg-query -W -f='$${db:Status-Abbrev}' $$p 2>/dev/null | grep -q '^ii' || echo $$p; done); \
  if [ -n "$$missing" ]; then \
    echo "installing: $$missing"; \
    if [ "$$(id -u)" = 0 ]; then sudo=; else sudo=sudo; fi; \
    $$sudo apt-get update -qq && \
    $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
  fi; \
fi
endef

deps:
	$(call install-packages,$(PACKAGES))

configure: deps $(if $(filter wheel,$(PRESET)),.venv-torch/.installed)
	@if [ ! -f $(BUILD)/build.ninja ] || [ -n '$(CMAKE_ARGS)' ]; then cmake --preset $(PRESET) $(CMAKE_ARGS); fi

# PyPI's torch: a LibTorch to build with, and what parity compares with.
.venv-torch/.installed: cmake/wheel-requirements.txt
	$(call install-packages,python3-venv)
	$(PYTHON) -m venv .venv-torch
	.venv-torch/bin/pip install --quiet --disable-pip-version-check --requirement cmake/wheel-requirements.txt
	ln -sfn $$(.venv-torch/bin/python -c 'import importlib.util as u; print(u.find_spec("torch").submodule_search_locations[0])') \
	  .venv-torch/libtorch
	@touch $@

build: configure
	cmake --build --preset $(PRESET) -j $(JOBS) --target $(TARGETS)

test: build
	ctest --test-dir $(BUILD) -j $(JOBS) --output-on-failure $(if $(TESTS),-R '$(TESTS)')

demo: configure
	cmake --build --preset $(PRESET) -j $(JOBS) --target program
	data/demo/run.sh $(BUILD)/bin/reaugkd runs/demo
	@echo; echo "== a class and corrected labels that arrive after training (examples/add-knowledge.sh)"
	REAUGKD=$(abspath $(BUILD)/bin/reaugkd) examples/add-knowledge.sh

bench-programs: configure
	cmake --preset $(PRESET) -DREAUGKD_BENCH=ON $(CMAKE_ARGS) >/dev/null
	cmake --build --preset $(PRESET) -j $(JOBS) --target program $(BENCH_PROGRAMS)

.venv-torch/.bench: .venv-torch/.parity bench/requirements.txt
	.venv-torch/bin/pip install --quiet --disable-pip-version-check --requirement bench/requirements.txt
	@touch $@

bench: bench-programs .venv-torch/.bench
	@test -n "$(MODEL_DIR)" -a -n "$(GLUE_DIR)" || { echo "make bench MODEL_DIR=... GLUE_DIR=..." >&2; exit 2; }
	bench/benchmark.py --bin $(BUILD)/bin --python .venv-torch/bin/python --model $(MODEL_DIR) --glue $(GLUE_DIR) $(if $(BENCH),--parts $(BENCH)) \
	  $(if $(BENCH_FULL),--full) --json runs/bench/benchmark.json

# Instructions of small pieces of work beside those on record; RECORD=1 writes them anew.
bench-guard: configure
	$(call install-packages,valgrind)
	cmake --preset $(PRESET) -DREAUGKD_BENCH=ON $(CMAKE_ARGS) >/dev/null
	cmake --build --preset $(PRESET) -j $(JOBS) --target bench_instructions
	bench/guard.py --binary $(BUILD)/bin/bench_instructions $(if $(RECORD),--record)

# A second call finds .venv/.installed and does nothing. Delete .venv to begin again.
experiments: .venv/.installed

.venv/.installed: experiments/pyproject.toml
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || $(MAKE) --no-print-directory venv-packages
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check --editable 'experiments[test]'
	@touch $@
	@echo "installed: .venv/bin/reaugkd-experiments --help"

# The tables of the results, from the runs that are kept in experiments/results.
results: experiments
	@for file in experiments/results/*.tar.xz; do \
	  echo "docs/tables/$$(basename $$file .tar.xz).md"; \
	  .venv/bin/reaugkd-experiments report $$file > docs/tables/$$(basename $$file .tar.xz).md || exit 1; \
	done
	@for file in experiments/results/*.jsonl; do \
	  name=$$(basename $$file .jsonl); \
	  echo "docs/tables/$$name.md"; \
	  .venv/bin/python $$(ls experiments/$$name.py bench/$$name.py 2>/dev/null) --table $$file > docs/tables/$$name.md || exit 1; \
	done

.venv-torch/.parity: .venv-torch/.installed tests/parity-requirements.txt
	$(call install-packages,python3-dev g++)
	.venv-torch/bin/pip install --quiet --disable-pip-version-check --requirement tests/parity-requirements.txt
	@touch $@

# The Python tests that `make test` skips where Python lacks these packages.
parity: configure .venv-torch/.parity
	cmake --build --preset $(PRESET) -j $(JOBS) --target program encoder_outputs print_ids
	PYTHON=$(CURDIR)/.venv-torch/bin/python tests/parity.sh $(BUILD)/bin

venv-packages:
	$(call install-packages,$(VENV_PACKAGES))

# Minutes: each stage killed at random moments and resumed to the same bytes, then each file on a full, read-only or foreign disk.
trust: configure
	cmake --build --preset $(PRESET) -j $(JOBS) --target program
	tests/trust/kill.py $(BUILD)/bin/reaugkd . --kills $(KILLS)
	tests/trust/kill_ranks.sh $(BUILD)/bin/reaugkd . $(KILLS)
	tests/trust/disk.py $(BUILD)/bin/reaugkd . --quick

mutations: deps
	tests/trust/mutations.py $(if $(ONLY),--only $(ONLY))

# What has threads of our own. LibTorch's are turned off: ThreadSanitizer does not see how an OpenMP
# library that is not built for it waits for its threads. Nor does it look at the order of locks:
# hnswlib holds a new row's lock while it takes others', but nobody waits for a row of a layer before
# it is linked there, and then its inserter only waits for rows that were linked before.
tsan:
	@$(MAKE) --no-print-directory configure PRESET=tsan
	cmake --build --preset tsan -j $(JOBS) --target test_text test_retrieval
	@for tests in test_text test_retrieval; do \
	  echo $$tests; \
	  OMP_NUM_THREADS=1 TSAN_OPTIONS="detect_deadlocks=0 suppressions=tests/tsan-suppressions.txt" \
	    build/tsan/bin/$$tests || exit 1; \
	done

coverage:
	$(call install-packages,$(COVERAGE_PACKAGES))
	@$(MAKE) --no-print-directory configure PRESET=coverage
	cmake --build --preset coverage -j $(JOBS)
	find build/coverage -name '*.gcda' -delete
	ctest --test-dir build/coverage -j $(JOBS) --output-on-failure
	gcovr --root . --object-directory build/coverage --filter lib/ --exclude-throw-branches -j $(JOBS) --print-summary

# docs/reference/options.md from the lists behind --help.
options: configure
	cmake --build --preset $(PRESET) -j $(JOBS) --target program
	$(BUILD)/bin/reaugkd --options > docs/reference/options.md

# The site. A broken link or a missing page fails (not with --quiet: mkdocs then counts no warnings).
MKDOCS = NO_MKDOCS_2_WARNING=1 .venv-docs/bin/mkdocs
.venv-docs/installed: docs/requirements.txt
	$(call install-packages,python3-venv)
	$(PYTHON) -m venv .venv-docs
	.venv-docs/bin/pip install --quiet --requirement docs/requirements.txt
	touch $@

docs: .venv-docs/installed
	$(MKDOCS) build --strict

docs-serve: .venv-docs/installed
	$(MKDOCS) serve

install: build
	cmake --install $(BUILD) --prefix $(PREFIX)

# Three minutes, nearly all of them xz.
package: configure
	$(call install-packages,$(PACKAGE_PACKAGES))
	cmake --build --preset $(PRESET) -j $(JOBS) --target program
	cmake/package.sh $(BUILD) build/package

package-test: package
	$(call install-packages,debootstrap)
	tests/package/package_test.sh build/package/*.tar.xz || test $$? = 77

format:
	$(call install-packages,$(LINT_PACKAGES))
	clang-format -i $(SOURCES)

check-format:
	$(call install-packages,clang-format)
	@clang-format --dry-run --Werror $(SOURCES)

# clang-tidy over lib/ and apps/, a module at a time: about 8 minutes on two cores.
lint: deps
	$(call install-packages,$(LINT_PACKAGES))
	.ci/clang_tidy.sh

# Each reader under libFuzzer with ASan and UBSan for SECONDS, from tests/fuzz/corpus; what is found is
# left in build/fuzz/find-*.
fuzz: deps
	$(call install-packages,$(FUZZ_PACKAGES))
	@cmake -S tests/fuzz -B build/fuzz -G Ninja -DCMAKE_CXX_COMPILER=clang++ >/dev/null
	cmake --build build/fuzz -j $(JOBS)
	@for target in $(FUZZ_TARGETS); do \
	  mkdir -p build/fuzz/corpus/$$target; \
	  build/fuzz/fuzz_$$target -max_total_time=$(SECONDS) -rss_limit_mb=1024 -malloc_limit_mb=256 -timeout=10 \
	    -print_final_stats=1 -verbosity=0 -artifact_prefix=build/fuzz/find-$$target- build/fuzz/corpus/$$target \
	    tests/fuzz/corpus/$$target 2>build/fuzz/$$target.log || { tail -40 build/fuzz/$$target.log; exit 1; }; \
	  echo "$$target: $$(grep -o 'number_of_executed_units: *[0-9]*' build/fuzz/$$target.log | tail -1)"; \
	done

clean:
	rm -rf build
