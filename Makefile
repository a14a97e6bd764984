# Each target sets up what it needs and says what it does. `make help` lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=
ONLY   ?=
# Tests run in parallel; the machine's cores decide. PYTEST="..." passes arguments on.
PYTEST ?= -n auto
# Which bench `make hil` runs on.
BENCH  ?= mock
# What image `make image` makes.
ARCH   ?= amd64
BASE   ?= debian
# Whom `make deploy` deploys to.
INVENTORY ?= ansible/inventory.example

.DEFAULT_GOAL := help
.PHONY: help setup setup-test setup-image run test check lint-ansible hil camera-wire image update bundle setup-deploy deploy deploy-proof hub-proof bench kills crash-matrix power-cuts fleet day format lock clean

help: ## Show this
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

setup: ## Install what running needs into .venv (seconds when there is nothing to do)
	@scripts/setup.sh run

setup-test: ## Install what the tests need as well (Debian packages through apt)
	@scripts/setup.sh test

setup-image: ## Install what making and booting images needs as well: ARCH=amd64 or arm64
	@ARCH=$(ARCH) scripts/setup.sh image

run: setup ## Run the virtual kiosk; ARGS="--story" and so on are passed on
	@exec $(BIN)/kiosk virtual --pull $(ARGS)

test: setup-test ## Pass the tests
	@$(BIN)/kiosk models pull
	@scripts/passes.sh $(BIN)/pytest $(PYTEST)

check: setup-test lint-ansible ## Lint (Python, Ansible), format, types, floors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy hil-tests
	$(BIN)/lint-imports

lint-ansible: setup-deploy ## Lint playbooks and roles, as make check does
	@scripts/setup.sh lint
	@cd ansible && PATH=$(CURDIR)/.venv-ansible-lint/bin:$$PATH \
	  ANSIBLE_COLLECTIONS_PATH=$(CURDIR)/build/image/tools/collections ansible-lint --offline

hil: $(if $(filter qemu,$(BENCH)),setup-image,setup-test) ## Put the promises to the test on a bench: BENCH=mock, wire, qemu or BENCH.toml (docs/bench.md)
	@$(BIN)/kiosk models pull
	@scripts/passes.sh $(BIN)/pytest hil-tests --bench $(BENCH) $(ARGS)

camera-wire: ## The camera's driver on the real picamera2 and libcamera's virtual camera, in a Debian 13 tree (root)
	@tests/drivers/camera/wire/camera-wire.sh $(ARGS)

image: setup-image ## Make the OS image: ARCH=amd64 or arm64, BASE=raspios, ARGS="--disk-only" (docs/image.md)
	@$(BIN)/python -m image build --arch $(ARCH) --base $(BASE) $(ARGS)

update: setup-image ## Make the signed update (.raucb) of the image that was built last: ARCH=amd64 or arm64
	@$(BIN)/python -m image bundle --arch $(ARCH) --base $(BASE) $(ARGS)

bundle: setup-test ## Make the release that ansible/deploy.yml brings to kiosks that run: ARCH=amd64 or arm64 (docs/deploy.md)
	@$(BIN)/python -m image.offline --arch $(ARCH) $(ARGS)

setup-deploy: setup ## Install Ansible, apart from everything else, in build/image/tools
	@mkdir -p build/image
	@$(BIN)/python -c "from pathlib import Path as P; from image.tools import tools; tools(P('build/image/tools').resolve(), P('build/image/tools.log').resolve())"

deploy: setup-deploy ## Bring kiosks to the newest bundle: INVENTORY=~/kiosks, ARGS="--check --diff" (docs/deploy.md)
	@cd ansible && exec ../build/image/tools/bin/ansible-playbook -i $(abspath $(INVENTORY)) deploy.yml $(ARGS)

deploy-proof: setup-image setup-deploy ## A stock Debian 13 to a kiosk, updated under an order, rolled back; ARGS="--target container --kiosks 3"
	@$(BIN)/python -m proofs.deploy $(ARGS)

hub-proof: setup-image setup-deploy ## Three stock Debian 13 machines to a hub by ansible/hub.yml, changed while a kiosk speaks (docs/fleet.md)
	@$(BIN)/python -m proofs.hub $(ARGS)

bench: setup-test ## Measure speed side by side with what one would take instead; ONLY=bus, ARGS="--rounds 5"
	$(BIN)/python -m benchmarks $(addprefix --only ,$(ONLY)) $(ARGS)

kills: setup-test ## Prove that killing the server loses nothing it acknowledged (docs/promises.md); ARGS="--kills 5"
	$(BIN)/python -m proofs.kills $(ARGS)

crash-matrix: setup-test ## Kill everyone at every step of a paying order, count the money (docs/crash-matrix.md); ARGS="--every 20"
	@$(BIN)/kiosk models pull
	$(BIN)/python -m proofs.crashes --write $(ARGS)

power-cuts: setup-image ## Cut a busy kiosk's power at 1,000 moments (docs/power-cuts.md); ARGS="--cuts 100 --boots 3"
	$(BIN)/python -m proofs.powercuts $(ARGS)

fleet: setup-test ## Prove a hub of 3 nodes and 5 kiosks in network namespaces (root; docs/fleet.md); ARGS="--kiosks 3"
	$(BIN)/python -m proofs.fleet $(ARGS)

day: setup-test ## A day of 500 customers and their accidents in fast motion; ARGS="--customers 50 --seed 2"
	@$(BIN)/kiosk models pull
	cd hil-tests && ../$(BIN)/python -m day $(ARGS)

format: setup-test ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: setup-test ## Bring the lock files up to pyproject.toml's newest
	$(BIN)/uv pip compile -q --universal --generate-hashes --python-version 3.11 --upgrade \
	  --extra virtual pyproject.toml --custom-compile-command "make lock" -o requirements.lock
	$(BIN)/uv pip compile -q --universal --generate-hashes --python-version 3.11 --upgrade \
	  --extra dev --extra wire -c requirements.lock pyproject.toml --custom-compile-command "make lock" -o requirements-dev.lock

clean: ## Remove what was set up
	rm -rf $(VENV) .venv-labgrid .venv-ansible-lint build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
