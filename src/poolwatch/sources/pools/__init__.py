"""Running pool servers as sources."""
