"""The steps for every request. `boundary` is the only middleware and defines the order; each step has its own file."""
