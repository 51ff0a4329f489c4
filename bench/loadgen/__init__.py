"""A keep-alive HTTP/1.1 load client that classifies failures exactly. Standard library only."""
