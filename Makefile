# The default target lists the others.
CARGO ?= cargo
TARGET_DIR := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)

.PHONY: help demo test check bench torture static clean

help:
	@echo 'make demo    five peers agree on this machine: test case 2, with a verdict'
	@echo 'make test    all tests'
	@echo 'make check   formatting, lints and documentation, without a warning'
	@echo 'make bench   latency, start-up, memory, size, and how fast a log is judged'
	@echo 'make torture real processes killed 10,000 times while they decide (KILLS=n SEED=n)'
	@echo 'make static  the one static binary, as it goes into the image'
	@echo 'make docker-test1, docker-test2   the lab test cases on five containers, with a verdict'
	@echo 'make docker-faults   four scenarios in which containers are killed, cut off, frozen'
	@echo 'make docker-image    only the image prj4; docker/targets.mk has the other docker- targets'
	@echo 'make clean   remove what was built'

demo:
	@$(CARGO) build --release --quiet
	@$(TARGET_DIR)/release/synod local hostsfiles/hostsfile-testcase2.txt -t 0,1

test:
	$(CARGO) test

check:
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --no-deps --document-private-items

bench:
	SYNOD_STATIC="$$(realpath "$$(docker/static.sh)")" $(CARGO) bench --bench loopback
	$(CARGO) bench --bench check

torture:
	$(CARGO) bench --bench torture -- $(or $(KILLS),10000) $(SEED)

static:
	@ls -l "$$(docker/static.sh)"

clean:
	$(CARGO) clean

include docker/targets.mk
