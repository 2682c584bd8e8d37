"""CUDA C++ kernels of the corpus that may be rewritten."""

from __future__ import annotations

#: In place, with the early return of every tutorial; no barrier follows.
SAXPY = """
extern "C" __global__ void saxpy(int n, float a, const float *x, float *y) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  y[i] = a * x[i] + y[i];
}
"""

#: A sum per block, by shuffles and shared memory, shaped like CUB's block reduction.
BLOCK_REDUCE = """
extern "C" __global__ void block_reduce(const float *x, float *out, int n) {
  __shared__ float partial[4];
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  float value = i < n ? x[i] : 0.0f;
  for (int step = 16; step > 0; step /= 2)
    value += __shfl_down_sync(0xffffffffu, value, step);
  if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = value;
  __syncthreads();
  if (threadIdx.x == 0) {
    float total = 0;
    for (int w = 0; w < blockDim.x / 32; ++w) total += partial[w];
    out[blockIdx.x] += total;
  }
}
"""

#: A scan per block, shaped like CUB's and thrust's block scan (Hillis and Steele in shared memory).
BLOCK_SCAN = """
extern "C" __global__ void block_scan(const int *x, int *out, int *totals, int n) {
  __shared__ int buffer[2][64];
  int t = threadIdx.x, i = blockIdx.x * 64 + t, from = 0;
  buffer[0][t] = i < n ? x[i] : 0;
  __syncthreads();
  for (int step = 1; step < 64; step *= 2) {
    buffer[1 - from][t] = buffer[from][t] + (t >= step ? buffer[from][t - step] : 0);
    from = 1 - from;
    __syncthreads();
  }
  if (i < n) out[i] = buffer[from][t];
  if (t == 63) totals[blockIdx.x] = buffer[from][t];
}
"""

#: Counts in shared memory first; the bins are cleared and added between barriers.
HISTOGRAM = """
extern "C" __global__ void histogram_privatised(const unsigned char *x, unsigned *bins, int n) {
  __shared__ unsigned mine[32];
  if (threadIdx.x < 32) mine[threadIdx.x] = 0;
  __syncthreads();
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x)
    atomicAdd(&mine[x[i] & 31], 1u);
  __syncthreads();
  if (threadIdx.x < 32) atomicAdd(&bins[threadIdx.x], mine[threadIdx.x]);
}
"""

#: A stencil with a halo in shared memory, on two-dimensional blocks and grid.
STENCIL = """
extern "C" __global__ void stencil(const float *in, float *out, int width, int height) {
  __shared__ float tile[10][18];
  int x = blockIdx.x * 16 + threadIdx.x, y = blockIdx.y * 8 + threadIdx.y;
  for (int k = threadIdx.y * 16 + threadIdx.x; k < 180; k += 128) {
    int gx = blockIdx.x * 16 + k % 18 - 1, gy = blockIdx.y * 8 + k / 18 - 1;
    bool inside = gx >= 0 && gx < width && gy >= 0 && gy < height;
    tile[k / 18][k % 18] = inside ? in[gy * width + gx] : 0.0f;
  }
  __syncthreads();
  if (x < width && y < height) {
    int tx = threadIdx.x + 1, ty = threadIdx.y + 1;
    out[y * width + x] = 0.5f * tile[ty][tx] + 0.125f * (tile[ty - 1][tx] + tile[ty + 1][tx]
                         + tile[ty][tx - 1] + tile[ty][tx + 1]);
  }
}
"""

#: The tiled transpose of the CUDA samples, with padding.
TRANSPOSE = """
extern "C" __global__ void transpose_padded(const float *in, float *out, int width, int height) {
  __shared__ float tile[16][17];
  int x = blockIdx.x * 16 + threadIdx.x, y = blockIdx.y * 16 + threadIdx.y;
  for (int j = 0; j < 16; j += 4)
    if (x < width && y + j < height) tile[threadIdx.y + j][threadIdx.x] = in[(y + j) * width + x];
  __syncthreads();
  x = blockIdx.y * 16 + threadIdx.x;
  y = blockIdx.x * 16 + threadIdx.y;
  for (int j = 0; j < 16; j += 4)
    if (x < height && y + j < width)
      out[(y + j) * height + x] = tile[threadIdx.x][threadIdx.y + j];
}
"""

