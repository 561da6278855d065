"""One named step a file."""
