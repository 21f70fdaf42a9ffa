"""The monitor against scripted surroundings and a clock that is turned by hand."""
