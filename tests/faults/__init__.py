"""What must not happen whatever comes in; docs/faults.md says which test stands for which fault."""
