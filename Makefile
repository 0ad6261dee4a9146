# The default target lists the others.
CARGO ?= cargo
TARGET_DIR := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)

.PHONY: help build all demo test check lines bench bench-group static sim matrix museum scale explore \
	explorer torture shuttle mutants mutants-changed clean

help:
	@echo 'make build   compiles target/release/synod; make all is the same'
	@echo 'make demo    five peers agree on this machine: test case 2, with a verdict'
	@echo 'make test    all tests'
	@echo 'make check   formatting, lints and documentation, without a warning'
	@echo 'make lines   how many lines of code the program has, and fails where it has too many'
	@echo 'make bench   latency, start-up, memory, size, and how fast a log is judged'
	@echo 'make bench-group   the barrier and the group: readiness, joins, deaths, many members'
	@echo 'make sim     a million runs in the simulator, from seeds, with heavy faults; then ready and member'
	@echo 'make matrix  broken variants of all three protocols, and which checks catch them; with drawings'
	@echo 'make explore every run of a few peers, exhaustively; make explorer shows them in a browser'
	@echo 'make scale   decision latency round the world for 3 to 101 peers, simulated; small ones on sockets too'
	@echo 'make torture real processes: 10,000 kills and 1,000 power losses (KILLS=n POWER=n SEED=n)'
	@echo 'make shuttle thousands of schedules of the threads that ask one peer at once'
	@echo 'make mutants single changes to the source that no test notices (PARTS="paxos ...")'
	@echo 'make static  the one static binary, as it goes into the image'
	@echo 'make docker-test1, docker-test2   the lab test cases on five containers, with a verdict'
	@echo 'make docker-faults   four scenarios in which containers are killed, cut off, frozen'
	@echo 'make docker-lab      files in the shape of the three labs, as they are, with a verdict each'
	@echo 'make docker-image    only the images; docker/targets.mk has the other docker- targets'
	@echo 'docker build . -t prj4   the image with Docker alone; Dockerfile has the other labs'
	@echo 'make clean   remove what was built'

build all:
	$(CARGO) build --release

demo:
	@$(CARGO) build --release --quiet
	@$(TARGET_DIR)/release/synod local hostsfiles/hostsfile-testcase2.txt -t 0,1

test:
	$(CARGO) test

check:
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --no-deps --document-private-items

lines:
	@$(CARGO) run --example lines --quiet

bench:
	SYNOD_STATIC="$$(realpath "$$(docker/static.sh)")" $(CARGO) bench --bench loopback
	$(CARGO) bench --bench check

# The barrier and the group; takes five minutes.
bench-group:
	$(CARGO) bench --bench group

torture:
	$(CARGO) bench --bench torture -- $(foreach n,KILLS POWER SEED,$(if $($n),$n=$($n)))

# The locks of the runtime are exchanged, so this is another build.
shuttle:
	RUSTFLAGS='--cfg shuttle' $(CARGO) test --lib --target-dir $(TARGET_DIR)/shuttle schedules

# Thousands, half a minute each.
mutants:
	tests/mutants/run.sh $(or $(PARTS),paxos hosts ready trace member node cli)

# A sample of those in what the newest commits touch (MINUTES=n).
mutants-changed:
	tests/mutants/run.sh --changed

static:
	@ls -l "$$(docker/static.sh)"

# Built for speed; the shipped binary is built for size.
SIM := $(TARGET_DIR)/sim/synod

sim:
	@$(CARGO) build --profile sim --quiet
	@$(SIM) sim --seeds 0..1000000
	@$(SIM) sim ready --seeds 0..100000
	@$(SIM) sim member --seeds 0..20000
	@$(SIM) sim member --majority --faults heavy --seeds 0..20000

# The old name of the target.
museum: matrix

matrix:
	@$(CARGO) build --profile sim --quiet
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
	@$(CARGO) build --profile sim --quiet
	@$(SIM) sim --report --sockets --plot $(TARGET_DIR)/scale.svg
	@echo 'plot: $(TARGET_DIR)/scale.svg'

clean:
	$(CARGO) clean

include docker/targets.mk
