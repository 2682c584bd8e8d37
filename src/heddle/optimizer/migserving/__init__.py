"""MIG-serving's optimizer (arXiv 2109.11067, section 5): greedy, tree search, genetic."""
