#!/usr/bin/env bash
# What heddle does on a real NVIDIA GPU, in one call of at most 5 minutes:
#   1. the NVML contract suite on the driver (it only reads: no GPU is cut, no mode changed)
#   2. three networks profiled on cuda:0
#   3. a service on the whole GPU under load, through daemon, agent and router
# The limits of the parts below add up to that. Writes benchmarks/results/gpu_serving.json: machine, driver, date, and for every part its
# figures or the reason why it did not run. A part that fails does not stop the others.
#
#   benchmarks/gpu_serving.sh [RESULT.json]
#
# Needs an NVIDIA driver, and a Python with heddle's extras cuda and server, pytest and
# hypothesis. PYTHON names it (default: .venv/bin/python, else python3). Networks run in ONNX
# Runtime where that has CUDA (onnxruntime-gpu), else in PyTorch and torchvision.
# HEDDLE_GPU_TRY=1 goes through all of it without a GPU, on the processor, to test this
# script; its figures mean nothing and the result says so.
set -uo pipefail
cd "$(dirname "$0")/.."

RESULT=${1:-benchmarks/results/gpu_serving.json}
if [[ -z ${PYTHON:-} ]]; then
  PYTHON=python3
  [[ -x .venv/bin/python ]] && PYTHON=$PWD/.venv/bin/python
fi
TRY=${HEDDLE_GPU_TRY:-0}
export PYTHONPATH=$PWD/src${PYTHONPATH:+:$PYTHONPATH}
export PYTHONUNBUFFERED=1

if [[ $TRY != 1 ]] && ! command -v nvidia-smi >/dev/null; then
  echo "gpu_serving: nvidia-smi was not found; this benchmark needs a machine with an NVIDIA driver" >&2
  exit 2
fi

FOLDER=$(mktemp -d)
STATE=$FOLDER/state
is_up=0
finish() {
  [[ $is_up == 1 ]] && timeout 30 "$PYTHON" -m heddle down --state "$STATE" >/dev/null 2>&1
  rm -rf "$FOLDER"
}
trap finish EXIT

# part NAME SECONDS COMMAND…: run it, keep what it says and how it ended.
part() {
  local name=$1 limit_s=$2 code
  shift 2
  echo "== $name"
  timeout --kill-after=10 "$limit_s" "$@" >"$FOLDER/$name.log" 2>&1
  code=$?
  cat "$FOLDER/$name.log"
  echo "$code" >"$FOLDER/$name.code"
  [[ $code == 124 ]] && echo "not within $limit_s s" >>"$FOLDER/$name.log"
  return "$code"
}

if [[ $TRY == 1 ]]; then
  GPU_TYPE=CPU-8 PROFILE=8c DEVICE=cpu TORCH_DEVICE=cpu UP=() SECONDS_A_POINT=0.2 LOAD_S=5
else
  DEVICE=cuda:0 TORCH_DEVICE=cuda:0 UP=(--device nvidia) SECONDS_A_POINT=2 LOAD_S=20 PROFILE=whole
  part driver 10 nvidia-smi --query-gpu=name,uuid,driver_version,memory.total,mig.mode.current --format=csv,noheader
fi

part contract 40 "$PYTHON" -m pytest tests/contract/test_nvml.py -k real_driver -q \
  -p no:xdist --junitxml "$FOLDER/contract.xml"

mkdir -p "$FOLDER/devices"
part devices 15 "$PYTHON" - "$FOLDER" <<'PYTHON_END'
import json, pathlib, sys
from heddle.runtime.nvidia.discovery import nvidia_devices
folder = pathlib.Path(sys.argv[1])
found = nvidia_devices(folder / "devices")
devices = [
    {"id": d.gpu.id, "gpu_type": d.gpu.gpu_type, "isolation": d.isolation.value, "description": d.description}
    for d in found.devices
]
(folder / "devices.json").write_text(json.dumps({"devices": devices, "left_out": found.left_out}))
for device in devices:
    print(device["id"], device["gpu_type"], device["isolation"], "-", device["description"])
print(*found.left_out, sep="\n")
PYTHON_END

if [[ $TRY != 1 ]]; then
  GPU_TYPE=$("$PYTHON" -c 'import json,sys; print((json.load(open(sys.argv[1]))["devices"] or [{"gpu_type": ""}])[0]["gpu_type"])' "$FOLDER/devices.json" 2>/dev/null)
  ISOLATION=$("$PYTHON" -c 'import json,sys; print((json.load(open(sys.argv[1]))["devices"] or [{"isolation": ""}])[0]["isolation"])' "$FOLDER/devices.json" 2>/dev/null)
  if [[ ${ISOLATION:-} == mig ]]; then
    # The full profile of a GPU with MIG on; it is cut through heddle as any instance is.
    PROFILE=$("$PYTHON" -c 'import sys; from heddle.cluster.catalogue import builtin_catalogue as c; print(c().get(sys.argv[1]).largest.name)' "$GPU_TYPE")
  fi
fi

# Which engine: ONNX Runtime where it has CUDA.
if [[ $TRY == 1 ]]; then
  ENGINE=${HEDDLE_GPU_TRY_ENGINE:-onnx}
elif "$PYTHON" -c 'import sys, onnxruntime; sys.exit("CUDAExecutionProvider" not in onnxruntime.get_available_providers())' 2>/dev/null; then
  ENGINE=onnx
elif "$PYTHON" -c 'import sys, torch, torchvision; sys.exit(not torch.cuda.is_available())' 2>/dev/null; then
  ENGINE=torch
else
  ENGINE=none
fi
echo "== engine: $ENGINE"

