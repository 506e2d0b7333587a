"""The two data sets of the classification experiment: names, classes, where their tables lie.

Sources: Salamon et al. 2014 (UrbanSound8K), Cartwright et al. 2020 (SONYC-UST v2).
"""

import dataclasses
from dataclasses import dataclass

from transcoder.errors import UsageError
from transcoder.names import DEMO, is_demo, real_name


@dataclass(frozen=True)
class Dataset:
    """What the experiment has to know about a data set."""

    name: str  # as in the plans, and the folder's name
    metadata: str  # the table of labels, below the data set's folder
    class_names: tuple[str, ...]  # as in that table, in the order of the label columns
    first_class_id: int  # how the data set counts its classes
    multi_label: bool  # several classes may be present in a file, or none
    group_column: str  # of `transcoder.audioset.AudioSetClass`; key of its table of groups

    @property
    def n_classes(self) -> int:
        return len(self.class_names)

    @property
    def main_metric(self) -> str:
        """What the publication scores the data set by."""
        return "macro_auprc" if self.multi_label else "acc_classif"

    @property
    def short_name(self) -> str:
        """In names of tables and figures; DEMO's end with its name."""
        short = real_name(self.name).replace("-", "").lower()
        return f"{short}_{DEMO}" if is_demo(self.name) else short

    @property
    def class_ids(self) -> range:
        return range(self.first_class_id, self.first_class_id + self.n_classes)


URBANSOUND8K = Dataset(
    name="URBAN-SOUND-8K",
    metadata="metadata/UrbanSound8K_recalculated.csv",
    class_names=(
        "air_conditioner",
        "car_horn",
        "children_playing",
        "dog_bark",
        "drilling",
        "engine_idling",
        "gun_shot",
        "jackhammer",
        "siren",
        "street_music",
    ),
    first_class_id=0,
    multi_label=False,
    group_column="urbansound8k",
)

SONYC_UST = Dataset(
    name="SONYC-UST",
    metadata="annotations.csv",
    class_names=(
        "engine",
        "machinery-impact",
        "non-machinery-impact",
        "powered-saw",
        "alert-signal",
        "music",
        "human-voice",
        "dog",
    ),
    first_class_id=1,
    multi_label=True,
    group_column="sonyc_ust",
)

DATASETS = {dataset.name: dataset for dataset in (URBANSOUND8K, SONYC_UST)}


def dataset(name: str) -> Dataset:
    """The data set of that name, DEMO's too; `UsageError` for another name."""
    try:
        return dataclasses.replace(DATASETS[real_name(name)], name=name)
    except KeyError:
        allowed = " or ".join(DATASETS)
        raise UsageError(f"unknown data set {name!r}: choose {allowed}") from None
