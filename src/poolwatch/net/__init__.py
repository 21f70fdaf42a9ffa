"""HTTP to services and pools, with caps and deadlines; failures come back as values."""
