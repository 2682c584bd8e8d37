"""``heddle verify``: check a deployment and its certificate independently."""

from __future__ import annotations

import argparse
from pathlib import Path

from heddle.cli.workload_arguments import with_fitted_points
from heddle.cluster.deployment_file import read_deployment
from heddle.verification.report import report_text
from heddle.verification.verifier import verify
from heddle.workload.files import load_workload


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``verify``."""
    parser.add_argument("workload", type=Path, metavar="WORKLOAD", help="workload.yaml")
    parser.add_argument("deployment", type=Path, metavar="DEPLOYMENT", help="deployment.json")


def run(arguments: argparse.Namespace) -> int:
    """Print the report; return 0 when the deployment is accepted, 1 when not."""
    workload = load_workload(arguments.workload)
    deployment = read_deployment(arguments.deployment)
    if deployment.certificate is not None and deployment.certificate.has_fitted_points:
        workload = with_fitted_points(workload)
    report = verify(workload, deployment)
    print(report_text(report))
    return 0 if report.is_accepted else 1
