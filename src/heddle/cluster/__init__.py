"""What hardware there is, how it can be cut, and what should run on it.

``gpu_type`` and ``catalogue`` know the types; ``partition`` and ``layout`` say what
one GPU can hold; ``deployment`` says what every GPU should hold.
"""
