# What a person types; CMake presets and Ninja do the work. `make help` lists the targets.
HOURS ?= 1
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
WEB_SOURCES = $(shell git ls-files web 2>/dev/null || find web -type f -not -path '*/node_modules/*' -not -path '*/dist/*')

all: ## build the host programs: build/host/magno
	@tools/setup.sh build web
	@$(MAKE) -s web host
host: build/host/build.ninja
	@cmake --build --preset host --target magno -j $(JOBS)
build/%/build.ninja:
	@cmake --preset $*

run: all ## one meter on household load, with its front panel
	@echo "The panel will be at http://127.0.0.1:8022/ - Ctrl-C ends the meter, its memory stays."
	@build/host/magno run --load household

test: ## set up, build, run every test
	@tools/setup.sh build test target web
	@$(MAKE) -s web
	@JOBS=$(JOBS) tests/all.sh

check: ## the quick part of the tests
	@tools/setup.sh build test target web
	@$(MAKE) -s web
	@JOBS=$(JOBS) tests/all.sh host arch format

target: ## the Cortex-M image build/target/magno22.elf and its flash and RAM by module
	@tools/setup.sh build target
	@$(MAKE) -s build/target/build.ninja
	@cmake --build --preset target -j $(JOBS)
	@python3 tests/target/ledger.py build/target/magno22.map

suite0: ## the same without elliptic curves and certificates, build/suite0/magno22.elf
	@tools/setup.sh build target
	@$(MAKE) -s build/suite0/build.ninja
	@cmake --build --preset suite0 -j $(JOBS)
	@python3 tests/target/ledger.py build/suite0/magno22.map

bench: all ## the benchmarks, a table a capability
	@tools/setup.sh bench
	@for b in tests/bench/*; do [ ! -x $$b ] || $$b || exit 1; done

campaign: ## the long proofs (power cuts, fuzzing, random years); HOURS=1
	@tools/setup.sh build test target
	@HOURS=$(HOURS) JOBS=$(JOBS) tests/campaign.sh

fuzz: ## every fuzzer for ten seconds
	@tools/setup.sh build test target
	@JOBS=$(JOBS) tests/all.sh fuzz

lint: ## clang-format, clang-tidy, cppcheck
	@tools/setup.sh build test target
	@JOBS=$(JOBS) tests/all.sh format lint

# The page is built once and then lives in the binary; npm is asked only when its sources changed.
web: $(if $(wildcard web/package.json),web/dist/index.html)
web/node_modules/.package-lock.json: web/package-lock.json
	@cd web && npm ci --no-audit --no-fund --loglevel=error
	@touch $@
web/dist/index.html: web/node_modules/.package-lock.json $(filter-out web/tests/%,$(WEB_SOURCES))
	@cd web && npm run --silent build
	@touch $@

clean: ## remove what was built
	@rm -rf build web/dist

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

.PHONY: all host run test check target suite0 bench campaign fuzz lint web clean help
