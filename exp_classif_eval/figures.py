"""Figures of the classification experiment: confusion matrix and precision-recall curves."""

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve

from exp_classif_eval.scores import auprc


def confusion_figure(
    matrix: NDArray[np.int64],
    files_of_class: NDArray[np.int64],
    class_names: Sequence[str],
    title: str,
) -> Figure:
    """The counts of `scores.confusion_matrix`, shaded by their share of the row's files.

    Parameters
    ----------
    matrix
        ``(n_classes, n_classes)``: files that have class i (row) and were given class j (column).
    files_of_class
        ``(n_classes,)``: files that have each class.
    """
    n_classes = len(class_names)
    share = matrix / np.maximum(files_of_class, 1)[:, np.newaxis]
    figure = Figure(figsize=(3.5 + 0.6 * n_classes, 2 + 0.5 * n_classes), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (i, j), count in np.ndenumerate(matrix):
        if count:
            colour = "white" if share[i, j] > 0.5 else "black"
            axes.text(j, i, str(count), ha="center", va="center", color=colour, fontsize=8)
    rows = [f"{name} ({count})" for name, count in zip(class_names, files_of_class, strict=True)]
    axes.set_xticks(range(n_classes), class_names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(n_classes), rows)
    axes.set_xlabel("class given")
    axes.set_ylabel("class of the file (number of files)")
    axes.set_title(title)
    figure.colorbar(image, ax=axes, label="share of the files of the row's class")
    return figure


def precision_recall_figure(
    scores: NDArray, labels: NDArray, class_names: Sequence[str], title: str
) -> Figure:
    """One curve for each class that some file has, with the area below it.

    ``scores`` and ``labels`` are ``(n_files, n_classes)``. A grey line shows the precision of
    guessing, the mean over classes of the share of files with the class.
    """
    areas = auprc(scores, labels)
    colours = colormaps["tab10"].colors
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    for k, name in enumerate(class_names):
        if not np.isnan(areas[k]):
            precision, recall, _ = precision_recall_curve(labels[:, k], scores[:, k])
            colour, line = colours[k % 10], ("-", "--")[k // 10 % 2]
            axes.plot(recall, precision, line, color=colour, label=f"{name}: {areas[k]:.2f}")
    present = labels.any(axis=0)
    if present.any():
        guessing = labels[:, present].mean()
        axes.axhline(guessing, color="grey", linestyle=":", label=f"guessing: {guessing:.2f}")
        mean = f"area under the curve\nmean {np.nanmean(areas):.3f}"
        figure.legend(loc="outside right upper", title=mean)
    axes.set(xlim=(0, 1.01), ylim=(0, 1.02), xlabel="recall", ylabel="precision", title=title)
    axes.grid(alpha=0.3)
    return figure
