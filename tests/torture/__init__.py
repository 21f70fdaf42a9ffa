"""Custody under torture: real processes, killed anywhere, against a login service that takes a token once."""
