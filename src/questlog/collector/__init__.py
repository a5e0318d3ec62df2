"""The collector: from a request to an acknowledged journal record."""
