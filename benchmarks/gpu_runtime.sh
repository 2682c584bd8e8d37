#!/usr/bin/env bash
# What the cuda device does on a real NVIDIA GPU, in one call of at most 8 minutes: the way of an epoch
# by method, costs of calls, overhead of the persistent form, bit equality, preemption by block length,
# DISB at 20, 50 and 80 % of the peak in seven ways to share, green contexts, library work.
# Writes benchmarks/results/gpu_runtime.json: machine, driver, date, and for every section its figures
# or the reason why it has none. A section that fails does not stop the others.
#
#   benchmarks/gpu_runtime.sh [RESULT.json] [SECTION...]
#
# Needs an NVIDIA driver of CUDA 12.4 or later and a Python with heddle's extra cuda (numpy, numba,
# triton, cuda-bindings); PyTorch and torchvision for the section on library work. PYTHON names the
# Python (default: .venv/bin/python, else python3). HEDDLE_GPU_TRY=1 goes through all of it on a fake
# driver, to test this script; its figures mean nothing and the result says so.
set -uo pipefail
cd "$(dirname "$0")/.."

RESULT=${1:-benchmarks/results/gpu_runtime.json}
shift || true
if [[ -z ${PYTHON:-} ]]; then
  PYTHON=python3
  [[ -x .venv/bin/python ]] && PYTHON=$PWD/.venv/bin/python
fi
TRY=${HEDDLE_GPU_TRY:-0}
export PYTHONPATH=$PWD/src${PYTHONPATH:+:$PYTHONPATH}
export PYTHONUNBUFFERED=1
TRIAL=()
if [[ $TRY == 1 ]]; then
  TRIAL=(--trial)
elif ! command -v nvidia-smi >/dev/null; then
  echo "gpu_runtime: nvidia-smi was not found; this benchmark needs a machine with an NVIDIA driver" >&2
  exit 2
fi
for module in numpy yaml numba triton cuda.bindings; do
  "$PYTHON" -c "import $module" 2>/dev/null || echo "gpu_runtime: $PYTHON cannot import $module" >&2
done

FOLDER=$(mktemp -d)
trap 'rm -rf "$FOLDER"' EXIT

# section NAME SECONDS: run it in a process of its own, keep what it says and what it leaves.
section() {
  local name=$1 limit_s=$2 code
  echo "== $name"
  timeout --kill-after=5 "$limit_s" "$PYTHON" -m heddle.benchmarks.gpu_runtime section "$name" \
    --json "$FOLDER/$name.json" "${TRIAL[@]}" >"$FOLDER/$name.log" 2>&1
  code=$?
  cat "$FOLDER/$name.log"
  [[ $code == 124 || $code == 137 ]] && echo "$name: not within $limit_s s" | tee -a "$FOLDER/$name.log"
  return 0
}

# The limits add up to 8 minutes; the first section also pays for compiling the loop.
declare -A LIMITS=([facts]=20 [calls]=60 [flag]=30 [overhead]=50 [equality]=50 [drain]=75 [load]=135 [green]=25 [library]=35)
ORDER=(facts calls flag overhead equality drain load green library)
for name in "${@:-${ORDER[@]}}"; do
  section "$name" "${LIMITS[$name]}"
done

"$PYTHON" -m heddle.benchmarks.gpu_runtime gather "$FOLDER" "$RESULT" "${TRIAL[@]}"
echo "$RESULT"
