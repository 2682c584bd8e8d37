"""numba-cuda kernels of the corpus, shaped like the examples of numba's manual."""
# numba-cuda types these functions when it compiles them:
# mypy: ignore-errors

from __future__ import annotations

from numba import cuda, float32


def grid_saxpy(x, y, factor):
    """``y = factor * x + y`` by grid position, with a guard."""
    place = cuda.grid(1)
    if place < x.size:
        y[place] += factor * x[place]


def grid_loop(x):
    """A grid-stride loop in place."""
    for place in range(cuda.grid(1), x.size, cuda.gridsize(1)):
        x[place] = x[place] * x[place] + 1


def block_sum(x, out):
    """A sum per block in shared memory."""
    partial = cuda.shared.array(64, float32)
    thread = cuda.threadIdx.x
    place = cuda.grid(1)
    partial[thread] = x[place] if place < x.size else 0
    cuda.syncthreads()
    step = 32
    while step > 0:
        if thread < step:
            partial[thread] += partial[thread + step]
        cuda.syncthreads()
        step //= 2
    if thread == 0:
        out[cuda.blockIdx.x] += partial[0]


def fast_product(a, b, c):
    """A product in shared memory tiles, the example of numba's manual."""
    left = cuda.shared.array((8, 8), float32)
    right = cuda.shared.array((8, 8), float32)
    row, column = cuda.grid(2)
    down, across = cuda.threadIdx.x, cuda.threadIdx.y
    total = float32(0)
    for tile in range(a.shape[1] // 8):
        left[down, across] = a[row, across + tile * 8]
        right[down, across] = b[down + tile * 8, column]
        cuda.syncthreads()
        for inner in range(8):
            total += left[down, inner] * right[inner, across]
        cuda.syncthreads()
    c[row, column] = total
