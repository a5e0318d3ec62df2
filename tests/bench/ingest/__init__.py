"""Load for a collector, and a strong peer to race."""
