"""What no cluster can run is refused with its place."""

from pathlib import Path

import pytest

from heddle.cluster.catalogue import builtin_catalogue
from heddle.cluster.deployment import Configuration, Deployment
from heddle.cluster.deployment_check import require_possible
from heddle.errors import InputError
from transition_cases import deployment, instance

FINE = deployment({"ant": 1.0}, {"gpu-0": [instance("3g.20gb", 0, "ant")]})


def test_a_possible_deployment_passes() -> None:
    require_possible(FINE, builtin_catalogue().get)


@pytest.mark.parametrize(
    ("configuration", "message"),
    [
        (Configuration("gpu-0", "n", "A100-40GB", ()), r"gpus\[1\]: GPU 'gpu-0' stands twice"),
        (Configuration("gpu-1", "n", "A100-40", ()), r"gpus\[1\]: unknown GPU type 'A100-40'"),
        (
            Configuration("gpu-1", "n", "A100-40GB", (instance("3g.20gb", 1, "ant"),)),
            r"gpus\[1\]: 3g.20gb at 1 on A100-40GB: it may start at 0, 4",
        ),
        (
            Configuration("gpu-1", "n", "A100-40GB", (instance("8g.20gb", 1, "ant"),)),
            r"gpus\[1\]: A100-40GB has no profile '8g.20gb'",
        ),
        (
            Configuration("gpu-1", "n", "A100-40GB", (instance("3g.20gb", 0, "aunt"),)),
            r"gpus\[1\]: gpu-1 runs service 'aunt', which is not listed \(did you mean 'ant'\?\)",
        ),
    ],
)
def test_what_is_wrong_is_named(configuration: Configuration, message: str) -> None:
    wrong = Deployment(FINE.services, (*FINE.configurations, configuration))
    with pytest.raises(InputError, match=f"from.json: {message}"):
        require_possible(wrong, builtin_catalogue().get, Path("from.json"))