TABLE=$FOLDER/perf.csv
case $ENGINE in
  onnx)
    NETWORK=resnet18
    part profile 90 "$PYTHON" -m heddle profile zoo:resnet18 zoo:mobilenet zoo:bert-small \
      --device "$DEVICE" --profiles "$PROFILE" --batches 1,8 --seconds "$SECONDS_A_POINT" \
      --output "$TABLE"
    SERVE="{engine: onnx, path: 'zoo:$NETWORK'}"
    ;;
  torch)
    NETWORK=resnet18
    part profile 90 "$PYTHON" benchmarks/gpu_torch.py profile --device "$TORCH_DEVICE" \
      --gpu "$GPU_TYPE" --seconds "$SECONDS_A_POINT" --output "$TABLE"
    sed -i "s/,whole,/,$PROFILE,/" "$TABLE"
    # A MIG instance or the whole GPU is always cuda:0 to a process that is bound to it.
    SERVE="{engine: command, command: ['$PYTHON', '$PWD/benchmarks/gpu_torch.py', serve, --network, $NETWORK, --device, '$TORCH_DEVICE', --port, '{port}']}"
    ;;
esac

# A service at half of what its table says at batch 1, at most 200/s: the load comes from here.
if [[ -s $TABLE ]]; then
  RATE=$("$PYTHON" - "$TABLE" "$NETWORK" <<'PYTHON_END'
import csv, sys
rows = csv.DictReader(line for line in open(sys.argv[1]) if not line.startswith("#"))
rates = [float(r["rate_rps"]) for r in rows if r["model"] == sys.argv[2] and r["batch"] == "1"]
print(round(min(200.0, max(rates) / 2), 1))
PYTHON_END
  )
  cat >"$FOLDER/service.yaml" <<YAML_END
version: 1
gpus: [{type: $GPU_TYPE, count: 1}]
performance: [perf.csv]
services:
  - {name: vision, model: $NETWORK, rate_rps: $RATE, latency_ms: 500, serve: $SERVE}
YAML_END
  PORT=$("$PYTHON" -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
  if part up 15 "$PYTHON" -m heddle up --detach --state "$STATE" --port "$PORT" "${UP[@]}"; then
    is_up=1
    part apply 45 "$PYTHON" -m heddle apply "$FOLDER/service.yaml" --state "$STATE" &&
      part load $((LOAD_S + 20)) "$PYTHON" -m heddle load vision --rate "$RATE" --duration "$LOAD_S" \
        --json "$FOLDER/load.json" --state "$STATE"
    part status 10 "$PYTHON" -m heddle status --json --state "$STATE"
    part down 20 "$PYTHON" -m heddle down --state "$STATE" && is_up=0
  fi
fi

"$PYTHON" - "$FOLDER" "$RESULT" "$ENGINE" "$TRY" "${RATE:-0}" <<'PYTHON_END'
"""Put the parts together in the form of every benchmark's record."""
import csv, json, pathlib, platform, sys
from importlib import metadata
from xml.etree import ElementTree

from heddle.atomic_file import write_text
from heddle.clock import today

folder, result, engine, is_try, rate = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), *sys.argv[3:]


def version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def read(name, default):
    path = folder / name
    return json.loads(path.read_text()) if path.exists() else default


def figure(name, value, unit, target="", is_met=None):
    return {"name": name, "value": value, "unit": unit, "target": target, "is_met": is_met}


figures, rows = [], []
log = folder / "driver.log"
gpus = [line.strip() for line in log.read_text().splitlines()] if log.exists() else []
xml = folder / "contract.xml"
if xml.exists():
    suite = next(ElementTree.parse(xml).getroot().iter("testsuite"))
    failed = int(suite.get("failures")) + int(suite.get("errors"))
    skipped = int(suite.get("skipped"))
    passed = int(suite.get("tests")) - failed - skipped
    figures.append(figure("NVML contract on the driver: passed", passed, "tests", "> 0", passed > 0))
    figures.append(figure("NVML contract on the driver: failed", failed, "tests", "== 0", failed == 0))
    figures.append(figure("NVML contract on the driver: skipped", skipped, "tests"))
table = folder / "perf.csv"
if table.exists():
    lines = (line for line in table.read_text().splitlines() if not line.startswith("#"))
    profiled = list(csv.DictReader(lines))
    rows += [{"part": "profile", **row} for row in profiled]
    figures.append(figure("networks profiled", len({r["model"] for r in profiled}), "networks", ">= 3", len({r["model"] for r in profiled}) >= 3))
load = read("load.json", None)
if load is not None:
    rows.append({"part": "load", "rate_rps": float(rate), **load})
    if "num_failed" in load:
        figures.append(figure("service under load: failed requests", load["num_failed"], "requests", "== 0", load["num_failed"] == 0))
for code in sorted(folder.glob("*.code")):
    ended = int(code.read_text())
    row = {"part": code.stem, "exit_code": ended}
    if ended:
        row["last_lines"] = (folder / f"{code.stem}.log").read_text().splitlines()[-8:]
    rows.append(row)
record = {
    "bench": "gpu_serving",
    "is_quick": False,
    "is_try_without_gpu": is_try == "1",
    "engine": engine,
    "machine": {
        "kind": "; ".join(gpus) or "no GPU",
        "processor": platform.processor() or platform.machine(),
        "system": platform.platform(),
        **read("devices.json", {}),
    },
    "versions": {n: version(n) for n in ("heddle-gpu", "nvidia-ml-py", "onnxruntime-gpu", "onnxruntime", "torch", "numpy")},
    "seed": 0,
    "date": today(),
    "figures": figures,
    "rows": rows,
}
write_text(result, json.dumps(record, indent=1) + "\n")
print(result)
for each in figures:
    print(f'{each["name"]}: {each["value"]} {each["unit"]}', "" if each["is_met"] is None else "met" if each["is_met"] else "NOT MET")
PYTHON_END
