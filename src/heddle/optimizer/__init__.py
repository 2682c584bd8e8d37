"""From services and measurements to the fewest GPUs, with a bound.

``problem`` freezes a workload; a ``solver`` returns a ``packing``; ``search`` runs
one and turns its outcome into a ``result``: a deployment with a certificate.
"""
