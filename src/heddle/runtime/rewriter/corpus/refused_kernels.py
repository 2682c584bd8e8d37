"""Kernels that must not be rewritten, each for one reason."""

from __future__ import annotations

#: Threads leave before others wait for each other.
EARLY_RETURN_BARRIER = """
extern "C" __global__ void early_return_barrier(float *x, int n) {
  __shared__ float tile[64];
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  tile[threadIdx.x] = x[i];
  __syncthreads();
  x[i] = tile[threadIdx.x ^ 1];
}
"""

CLUSTER = """
extern "C" __global__ void __cluster_dims__(2, 1, 1) cluster(float *x) {
  unsigned rank;
  asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  asm volatile("barrier.cluster.arrive.aligned;");
  asm volatile("barrier.cluster.wait.aligned;");
  x[blockIdx.x * blockDim.x + threadIdx.x] += rank;
}
"""

SMID = """
extern "C" __global__ void smid(unsigned *seen) {
  unsigned number;
  asm volatile("mov.u32 %0, %%smid;" : "=r"(number));
  atomicAdd(&seen[number], 1u);
}
"""

#: What programmatic dependent launch compiles to (sm_90 and later).
DEPENDENT = """
extern "C" __global__ void dependent(float *x) {
  asm volatile("griddepcontrol.wait;" ::: "memory");
  x[blockIdx.x * blockDim.x + threadIdx.x] *= 2.0f;
  asm volatile("griddepcontrol.launch_dependents;");
}
"""

MBARRIER = """
extern "C" __global__ void mbarrier(float *x) {
  __shared__ unsigned long long barrier;
  unsigned at = (unsigned)__cvta_generic_to_shared(&barrier);
  if (threadIdx.x == 0) asm volatile("mbarrier.init.shared::cta.b64 [%0], 64;" :: "r"(at));
  __syncthreads();
  unsigned long long state;
  asm volatile("mbarrier.arrive.shared::cta.b64 %0, [%1];" : "=l"(state) : "r"(at));
  unsigned done = 0;
  while (!done)
    asm volatile("{ .reg .pred p; mbarrier.test_wait.shared::cta.b64 p, [%1], %2;"
                 " selp.u32 %0, 1, 0, p; }" : "=r"(done) : "r"(at), "l"(state));
  x[blockIdx.x * blockDim.x + threadIdx.x] += 1.0f;
}
"""

INDIRECT_CALL = """
__device__ __noinline__ float twice(float v) { return 2 * v; }
__device__ __noinline__ float thrice(float v) { return 3 * v; }
extern "C" __global__ void indirect_call(float *x, int which) {
  float (*table[2])(float) = {twice, thrice};
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  x[i] = table[(which + i) & 1](x[i]);
}
"""

#: The arrival counter of cooperative groups' grid.sync(), written out: blocks wait for each other.
GRID_BARRIER = """
extern "C" __global__ void grid_barrier(float *x, unsigned *arrived) {
  x[blockIdx.x * blockDim.x + threadIdx.x] += 1.0f;
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) {
    atomicAdd(arrived, 1u);
    while (*(volatile unsigned *)arrived < gridDim.x) { }
  }
  __syncthreads();
  x[blockIdx.x * blockDim.x + threadIdx.x] *= x[0];
}
"""

#: Cooperative groups read the address of the grid's barrier from an environment register.
COOPERATIVE = """
.version 8.6
.target {target}
.address_size 64
.visible .entry cooperative(.param .u64 cooperative_param_0)
{
	.reg .pred %p<2>;
	.reg .b32 %r<8>;
	.reg .b64 %rd<4>;
	mov.u32 %r1, %envreg2;
	mov.u32 %r2, %envreg1;
	mov.b64 %rd1, {%r1, %r2};
	bar.sync 0;
	atom.add.release.gpu.global.u32 %r3, [%rd1+4], 1;
$L__wait:
	ld.acquire.gpu.global.u32 %r4, [%rd1+4];
	xor.b32 %r5, %r4, %r3;
	setp.gt.s32 %p1, %r5, -1;
	@%p1 bra $L__wait;
	bar.sync 0;
	ret;
}
"""

#: A kernel that launches another one.
DYNAMIC_PARALLELISM = """
.version 8.6
.target {target}
.address_size 64
.extern .func (.param .b32 func_retval0) cudaLaunchDeviceV2
(
	.param .b64 cudaLaunchDeviceV2_param_0,
	.param .b64 cudaLaunchDeviceV2_param_1
)
;
.visible .entry dynamic_parallelism(.param .u64 dynamic_parallelism_param_0)
{
	.reg .b32 %r<3>;
	.reg .b64 %rd<3>;
	ld.param.u64 %rd1, [dynamic_parallelism_param_0];
	{
	.param .b64 param0;
	.param .b64 param1;
	.param .b32 retval0;
	st.param.b64 [param0], %rd1;
	st.param.b64 [param1], %rd1;
	call.uni (retval0), cudaLaunchDeviceV2, (param0, param1);
	ld.param.b32 %r1, [retval0];
	}
	ret;
}
"""

#: A branch by a table: some threads return at its first entry, the others wait behind it.
INDIRECT_BRANCH = """
.version 8.6
.target {target}
.address_size 64
.visible .entry indirect_branch(.param .u64 indirect_branch_param_0)
{
	.reg .b32 %r<4>;
	.reg .b64 %rd<3>;
	ld.param.u64 %rd1, [indirect_branch_param_0];
	mov.u32 %r2, %tid.x;
	and.b32 %r1, %r2, 1;
$L__table: .branchtargets $L__one, $L__two;
	brx.idx %r1, $L__table;
$L__one:
	st.global.u32 [%rd1], 1;
	ret;
$L__two:
	st.global.u32 [%rd1], 2;
	bar.sync 0;
	ret;
}
"""

#: Work that depends on the time or on the launch's number.
GRIDID = """
.version 8.6
.target {target}
.address_size 64
.visible .entry gridid(.param .u64 gridid_param_0)
{
	.reg .b64 %rd<3>;
	ld.param.u64 %rd1, [gridid_param_0];
	mov.u64 %rd2, %gridid;
	st.global.u64 [%rd1], %rd2;
	ret;
}
"""
