"""Block kernels for the cpu device: families, one file each, and small networks made of them.

``networks`` has what most callers want: ``build("resnet-small")``. A family's builder (``matmul``,
``convolve``, ...) binds arrays to a kernel; ``scheduled`` has kernels that only take time. The next
step is ``workers``, which runs the kernels on pinned threads. Importing this package compiles
nothing: a body is compiled when its first kernel is bound, and kept on disk.
"""
