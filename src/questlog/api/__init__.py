"""The HTTP API of the console port."""
