"""What is reproduced, the paper or the demo, and where its files are."""

from dataclasses import dataclass
from pathlib import Path

from exp_train_model.plans import ABLATION_DATASETS
from transcoder.files import DATA_ROOT, EXPORT_ROOT, WORK_ROOT
from transcoder.names import demo_name

DEMO_CLASSIFIER = "YamNet"


@dataclass(frozen=True)
class Reproduction:
    """What to reproduce, and where to put it.

    ``demo``: the synthetic data, one classifier, small networks, few epochs. Otherwise the data
    sets and settings of the paper: ``exp_type`` "restricted" (its tables) or "detailed" (all of
    its plans).
    """

    demo: bool = False
    exp_type: str = "restricted"
    results: Path | None = None  # the folder of tables and figures; None: the usual one
    device: str = "auto"
    demo_size: float = 1.0
    demo_epochs: int = 100  # at most
    demo_work: Path | None = None  # None: the usual one
    quick: bool = False  # of the demo, for the words alone: the caller gives size and epochs

    def __post_init__(self) -> None:
        name = "demo_quick" if self.quick else "demo"
        if self.results is None:
            usual = EXPORT_ROOT / name if self.demo else EXPORT_ROOT
            object.__setattr__(self, "results", usual)
        if self.demo_work is None:
            object.__setattr__(self, "demo_work", DATA_ROOT / name)

    @property
    def mode(self) -> str:
        if self.demo:
            return "demo, quick" if self.quick else "demo"
        return self.exp_type

    @property
    def classifiers(self) -> tuple[str, ...]:
        return (DEMO_CLASSIFIER,) if self.demo else ("PANN", "YamNet")

    @property
    def datasets(self) -> tuple[str, ...]:
        """Data sets of the training experiment, as its plans name them."""
        if self.demo:
            return (demo_name("full"),)
        return tuple(ABLATION_DATASETS) if self.mode == "detailed" else ("full",)

    @property
    def work(self) -> Path:
        """Folder of what is computed; the demo's is apart from the real thing's."""
        return self.demo_work if self.demo else DATA_ROOT

    @property
    def sounds(self) -> Path:
        """Folder of the folders of the data sets."""
        return self.work / "DEMO" if self.demo else WORK_ROOT

    @property
    def train_experiment(self) -> Path:
        return self.work / "train_exp" if self.demo else WORK_ROOT / "exp_train_model/train_exp"

    @property
    def classif_experiment(self) -> Path:
        folder = WORK_ROOT / "exp_classif_eval/classif_exp"
        return self.work / "classif_exp" if self.demo else folder

    @property
    def models(self) -> Path:
        """Folder of the transcoders that step 5 trains."""
        return self.train_experiment / "model"

    @property
    def audio(self) -> Path:
        return self.work / "audio_generated" if self.demo else WORK_ROOT / "audio_generated"

    @property
    def required_gb(self) -> float:
        """Disk space that a run from the beginning takes."""
        return 1.0 if self.demo else 150.0
