"""What poolwatch costs, measured from outside beside an empty Textual app: `python -m benchmarks`."""
