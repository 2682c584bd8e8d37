"""Networks without downloads: known topologies, seeded random weights.

Only this package imports ``onnx``. ``catalogue`` lists what there is and ``build``
makes the bytes of an ONNX file; the ``onnx`` engine, ``heddle profile`` and
``heddle zoo`` ask for them as ``zoo:NAME``.
"""
