"""A plan as one picture: what is claimed, every GPU cut into instances, every SLO.

Written by ``heddle plan --svg``; ``plan_text`` says the same in a terminal. Small
plans are drawn roomy, for a slide; large ones dense, with identical GPUs as one bar
and, beyond some hundred bars, the rest counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from heddle.cluster.certificate import Certificate
from heddle.cluster.deployment import Deployment
from heddle.cluster.gpu_type import GpuType
from heddle.drawing.certificate_text import (
    certificate_notes,
    certificate_sentence,
    saving_sentence,
)
from heddle.drawing.figures import duration_text, objective_text, percent_text
from heddle.drawing.gpu_bar import BarStyle
from heddle.drawing.gpu_groups import GpuGroup, gpu_groups
from heddle.drawing.gpu_panel import GpuPanel
from heddle.drawing.palette import BOUND, HATCH, NOTHING_FITS, RULE, definitions
from heddle.drawing.plan_sizes import DENSE, DENSE_ROWS, ROOMY, PlanSizes
from heddle.drawing.service_figures import ServiceFigures, largest_first, service_figures
from heddle.drawing.service_looks import ServiceLooks
from heddle.drawing.service_panel import ServicePanel
from heddle.drawing.svg import Box, Page, Point, Stroke, document, label, line, rect
from heddle.drawing.typography import FAINT, Font, text_width, wrapped
from heddle.units import plural

_MAX_ROOMY_GROUPS = 16
_MAX_ROOMY_SERVICES = 13
_MAX_SERVICES = 36
_FREE = "free"
_LIMIT = "required rate, latency limit"


@dataclass(frozen=True, slots=True)
class _Tile:
    """A figure in the header and what it is."""

    value: str
    caption: str


def plan_svg(
    deployment: Deployment,
    type_of: Callable[[str], GpuType],
    title: str,
    whole: float | None = None,
) -> str:
    """Return the picture of a deployment as SVG text.

    Parameters
    ----------
    type_of
        Returns the GPU type of a name, such as ``Catalogue.get``.
    whole
        What whole GPUs would cost for the same services, in the unit of the
        certificate's objective; None leaves the comparison out.

    Raises
    ------
    InputError
        A GPU type is unknown or has no published starts, or a profile is not its own.
    """
    groups = gpu_groups(deployment)
    figures = service_figures(deployment)
    sizes = _sizes_for(groups, figures)
    ranked = largest_first(figures, _MAX_SERVICES)
    shown, left_out = ranked[:_MAX_SERVICES], ranked[_MAX_SERVICES:]
    looks = ServiceLooks(figure.name for figure in shown)
    services = ServicePanel(shown, left_out, looks, sizes)
    style = BarStyle(sizes, looks, deployment.services)
    gpus = GpuPanel(groups, type_of, style, max(services.height, sizes.max_panel_height))

    header = _Header(deployment, type_of, title, whole, sizes)
    top = header.height
    bottom = top + max(services.height, gpus.height)
    footer = _Footer(deployment.certificate, sizes)
    left = sizes.margin
    right = left + sizes.gpu_width + sizes.panel_gap
    body = [
        *header.draw(),
        *gpus.draw(Point(left, top)),
        *services.draw(Point(right, top)),
        *footer.draw(bottom),
    ]
    page = Page(sizes.page_width, bottom + footer.height, title, _description(deployment))
    return document(page, definitions(), body)


def _sizes_for(groups: Sequence[GpuGroup], figures: Sequence[ServiceFigures]) -> PlanSizes:
    num_types = len({group.gpu_type for group in groups})
    if len(groups) + num_types - 1 > _MAX_ROOMY_GROUPS:
        return DENSE
    return ROOMY if len(figures) <= _MAX_ROOMY_SERVICES else DENSE_ROWS


def _description(deployment: Deployment) -> str:
    claim = certificate_sentence(deployment.certificate) if deployment.certificate else ""
    served = plural(len(deployment.services), "service")
    return f"{plural(deployment.num_gpus, 'GPU')} serving {served}. {claim}".rstrip()


class _Header:
    """Title, certificate in a sentence, and the figures that it rests on."""

    def __init__(
        self,
        deployment: Deployment,
        type_of: Callable[[str], GpuType],
        title: str,
        whole: float | None,
        sizes: PlanSizes,
    ) -> None:
        self._title = title
        self._sizes = sizes
        self._claim = Font(sizes.medium + 3)
        self._tiles = _tiles(deployment, type_of)
        sentences = []
        if deployment.certificate is not None:
            kind = deployment.certificate.objective_kind
            sentences.append(certificate_sentence(deployment.certificate))
            if whole is not None:
                sentences.append(saving_sentence(deployment.certificate.objective, whole, kind))
        self._lines = [
            text
            for sentence in sentences
            for text in wrapped(sentence, self._width, self._claim, 2)
        ]

    @property
    def height(self) -> float:
        """Down to where the panels begin."""
        return self._tiles_top + 54

    def draw(self) -> Iterator[str]:
        """Yield the elements."""
        sizes = self._sizes
        title = Font(sizes.large, is_bold=True)
        x = sizes.margin
        yield label(Point(x, 26 + sizes.large), self._title, title, max_width=self._width)
        y = 26 + sizes.large
        for text in self._lines:
            y += self._claim.size + 9
            yield label(Point(x, y), text, self._claim)
        yield from self._draw_tiles(self._tiles_top)

    @property
    def _width(self) -> float:
        return self._sizes.page_width - 2 * self._sizes.margin

    @property
    def _tiles_top(self) -> float:
        return 26 + self._sizes.large + len(self._lines) * (self._claim.size + 9) + 18

    def _draw_tiles(self, top: float) -> Iterator[str]:
        """Yield figures side by side, each over its caption."""
        sizes = self._sizes
        value = Font(sizes.medium + 5, is_bold=True)
        x = sizes.margin
        for tile in self._tiles:
            width = max(text_width(tile.value, value), text_width(tile.caption, sizes.remark))
            if x + width > sizes.page_width - sizes.margin:
                break
            yield label(Point(x, top + value.size), tile.value, value)
            yield label(Point(x, top + value.size + 16), tile.caption, sizes.remark)
            x += width + 34


def _tiles(deployment: Deployment, type_of: Callable[[str], GpuType]) -> list[_Tile]:
    gpus = _counted(deployment.num_gpus, "GPU")
    num_instances = sum(len(gpu.instances) for gpu in deployment.configurations)
    rest = [
        _counted(len(deployment.services), "service"),
        _counted(num_instances, "instance"),
        _Tile(percent_text(_part_in_use(deployment, type_of)), "of memory units in use"),
    ]
    certificate = deployment.certificate
    return [gpus, *(_certificate_tiles(certificate) if certificate else []), *rest]


def _counted(count: int, noun: str) -> _Tile:
    return _Tile(*plural(count, noun).split(" ", 1))


def _certificate_tiles(certificate: Certificate) -> list[_Tile]:
    kind = certificate.objective_kind
    unit = ", per hour" if kind == "price" else ""
    tiles = [
        _Tile(objective_text(certificate.lower_bound, kind), f"lower bound{unit}"),
        _Tile(
            objective_text(certificate.gap, kind),
            "gap, proved optimal" if certificate.is_proved_optimal else f"gap{unit}",
        ),
    ]
    if kind == "price":
        tiles.insert(0, _Tile(objective_text(certificate.objective, kind), "price per hour"))
    return tiles


def _part_in_use(deployment: Deployment, type_of: Callable[[str], GpuType]) -> float:
    """Return the part of all memory units that instances cover."""
    sizes: dict[tuple[str, str], int] = {}
    used = total = 0
    for configuration in deployment.configurations:
        gpu_type = type_of(configuration.gpu_type)
        gpu_type.require_plannable()
        total += gpu_type.memory_units or 0
        for instance in configuration.instances:
            key = (configuration.gpu_type, instance.profile)
            if key not in sizes:
                sizes[key] = gpu_type.profile(instance.profile).size or 0
            used += sizes[key]
    return used / total if total else 0.0


class _Footer:
    """What the signs mean, what limits the claim, and how the plan was found."""

    def __init__(self, certificate: Certificate | None, sizes: PlanSizes) -> None:
        self._sizes = sizes
        width = sizes.page_width - 2 * sizes.margin
        notes = certificate_notes(certificate) if certificate else ()
        self._notes = [text for note in notes[:4] for text in wrapped(note, width, sizes.remark, 2)]
        self._maker = _maker_text(certificate) if certificate else ""

    @property
    def height(self) -> float:
        """Down to the end of the page."""
        return 64 + len(self._notes) * (self._sizes.small + 5)

    def draw(self, top: float) -> Iterator[str]:
        """Yield the elements below ``top``."""
        sizes = self._sizes
        x, right = sizes.margin, sizes.page_width - sizes.margin
        yield line(Point(x, top + 10), Point(right, top + 10), Stroke(RULE))
        baseline = top + 34.0
        yield from _legend(Point(x, baseline), sizes)
        yield label(
            Point(right, baseline),
            self._maker,
            Font(sizes.small, colour=FAINT),
            anchor="end",
            max_width=(right - x) * 0.4,
        )
        baseline += 5
        for text in self._notes:
            baseline += sizes.small + 5
            yield label(Point(x, baseline), text, sizes.remark)


def _legend(at: Point, sizes: PlanSizes) -> Iterator[str]:
    frame = Stroke(RULE, 0.75)
    x = at.x
    for text in (_FREE, "free, but no profile can start there", _LIMIT):
        box = Box(x, at.y - 11, 22, 14)
        if text == _LIMIT:
            yield line(Point(box.middle, box.y), Point(box.middle, box.bottom), Stroke(BOUND, 2))
        else:
            yield rect(box, NOTHING_FITS, stroke=frame)
            if text == _FREE:
                yield rect(box, HATCH)
        yield label(Point(box.right + 6, at.y), text, sizes.remark)
        x = box.right + 6 + text_width(text, sizes.remark) + 22
    text = "× n: n identical GPUs; numbers in boxes: services"
    yield label(Point(x, at.y), text, sizes.remark)


def _maker_text(certificate: Certificate) -> str:
    return (
        f"heddle · solver {certificate.solver} · seed {certificate.seed} · "
        f"{duration_text(certificate.wall_s)}"
    )
