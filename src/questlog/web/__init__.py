"""The pages of the console port."""
