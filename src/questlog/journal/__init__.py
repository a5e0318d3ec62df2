"""The durable log: what is acknowledged is here first."""
