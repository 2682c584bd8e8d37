"""Networks of PyTorch on a GPU: a table of rates, and a server for the ``command`` engine.

``gpu_serving.sh`` uses it where ONNX Runtime has no CUDA. It shows what a user's own server
looks like to heddle: it listens at the port that it is given, says when it is ready, and
answers the Open Inference Protocol. It does not batch: what it serves is no measure of the
GPU, which the table is.
"""

# ruff: noqa: INP001  (a program beside the shell script that runs it, no package)
from __future__ import annotations

import argparse
import csv
import json
import statistics
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision

HEADER_LENGTH = "Inference-Header-Content-Length"
WARM_UP_RUNS = 10
IMAGE = (3, 224, 224)
WORDS = (128, 512)


def encoder() -> torch.nn.Module:
    """Return a BERT-like encoder: 4 layers of width 512 over 128 vectors."""
    layer = torch.nn.TransformerEncoderLayer(512, 8, 2048, batch_first=True)
    return torch.nn.TransformerEncoder(layer, 4)


NETWORKS = {
    "resnet18": (lambda: torchvision.models.resnet18(weights=None), IMAGE),
    "mobilenet_v2": (lambda: torchvision.models.mobilenet_v2(weights=None), IMAGE),
    "bert-small": (encoder, WORDS),
}


class Network:
    """A network with seeded random weights on a device."""

    def __init__(self, name: str, device: str) -> None:
        build, self.shape = NETWORKS[name]
        torch.manual_seed(0)
        self.name = name
        self.device = device
        self._module = build().eval().to(device)
        self._lock = threading.Lock()

    def run(self, batch: torch.Tensor) -> torch.Tensor:
        """Return the outputs, computed: the device has nothing left to do."""
        with self._lock, torch.inference_mode():
            return self._module(batch.to(self.device)).cpu()

    def batch(self, size: int) -> torch.Tensor:
        """Return random inputs."""
        return torch.rand(size, *self.shape)


def measured(network: Network, size: int, seconds: float) -> tuple[float, float, float]:
    """Return requests/s, and the p50 and p99 of one batch in ms; copies included."""
    batch = network.batch(size)
    for _ in range(WARM_UP_RUNS):
        network.run(batch)
    runs_ms: list[float] = []
    begin = time.perf_counter()
    while time.perf_counter() - begin < seconds:
        started = time.perf_counter()
        network.run(batch)
        runs_ms.append(1000 * (time.perf_counter() - started))
    rate_rps = size * len(runs_ms) / (time.perf_counter() - begin)
    return rate_rps, statistics.median(runs_ms), float(np.percentile(runs_ms, 99))


def profile(arguments: argparse.Namespace) -> None:
    """Write the performance table of all networks, one process on the whole GPU."""
    with arguments.output.open("w", newline="") as stream:
        stream.write(f"# PyTorch {torch.__version__} on {arguments.device}, one process\n")
        table = csv.writer(stream, lineterminator="\n")
        columns = "gpu,profile,model,batch,processes,rate_rps,latency_ms,percentile"
        table.writerow(columns.split(","))
        for name in NETWORKS:
            network = Network(name, arguments.device)
            for size in arguments.batches:
                rate_rps, p50_ms, p99_ms = measured(network, size, arguments.seconds)
                row = [
                    arguments.gpu,
                    "whole",
                    name,
                    size,
                    1,
                    f"{rate_rps:.2f}",
                    f"{p99_ms:.3f}",
                    99,
                ]
                table.writerow(row)
                print(
                    f"{name} x {size}: {rate_rps:.0f}/s, p50 {p50_ms:.2f} ms, p99 {p99_ms:.2f} ms"
                )


class Inference(BaseHTTPRequestHandler):
    """The Open Inference Protocol with binary tensors, for one network."""

    protocol_version = "HTTP/1.1"
    network: Network

    def do_GET(self) -> None:
        """Answer readiness and metadata."""
        entry = {"datatype": "FP32", "shape": [-1, *self.network.shape], "name": "input"}
        self._answer(json.dumps({"name": self.network.name, "inputs": [entry]}).encode(), {})

    def do_POST(self) -> None:
        """Answer an inference."""
        body = self.rfile.read(int(self.headers["content-length"]))
        length = int(self.headers.get(HEADER_LENGTH, len(body)))
        [entry] = json.loads(body[:length])["inputs"]
        if "data" in entry:
            values = np.array(entry["data"], dtype=np.float32)
        else:
            values = np.frombuffer(body[length:], dtype=np.float32).copy()
        outputs = self.network.run(torch.from_numpy(values.reshape(entry["shape"]))).numpy()
        raw = outputs.astype(np.float32).tobytes()
        described = {
            "name": "output",
            "datatype": "FP32",
            "shape": list(outputs.shape),
            "parameters": {"binary_data_size": len(raw)},
        }
        head = json.dumps({"model_name": self.network.name, "outputs": [described]}).encode()
        self._answer(head + raw, {HEADER_LENGTH: str(len(head))})

    def log_message(self, *_: Any) -> None:
        """Be quiet."""

    def _answer(self, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(200)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def serve(arguments: argparse.Namespace) -> None:
    """Serve one network until the process is ended; listen once it has run."""
    network = Network(arguments.network, arguments.device)
    network.run(network.batch(1))
    handler = type("Handler", (Inference,), {"network": network})
    ThreadingHTTPServer.daemon_threads = True
    ThreadingHTTPServer(("127.0.0.1", arguments.port), handler).serve_forever()


def main() -> None:
    """Read the command line and do it."""
    parser = argparse.ArgumentParser(description=__doc__)
    verbs = parser.add_subparsers(required=True)
    table = verbs.add_parser("profile")
    table.add_argument("--gpu", required=True, help="name of the GPU type")
    table.add_argument("--batches", type=int, nargs="+", default=[1, 8, 32])
    table.add_argument("--seconds", type=float, default=2.0, help="for each point")
    table.add_argument("--output", type=Path, required=True)
    table.set_defaults(act=profile)
    server = verbs.add_parser("serve")
    server.add_argument("--network", choices=NETWORKS, required=True)
    server.add_argument("--port", type=int, required=True)
    server.set_defaults(act=serve)
    for each in (table, server):
        each.add_argument("--device", default="cuda:0")
    arguments = parser.parse_args()
    arguments.act(arguments)


if __name__ == "__main__":
    main()
