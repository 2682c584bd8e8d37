"""What computes the answers of an instance: ONNX Runtime, or nothing for a stated time.

``engine`` says what an engine is; ``batching`` runs one in each of its workers.
"""
