"""What is computed from the events as they are loaded, one module per table."""
