"""What is done to the store between two batches: a list of tasks, and who runs them."""
