"""Certificates of x-videa.tls: obtained and renewed by ACME (RFC 8555) with HTTP-01, one per domain.

One per domain rather than one for all: a name that does not resolve then affects no other, and adding a domain leaves
the other certificates unchanged.
"""