#: A reduction in dynamic shared memory, with the early barrier-free tail left to thread 0.
DYNAMIC_REDUCE = """
extern "C" __global__ void dynamic_reduce(const float *x, float *out, int n) {
  extern __shared__ float buffer[];
  int t = threadIdx.x, i = blockIdx.x * blockDim.x + t;
  buffer[t] = i < n ? x[i] : 0.0f;
  __syncthreads();
  for (int half = blockDim.x / 2; half > 0; half /= 2) {
    if (t < half) buffer[t] += buffer[t + half];
    __syncthreads();
  }
  if (t == 0) out[blockIdx.x] = buffer[0];
}
"""

#: The largest value of all by compare-and-swap, and a count of blocks by a wrapping counter.
ATOMIC_MAXIMUM = """
extern "C" __global__ void atomic_maximum(const float *x, int *best, unsigned *blocks, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (threadIdx.x == 0) atomicInc(blocks, 1000u);
  if (i < n) {
    int seen = *(volatile int *)best;
    while (x[i] > __int_as_float(seen)) {
      int before = atomicCAS(best, seen, __float_as_int(x[i]));
      if (before == seen) break;
      seen = before;
    }
  }
}
"""

#: A copy to shared memory that is still under way when the block ends.
ASYNC_TAIL = """
extern "C" __global__ void async_tail(const float4 *x, float4 *out) {
  __shared__ float4 stage[128];
  int t = threadIdx.x, i = blockIdx.x * 64 + t;
  unsigned near = (unsigned)__cvta_generic_to_shared(&stage[t]);
  unsigned far = (unsigned)__cvta_generic_to_shared(&stage[64 + t]);
  stage[t] = make_float4(blockIdx.x, t, 0, 1);
  stage[64 + t] = make_float4(2, blockIdx.x, t, 0);
  __syncthreads();
  float4 mine = stage[63 - t];
  __syncthreads();
  asm volatile("cp.async.ca.shared.global [%0], [%1], 16;" :: "r"(near), "l"(x + i));
  asm volatile("cp.async.commit_group;");
  asm volatile("cp.async.wait_group 0;");
  __syncthreads();
  float4 loaded = stage[63 - t], other = stage[127 - t];
  out[i] = make_float4(mine.x + loaded.x, mine.y + loaded.y, other.x + loaded.z,
                       other.y + loaded.w);
  __syncthreads();
  asm volatile("cp.async.ca.shared.global [%0], [%1], 16;" :: "r"(near), "l"(x + i));
  asm volatile("cp.async.ca.shared.global [%0], [%1], 16;" :: "r"(far), "l"(x + i));
  asm volatile("cp.async.commit_group;");
}
"""

#: Lanes leave a loop at different times and meet again; local memory indexed at run time.
DIVERGENT = """
extern "C" __global__ void divergent(const int *x, int *out, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) {
    int history[8], value = x[i], steps = 0;
    for (int k = 0; k < 8; ++k) history[k] = k;
    while (value > 1 && steps < 50) {
      value = value & 1 ? 3 * value + 1 : value / 2;
      history[value & 7] += steps;
      ++steps;
    }
    out[i] = out[i] * 2 + steps * 1000 + history[x[i] & 7];
  }
}
"""

#: A product in shared memory tiles, shaped like the one of the CUDA programming guide.
TILED_PRODUCT = """
extern "C" __global__ void tiled_product(const float *a, const float *b, float *c, int n) {
  __shared__ float left[8][8], right[8][8];
  int row = blockIdx.y * 8 + threadIdx.y, column = blockIdx.x * 8 + threadIdx.x;
  float total = 0;
  for (int k = 0; k < n; k += 8) {
    left[threadIdx.y][threadIdx.x] = a[row * n + k + threadIdx.x];
    right[threadIdx.y][threadIdx.x] = b[(k + threadIdx.y) * n + column];
    __syncthreads();
    for (int j = 0; j < 8; ++j) total += left[threadIdx.y][j] * right[j][threadIdx.x];
    __syncthreads();
  }
  c[row * n + column] += total;
}
"""

#: Data that the next block reads through shared memory before it is written again: without a
#: barrier between two blocks the slow warp finds the data of the next one.
SLOW_READER = """
extern "C" __global__ void slow_reader(const int *x, int *out, int n) {
  __shared__ int tile[96];
  int t = threadIdx.x, i = blockIdx.x * 96 + t;
  tile[t] = i < n ? x[i] + blockIdx.x : 0;
  __syncthreads();
  int total = 0;
  if (t >= 32)
    for (int k = 0; k < 96; k += 3) total = total * 5 + tile[(t + k) % 96];
  if (i < n) out[i] += total + gridDim.x;
}
"""
