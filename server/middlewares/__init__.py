"""What every request passes. `boundary` is the one middleware and says the order; each step has its own file."""
