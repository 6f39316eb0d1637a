# SPDX-License-Identifier: Apache-2.0
# The front door. The build itself is meson's (meson.build); every target here can be run from a clean clone.

BUILD ?= build
ASAN ?= build-asan
PREFIX ?= /usr/local
MESON_FLAGS ?=

.PHONY: all demo test test-long bench bench-guest fuzz install clean packages lint

# What is installed. What only tests and fuzzers want is built by `make test`.
all: $(BUILD)/build.ninja
	@ninja -C $(BUILD) telltale

# Optimised as what `make bench` measures, with what a debugger needs.
$(BUILD)/build.ninja:
	@packaging/install-packages build
	@log=$$(meson setup $(BUILD) --prefix=$(PREFIX) -Doptimization=3 $(MESON_FLAGS) 2>&1) || { echo "$$log"; exit 1; }

$(ASAN)/build.ninja:
	@packaging/install-packages build test
	@log=$$(meson setup $(ASAN) -Db_sanitize=address,undefined -Db_lundef=false 2>&1) || { echo "$$log"; exit 1; }

demo: all
	@packaging/install-packages demo
	@demo/run $(BUILD)/telltale

test: $(ASAN)/build.ninja
	@packaging/install-packages build test demo
	@$(MAKE) --no-print-directory $(BUILD)/build.ninja
	@ninja -C $(BUILD)
	@ninja -C $(ASAN)
	@tests/run --build $(BUILD) --asan $(ASAN)

test-long: $(ASAN)/build.ninja
	@packaging/install-packages build test demo
	@$(MAKE) --no-print-directory $(BUILD)/build.ninja
	@ninja -C $(BUILD)
	@ninja -C $(ASAN)
	@tests/run --build $(BUILD) --asan $(ASAN) --long

bench: all
	@packaging/install-packages build test bench
	@tests/bench/run $(BUILD)

bench-guest: all
	@packaging/install-packages build test bench
	@tests/bench/guest --write $(BUILD)

fuzz:
	@packaging/install-packages build test
	@tests/fuzz/run

# What needs no build and takes seconds. A tool that is not installed is named (77).
lint:
	@status=0; for name in cases format house layers shell tls-docs; do tests/lint/$$name || [ $$? -eq 77 ] || status=1; done; exit $$status

install: all
	@meson configure $(BUILD) -Dprefix=$(PREFIX)
	@ninja -C $(BUILD) telltale
	@meson install --no-rebuild -C $(BUILD)

clean:
	@rm -rf $(BUILD) $(ASAN) build-fuzz build-arm64
