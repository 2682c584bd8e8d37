"""The plan nearest to what runs, among those of the fewest GPUs.

``search`` is the entry. ``running`` says which running instances could stay,
``regions`` how a running GPU can be cut so that some do; ``count_model`` chooses counts
from them with the covers of ``covers``, and ``table`` deals these to real GPUs.
"""
