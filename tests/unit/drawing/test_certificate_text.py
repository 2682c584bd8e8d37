"""The certificate in one sentence: each kind of claim, each basis."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drawing_cases import certificate
from heddle.cluster.certificate import BoundBasis
from heddle.drawing.certificate_text import (
    certificate_notes,
    certificate_sentence,
    gap_text,
    saving_sentence,
)


def test_an_optimal_plan_says_that_one_gpu_less_is_impossible() -> None:
    assert certificate_sentence(certificate(15, 15)) == "15 GPUs; no plan with 14 exists."
    assert certificate_sentence(certificate(50_303, 50_303)) == (
        "50,303 GPUs; no plan with 50,302 exists."
    )


def test_a_single_gpu_cannot_be_beaten() -> None:
    assert certificate_sentence(certificate(1, 1)) == "1 GPU; no plan needs less."


def test_a_gap_is_stated_with_its_bound() -> None:
    assert certificate_sentence(certificate(15, 13)) == (
        "15 GPUs, at most 2 (15.4 %) above the best possible (bound 13)."
    )


def test_a_bound_of_nothing_gives_no_percentage() -> None:
    assert certificate_sentence(certificate(1, 0)) == (
        "1 GPU, at most 1 above the best possible (bound 0)."
    )


def test_a_plan_at_its_bound_that_is_not_proved_is_not_called_optimal() -> None:
    unproved = replace(certificate(15, 15), is_proved_optimal=False)
    assert certificate_sentence(unproved) == (
        "15 GPUs, at most 0 above the best possible (bound 15)."
    )


def test_prices_have_no_currency() -> None:
    optimal = certificate(41.6, 41.6, objective_kind="price")
    assert certificate_sentence(optimal) == "Price 41.60 per hour; no plan is cheaper."
    gap = certificate(41.6, 39.5, objective_kind="price")
    assert certificate_sentence(gap) == (
        "Price 41.60 per hour, at most 2.10 (5.3 %) above the best possible (bound 39.50)."
    )


@pytest.mark.parametrize(
    ("price_bound", "words"),
    [
        (14, "(the last GPU of the bound rests on complete search)"),
        (12, "(the last 3 GPUs of the bound rest on complete search)"),
    ],
)
def test_what_rests_on_search_is_named(price_bound: float, words: str) -> None:
    claim = certificate(15, 15, BoundBasis.SEARCH, price_bound)
    assert certificate_sentence(claim) == f"15 GPUs; no plan with 14 exists {words}."


def test_search_that_added_nothing_is_not_named() -> None:
    claim = certificate(15, 15, BoundBasis.SEARCH, 15)
    assert certificate_sentence(claim) == "15 GPUs; no plan with 14 exists."


def test_the_basis_stands_with_the_bound_when_there_is_a_gap() -> None:
    claim = certificate(16, 15, BoundBasis.SEARCH, 14)
    assert certificate_sentence(claim) == (
        "16 GPUs, at most 1 (6.7 %) above the best possible "
        "(bound 15; the last GPU of the bound rests on complete search)."
    )


def test_search_on_prices_says_what_prices_alone_prove() -> None:
    claim = certificate(41.6, 41.6, BoundBasis.SEARCH, 40.0, "price")
    assert certificate_sentence(claim) == (
        "Price 41.60 per hour; no plan is cheaper "
        "(the prices alone prove 40.00; the rest of the bound rests on complete search)."
    )


def test_spread_is_named_as_basis() -> None:
    claim = certificate(6, 6, BoundBasis.SPREAD, 4)
    assert certificate_sentence(claim) == (
        "6 GPUs; no plan with 5 exists "
        "(the bound is the number of GPUs over which one service must be spread)."
    )


def test_fitted_points_are_noted_once() -> None:
    fitted = replace(certificate(), has_fitted_points=True, notes=("A note.",))
    assert certificate_notes(fitted) == (
        "A note.",
        "Some operating points come from a fitted model and were never measured.",
    )
    said = replace(fitted, notes=("3 instances use fitted points.",))
    assert certificate_notes(said) == ("3 instances use fitted points.",)
    assert certificate_notes(certificate()) == ()


@pytest.mark.parametrize(
    ("objective", "whole", "sentence"),
    [
        (15, 19, "4 GPUs (21.1 %) fewer than the 19 whole GPUs that the same services need."),
        (1, 2, "1 GPU (50.0 %) fewer than the 2 whole GPUs that the same services need."),
        (21, 19, "2 GPUs (10.5 %) more than the 19 whole GPUs that the same services need."),
        (1, 1, "No saving against the 1 whole GPU that the same services need."),
    ],
)
def test_the_saving_in_gpus_is_a_sentence(objective: float, whole: float, sentence: str) -> None:
    assert saving_sentence(objective, whole) == sentence


def test_the_saving_in_price_is_a_sentence() -> None:
    assert saving_sentence(41.6, 51.8, "price") == (
        "10.20 per hour (19.7 %) cheaper than the 51.80 per hour of whole GPUs "
        "for the same services."
    )
    assert "dearer" in saving_sentence(52, 51.8, "price")


def test_a_gap_of_nothing_has_no_percentage() -> None:
    assert gap_text(certificate(15, 15)) == "0"
    assert gap_text(certificate(20, 16)) == "4 (25.0 %)"
