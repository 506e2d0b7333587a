"""How far a student's class probabilities follow its teacher's."""

import torch
from torch import Tensor
from torch.nn import functional

_HEARD = 0.1  # a class counts as heard where the teacher gives it at least this probability


def agreement(student: Tensor, teacher: Tensor) -> dict[str, float | int]:
    """Compare probabilities ``(chunks, classes)`` of the same chunks.

    Returns
    -------
    dict
        ``chunks``; ``top1``: share of the chunks whose most probable class is the same;
        ``top1_in_top5``: share whose teacher's most probable class is among the student's five;
        ``bce``: mean binary cross-entropy in nats, and ``bce_floor``, that of the teacher with
        itself, which no student can beat; ``class_correlation``: mean over the classes of the
        correlation over the chunks, for the ``classes_heard`` (at least 0.1 somewhere), and
        ``class_correlation_all`` for all classes that vary.
    """
    student, teacher = student.double(), teacher.double()
    best = teacher.argmax(dim=1)
    correlation = _correlation(student, teacher)
    heard = (teacher.max(dim=0).values >= _HEARD) & correlation.isfinite()
    return {
        "chunks": len(teacher),
        "top1": _mean(student.argmax(dim=1) == best),
        "top1_in_top5": _mean((student.topk(5).indices == best[:, None]).any(dim=1)),
        "bce": float(functional.binary_cross_entropy(student, teacher)),
        "bce_floor": float(functional.binary_cross_entropy(teacher, teacher)),
        "class_correlation": _mean(correlation[heard]),
        "classes_heard": int(heard.sum()),
        "class_correlation_all": _mean(correlation[correlation.isfinite()]),
    }


def _correlation(a: Tensor, b: Tensor) -> Tensor:
    """Of each column; not a number where one does not vary."""
    a, b = a - a.mean(dim=0), b - b.mean(dim=0)
    return (a * b).sum(dim=0) / torch.sqrt(a.square().sum(dim=0) * b.square().sum(dim=0))


def _mean(values: Tensor) -> float:
    return float(values.double().mean())
