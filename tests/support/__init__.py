"""What several tests use: fakes, servers, browsers."""
