"""Certificates of x-videa.tls: obtained and renewed by ACME (RFC 8555) with HTTP-01, one for each domain.

One for each domain, and not one for all: a name that does not resolve then fails alone, and adding one changes none of
the others.
"""
