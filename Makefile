# The default target lists the others.
CARGO ?= cargo
TARGET_DIR := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)

.PHONY: help build all demo test test-browser check lines bench bench-group bench-sync bench-ring static deb deb-test wide sim matrix scale explore \
	explorer torture shuttle mutants mutants-changed clean

help:
	@echo 'make build           compile target/release/synod (make all is the same)'
	@echo 'make demo            five peers agree on this machine: test case 2, with a verdict'
	@echo 'make test            all tests; says first what they need'
	@echo 'make test-browser    the page that synod draw makes, in Chromium; Mermaid too'
	@echo 'make check           formatting, lints and documentation, without a warning'
	@echo 'make lines           count lines of code; fails above the budget'
	@echo 'make bench           latency, start-up, memory, size, speed of the judge'
	@echo 'make bench-group     readiness, joins, failure detection, many members (five minutes)'
	@echo 'make bench-ring      the ring: a transfer beside plain round trips, a repair, hops'
	@echo 'make bench-sync      the replicated file: an edit, a long file, a peer with nothing to do'
	@echo 'make sim             a million simulated runs with heavy faults; then the other protocols'
	@echo 'make matrix          mutants of all protocols, and which checks catch them; with drawings'
	@echo 'make explore         every run of a few peers, exhaustively (make explorer: in a browser)'
	@echo 'make scale           decision latency in a wide area, simulated and on sockets'
	@echo 'make wide            peers with 300 ms round trips, plain and through WireGuard (SECONDS=n)'
	@echo 'make torture         real processes: 10,000 kills, 1,000 power losses (KILLS=n POWER=n SEED=n)'
	@echo 'make shuttle         thousands of schedules of the runtime'\''s threads'
	@echo 'make mutants         single changes to the source that no test notices (PARTS="paxos ...")'
	@echo 'make static          the static binary that goes into the image (TARGET=triple)'
	@echo 'make deb             a Debian package; make deb-test installs and removes it in a container'
	@echo 'make docker-test1    test case 1 in five containers, with a verdict; docker-test2 likewise'
	@echo 'make docker-faults   containers killed, disconnected, frozen, partitioned'
	@echo 'make docker-lab      compose files in the shape of the labs, unmodified, with a verdict each'
	@echo 'make swarm-test      Docker Swarm on three engines of its own, one of them killed (four minutes)'
	@echo 'make judge-them      a report card of another image for the lab (IMAGE=name; four minutes)'
	@echo 'make kubernetes      validate deploy/kubernetes against the published schemas'
	@echo 'make docker-image    only the images; docs/deploy.md lists the other docker- targets'
	@echo 'make clean           remove what was built'

build all:
	$(CARGO) build --release

demo:
	@$(CARGO) build --release
	@$(TARGET_DIR)/release/synod local hostsfiles/hostsfile-testcase2.txt -t 0,1

test:
	@tests/needs.sh
	$(CARGO) test

# In a browser; without one it is skipped, but not in CI.
test-browser:
	$(CARGO) build --quiet
	python3 tests/browser/draw.py $(TARGET_DIR)/debug/synod

check:
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --no-deps --document-private-items

lines:
	@$(CARGO) run --example lines --quiet

bench:
	SYNOD_STATIC="$$(realpath "$$(docker/static.sh)")" $(CARGO) bench --bench loopback
	$(CARGO) bench --bench check

# Readiness and membership; takes five minutes.
bench-group:
	$(CARGO) bench --bench group

# The replicated file; takes three minutes.
bench-sync:
	$(CARGO) bench --bench sync

# The ring; takes two minutes.
bench-ring:
	$(CARGO) bench --bench ring

torture:
	$(CARGO) bench --bench torture -- $(foreach n,KILLS POWER SEED,$(if $($n),$n=$($n)))

# Another build, in which the runtime's locks are those of shuttle.
shuttle:
	RUSTFLAGS='--cfg shuttle' $(CARGO) test --lib --target-dir $(TARGET_DIR)/shuttle schedules

# Thousands of changes, all built at once; a night on two cores.
mutants:
	$(CARGO) run --quiet --example mutants -- $(PARTS)

# Those in what the latest commits touch (MINUTES=n).
mutants-changed:
	$(CARGO) run --quiet --example mutants -- --changed

static:
	@ls -l "$$(TARGET=$(TARGET) docker/static.sh)"

# PROGRAM=FILE packages that binary.
deb:
	@PROGRAM=$(PROGRAM) deploy/debian/build.sh

# Three minutes; needs root, debootstrap and a Docker engine.
deb-test:
	@deploy/debian/test.sh

# Built for speed; the shipped binary is built for size.
SIM := $(TARGET_DIR)/sim/synod

sim:
	@$(CARGO) build --profile sim
	@$(SIM) sim --seeds 0..1000000
	@$(SIM) sim ready --seeds 0..100000
	@$(SIM) sim member --seeds 0..20000
	@$(SIM) sim member --majority --faults heavy --seeds 0..20000
	@$(SIM) sim sync --seeds 0..20000
	@$(SIM) sim ring --seeds 0..2000

matrix:
	@$(CARGO) build --profile sim
	@mkdir -p $(TARGET_DIR)/mutants
	@echo 'exploring the mutants: three minutes'
	@$(CARGO) run --profile explore --example explore --quiet -- mutants \
	    > $(TARGET_DIR)/mutants/explored.txt
	@$(SIM) sim --matrix --explored $(TARGET_DIR)/mutants/explored.txt
	@for mutant in $$($(SIM) sim paxos --mutants | cut -f1); do \
	    $(SIM) sim --mutant $$mutant --draw $(TARGET_DIR)/mutants/$$mutant.html >/dev/null 2>&1 || exit 1; \
	done
	@for mutant in $$($(SIM) sim member --mutants | cut -f1); do \
	    $(SIM) sim member --mutant $$mutant --draw $(TARGET_DIR)/mutants/member-$$mutant.html >/dev/null 2>&1 \
	        || exit 1; \
	done
	@echo 'drawings: $(TARGET_DIR)/mutants/'

explore:
	$(CARGO) run --profile explore --example explore
	$(CARGO) test --profile explore --test explore -- --ignored

explorer:
	$(CARGO) run --profile explore --example explore -- serve

scale:
	@$(CARGO) build --profile sim
	@$(SIM) sim --report --sockets --plot $(TARGET_DIR)/scale.svg
	@echo 'plot: $(TARGET_DIR)/scale.svg'

# Needs root and TUN devices.
wide:
	@$(CARGO) build --release
	@python3 tests/network/wide.py $(TARGET_DIR)/release/synod $(or $(SECONDS),0.3)

clean:
	$(CARGO) clean

include docker/targets.mk
