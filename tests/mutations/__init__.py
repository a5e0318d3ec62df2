"""Changes to the code that a rule of metrics.md forbids: each has to turn the tests of that rule red."""
