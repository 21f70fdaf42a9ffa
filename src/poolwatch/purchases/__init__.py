"""Doing what costs: each thing once, on `once`, noted before it is sent."""
