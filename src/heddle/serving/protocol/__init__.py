"""The Open Inference Protocol, version 2, over HTTP: JSON and the binary tensor extension.

``request`` reads, ``response`` writes, ``tensor`` knows both forms of a tensor, ``fitting``
holds a request against the network, ``metadata`` describes it. Nothing here does input or
output; ``instance.application`` calls all of it. ``docs/reference/serving-protocol.md`` is
for users.
"""
