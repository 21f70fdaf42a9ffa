"""The operating system: files, locks, threads, mounts and instants; it knows nothing of poolwatch."""
