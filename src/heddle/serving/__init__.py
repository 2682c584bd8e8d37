"""Serving requests: one instance of a service, the router in front, what measures both."""
