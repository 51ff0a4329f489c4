"""A keep-alive HTTP/1.1 load client that is exact about failures. Standard library only."""
