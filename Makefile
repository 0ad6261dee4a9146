# The default target lists the others.
CARGO ?= cargo
TARGET_DIR := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)
HOST := $(shell rustc -vV 2>/dev/null | sed -n 's/^host: //p')
STATIC := $(TARGET_DIR)/$(HOST)/release/synod

.PHONY: help demo test check bench bench-group static clean

help:
	@echo 'make demo    five peers agree on this machine: test case 2, with a verdict'
	@echo 'make test    all tests'
	@echo 'make check   formatting, lints and documentation, without a warning'
	@echo 'make bench   latency, start-up, memory and size, each beside what the machine itself needs'
	@echo 'make bench-group  the barrier and the group: readiness, joins, deaths, many members'
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

bench: static
	SYNOD_STATIC=$(abspath $(STATIC)) $(CARGO) bench --bench loopback

# The barrier and the group; takes five minutes.
bench-group:
	$(CARGO) bench --bench group

# On the gnu target the C library can be linked in; names still resolve.
static:
	RUSTFLAGS='-C target-feature=+crt-static' $(CARGO) build --release --target $(HOST)
	@ls -l $(STATIC)

clean:
	$(CARGO) clean

include docker/targets.mk
