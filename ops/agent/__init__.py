"""The agent: duties that run for as long as the stack does."""
