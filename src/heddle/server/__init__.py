"""One machine as a host: the daemon, its HTTP API and dashboard, and what it starts."""
