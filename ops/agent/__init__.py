"""What nobody should have to sit and watch: duties that run for as long as the stack does."""
