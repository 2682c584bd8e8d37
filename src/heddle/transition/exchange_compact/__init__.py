"""MIG-serving's exchange and compact (arXiv 2109.11067, section 6), for comparison."""
