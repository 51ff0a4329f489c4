SETUP := compose/setup
# Engines before 23 build with the old builder unless they are told not to.
export DOCKER_BUILDKIT := 1

.DEFAULT_GOAL := help
.PHONY: help up setup down clean test test-setup bench

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

up: setup ## set up what is missing and start the stack; HTTP_PORT=8080 and BACKEND_REPLICAS=3 count the first time
	@.venv/bin/videa up
	@$(SETUP)/filter.sh offer

setup: ## what `up` needs: Python environment, Docker Engine, Compose, secrets, images
	@$(SETUP)/python.sh
	@$(SETUP)/engine.sh
	@$(SETUP)/plugins.sh
	@$(SETUP)/secrets.sh
	@$(SETUP)/images.sh

down: ## stop the stack, keep its data
	@docker compose down

clean: ## remove everything that was made here, data included; asks first (CLEAN_YES=1 does not)
	@$(SETUP)/clean.sh

test: test-setup ## linters, types, and the unit, server and engine tests
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/pytest

bench: test-setup ## the measurements of bench/README.md, about half an hour
	for what in zero_loss scale_cost cli_startup backend; do .venv/bin/python -m bench.$$what || exit; done

test-setup: setup
	@$(SETUP)/python.sh dev
	@$(SETUP)/browser.sh
