SETUP := compose/setup
# Engines before 23 use the old builder by default.
export DOCKER_BUILDKIT := 1

# One worker more than cores: engine tests wait for a third of their time. With more, doctor and nginx notice a busy machine.
TEST_WORKERS := -n 3 --dist loadgroup --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help up setup down clean test test-setup bench bench-scale

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

up: setup ## install what is missing and start the stack; HTTP_PORT=8080 and BACKEND_REPLICAS=3 apply the first time
	@.venv/bin/videa up
	@$(SETUP)/filter.sh offer

setup: ## install what `up` needs: Python environment, Docker Engine, Compose, secrets, images
	@$(SETUP)/python.sh
	@$(SETUP)/engine.sh
	@$(SETUP)/plugins.sh
	@$(SETUP)/secrets.sh
	@$(SETUP)/agent.sh
	@$(SETUP)/images.sh

down: ## stop the stack and keep its data
	@docker compose down

clean: ## remove everything that make created, including the data; asks first (not with CLEAN_YES=1)
	@$(SETUP)/clean.sh

test: test-setup ## run linters, type checks, and the unit, server and engine tests
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/pytest $(TEST_WORKERS) --durations 40 --durations-min 5

bench: test-setup ## run the short benchmarks of bench/README.md, about half an hour
	for what in zero_loss scale_cost cli_startup backend; do .venv/bin/python -m bench.$$what || exit; done

bench-scale: test-setup ## measure 1, 2, 4 and 6 replicas behind nginx, about four minutes
	.venv/bin/python -m bench.scaling --check

# An engine that is started here for the tests collects its garbage less often: that takes a twenty-fifth of all CPU.
test-setup: export GOGC := 400
test-setup: setup
	@$(SETUP)/python.sh dev
	@$(SETUP)/browser.sh
	@$(SETUP)/pebble.sh
