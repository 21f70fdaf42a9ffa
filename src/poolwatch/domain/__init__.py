"""The pure core: accounts, usage, status, pool. No I/O, no clock, no terminal."""
