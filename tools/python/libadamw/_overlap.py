"""_overlap.py - refuses tensors that have elements in common: two threads would write them at once.

Views of one buffer that lie between each other (columns of a matrix) are apart, and accepted. Only what a step
writes is looked at; a gradient is read alone and may be anywhere.
"""
from __future__ import annotations

from typing import Iterable, Iterator, NamedTuple

import torch


class Span(NamedTuple):
    """The bytes from a tensor's first element to its last."""

    begin: int
    end: int
    name: str
    tensor: torch.Tensor


def is_dense(tensor: torch.Tensor) -> bool:
    """Whether the elements fill their span, each in a place of its own, in any order of the dimensions."""
    if tensor.is_contiguous():
        return True
    expected = 1
    for stride, size in sorted((stride, size) for stride, size in zip(tensor.stride(), tensor.shape) if size != 1):
        if stride != expected:
            return False
        expected *= size
    return True


def span_of(tensor: torch.Tensor, name: str) -> Span:
    begin = tensor.data_ptr()
    last = sum([(size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride())])
    return Span(begin, begin + (last + 1) * tensor.element_size(), name, tensor)


def clusters(spans: list[Span]) -> Iterator[list[Span]]:
    """Neighbours whose spans overlap, as lists; all others alone."""
    cluster: list[Span] = []
    end = 0
    for span in sorted(spans, key=lambda span: span[:2]):
        if cluster and span.begin >= end:
            yield cluster
            cluster = []
        cluster.append(span)
        end = max(end, span.end) if len(cluster) > 1 else span.end
    if cluster:
        yield cluster


def refuse(name: str, other: str) -> None:
    one, other = sorted((name, other), key=lambda text: (len(text), text))
    raise ValueError(f"{other} shares memory with {one}: each must have memory of its own")


def check_apart(tensors: Iterable[tuple[torch.Tensor, str]]) -> None:
    """Raises ValueError, with both names, where two tensors have an element in common or one has one twice."""
    spans = [span_of(tensor, name) for tensor, name in tensors if tensor.numel()]
    for cluster in clusters(spans):
        dense = [is_dense(span.tensor) for span in cluster]
        if len(cluster) == 1 and dense[0]:
            continue
        if len(cluster) > 1 and all(dense):  # whatever lies in the span of a dense tensor is an element of it
            refuse(cluster[0].name, cluster[1].name)
        check_elements(cluster)


def places_of(span: Span, marks: torch.Tensor, begin: int, unit: int) -> torch.Tensor:
    """The marks of a tensor's elements, each of which has as many as it has units."""
    units, tensor = span.tensor.element_size() // unit, span.tensor
    strides = [stride * units for stride in tensor.stride()]
    return marks.as_strided((*tensor.shape, units), (*strides, 1), (span.begin - begin) // unit)


def check_elements(cluster: list[Span]) -> None:
    """Marks each element in a map of the whole span."""
    begin, unit = cluster[0].begin, min(span.tensor.element_size() for span in cluster)
    marks = torch.zeros((max(span.end for span in cluster) - begin) // unit + 1, dtype=torch.bool)
    seen = 0
    for number, span in enumerate(cluster):
        places = places_of(span, marks, begin, unit)
        if (span.begin - begin) % unit or bool(places.any()):
            others = [other for other in cluster[:number] if other.end > span.begin]
            refuse(span.name, next((other for other in others if share(other, span)), cluster[0]).name)
        places.fill_(True)
        seen += places.numel()
        if not is_dense(span.tensor) and int(marks.sum()) != seen:
            raise RuntimeError(f"{span.name} has several elements in one place of memory (expand): clone() it first")


def share(one: Span, other: Span) -> bool:
    """Whether two tensors have an element in common; `one` begins first."""
    unit = min(one.tensor.element_size(), other.tensor.element_size())
    marks = torch.zeros((max(one.end, other.end) - one.begin) // unit + 1, dtype=torch.bool)
    places_of(one, marks, one.begin, unit).fill_(True)
    return bool(places_of(other, marks, one.begin, unit).any())
