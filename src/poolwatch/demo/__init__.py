"""A simulated upstream: real HTTP on loopback, a seeded pool, nothing borrowed from its client."""
