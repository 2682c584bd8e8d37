"""DISB workloads: who asks one device for what, and when.

``files`` reads both published formats into ``workload.DisbWorkload``, ``arrivals`` says when
requests are due. The runner (``runtime.replay``) plays them on a device.
"""
