"""The paper as twelve numbered steps, each a few of the project's public commands."""

from collections.abc import Sequence

from exp_classif_eval.datasets import DATASETS
from exp_train_model.experiment_sizes import model_selectors, reference_selector
from features.files import TYPE_OPTIONS
from reproduction.runner import NumberedStep
from reproduction.scope import DEMO_CLASSIFIER, Reproduction
from transcoder.files import sound_path
from transcoder.names import TAU_FOLDER, demo_name, real_name

_FORMATS = ("--ext", "png", "html", "csv", "json")
_RUN = ("-c", "-S", "--renew")
"""Skip settings that are done; run those again that were made from something else."""

_SMALL_TOKENS = "token_width=96+token_layers=3"

_DEMO_MODELS = (
    (
        "cnn_demo/dataset=DEMO-full+classifier=YamNet+epoch={epoch}+learning_rate=-3"
        "+kernel_size=5+nb_layers=5+dilation=1+nb_channels=16",
        10,  # epochs are enough for CNN-mels
    ),
    (
        "hybridts_small_demo/dataset=DEMO-full+classifier=YamNet+epoch={epoch}+learning_rate=-3"
        "+nb_channels=16",
        100,
    ),
    ("direct_demo/dataset=DEMO-full+classifier=YamNet+epoch={epoch}+" + _SMALL_TOKENS, 20),
    ("textured_demo/dataset=DEMO-full+classifier=YamNet+epoch={epoch}+" + _SMALL_TOKENS, 20),
)
"""Models of a size that a CPU trains in minutes, with their epochs."""

_DEMO_TEXTURE = "reference_open_demo/transcoder=texture+dataset=DEMO-full"


def steps_of(r: Reproduction) -> list[NumberedStep]:
    """All twelve steps in order."""
    return [*_preparation(r), *_training(r), *_classification(r), *_figures_and_audio(r)]


DEMO_SECONDS = dict(enumerate((4, 66, 9, 20, 740, 7, 6, 25, 8, 18, 15, 6), start=1))
"""What the demo's steps took, of its usual size, on two cores of an AMD EPYC
(``results/run_log.json``)."""

QUICK_SECONDS = {2: 10, 3: 3, 4: 3, 5: 7, 6: 6, 7: 5, 12: 5}
"""The same of ``--demo --quick``."""


def forecast(r: Reproduction, steps: Sequence[NumberedStep]) -> str:
    """What a run will do, and about how long it takes where that was measured."""
    usual = Reproduction(demo=True)
    if r.quick:
        title, measured = "the quick demo's steps", QUICK_SECONDS
    elif r.demo and (r.demo_size, r.demo_epochs) == (usual.demo_size, usual.demo_epochs):
        title, measured = "the demo's steps", DEMO_SECONDS
    else:
        title = "the demo's steps, of another size: no times are known"
        title = title if r.demo else "the paper's steps; hours to days, by the hardware"
        return "\n".join((f"{title}:", *(f" {s.number:2} {s.name}" for s in steps)))
    seconds = [measured.get(step.number) for step in steps]
    lines = [
        f" {step.number:2} {step.name}" + ("" if s is None else f": {s} s")
        for step, s in zip(steps, seconds, strict=True)
    ]
    total = sum(filter(None, seconds))
    told = f"{total} s" if total < 100 else f"{total / 60:.0f} min"
    return "\n".join((f"{title}; {told} in all on two cores, by step:", *lines))


def report_command(r: Reproduction) -> tuple[str, ...]:
    """What puts everything together at the end."""
    return (
        *("-m", "reproduction.report", "--results", str(r.results), "--audio", str(r.audio)),
        *("--train_experiment", str(r.train_experiment), "--train_export", str(r.results)),
        *("--classif_experiment", str(r.classif_experiment), "--classif_export", str(r.results)),
    )


def _preparation(r: Reproduction) -> list[NumberedStep]:
    if r.demo:
        # no network: shows which weights are there; the embedded ones serve where none is
        models = ("download_pretrained_models.py", "--list")
        datasets = ("-l", "DEMO", "--size", f"{r.demo_size:g}", "--output", str(r.work))
    else:
        models = ("download_pretrained_models.py",)
        datasets = ("-l", "TAU,URBAN-SOUND-8K,SONYC-UST", "--output", str(r.sounds))
    features = tuple(
        (
            *(
                "exp_train_model/create_mel_tho_dataset.py",
                *TYPE_OPTIONS[real_name(dataset)].split(),
            ),
            *("--audio_dataset_path", str(r.sounds), "--output_path", str(r.work / "features")),
            # the audio may have changed under the same settings: the runner has noticed it
            *(("--overwrite",) if r.demo else ()),
        )
        for dataset in r.datasets
    )
    return [
        NumberedStep(1, "models", (models,)),
        NumberedStep(
            2,
            "data sets",
            (("download_datasets.py", *datasets),),
            writes=tuple(r.sounds / name for name in (TAU_FOLDER, *DATASETS)),
        ),
        NumberedStep(
            3,
            "paired features",
            features,
            reads=(r.sounds / TAU_FOLDER,),
            writes=tuple(r.work / "features" / dataset for dataset in r.datasets),
        ),
    ]


def _training(r: Reproduction) -> list[NumberedStep]:
    experiment = r.train_experiment
    main = (
        *("exp_train_model/main_doce_training.py", "--experiment_path", str(experiment)),
        *("--data_path", str(r.work / "features"), "--device", r.device),
    )
    references = [reference_selector(d, c) for d in r.datasets for c in r.classifiers]
    if r.demo:
        references.append(f"{_DEMO_TEXTURE}+classifier={DEMO_CLASSIFIER}")
    models = _trained_models(r)
    features = tuple(r.work / "features" / dataset for dataset in r.datasets)
    oracle = experiment / "output" / "*transcoder=oracle*"
    trained = experiment / "model"
    return [
        NumberedStep(
            4,
            "reference plan",
            ((*main, *_RUN, *_selectors(references)),),
            reads=features,
            writes=(oracle, experiment / "output" / "*transcoder=pinv*"),
        ),
        NumberedStep(
            5,
            "training",
            # a training that was stopped goes on
            ((*main, *_RUN, "-D", *_selectors(models, step="train")),),
            reads=(*features, oracle),
            writes=(trained,),
        ),
        NumberedStep(
            6,
            "evaluation and metrics",
            tuple(
                (*main, *_RUN, "-D", *_selectors(models, step=step))
                for step in ("evaluate", "metric")
            ),
            reads=(*features, oracle, trained),
            writes=(experiment / "metric",),
        ),
        NumberedStep(
            7,
            "training tables and curves",
            _tables_and_curves(r, models),
            reads=(experiment / "metric", experiment / "loss"),
            writes=(r.results / "results_training_*", r.results / "*_curve.png"),
        ),
    ]


def _trained_models(r: Reproduction) -> list[str]:
    """Selectors, one for each model."""
    if r.demo:
        return [m.format(epoch=min(n, r.demo_epochs)) for m, n in _DEMO_MODELS]
    return [
        selector
        for dataset in r.datasets
        for selector in model_selectors(r.exp_type, dataset, classifiers=r.classifiers)
    ]


def _tables_and_curves(r: Reproduction, models: list[str]) -> tuple[tuple[str, ...], ...]:
    rows = _selectors([_DEMO_TEXTURE, *models]) if r.demo else ("--experiment_size", r.exp_type)
    where = ("--experiment_path", str(r.train_experiment), "--output", str(r.results))
    dataset = r.datasets[0] if r.demo else "full"
    return (
        (
            *("exp_train_model/export_experiment_results.py", *where, *_FORMATS),
            *("--classifier", *r.classifiers, "--dataset", dataset, *rows),
        ),
        ("exp_train_model/plot_training_curve.py", *where, *_selectors(models)),
    )


def _classification(r: Reproduction) -> list[NumberedStep]:
    experiment, probabilities = r.classif_experiment, r.work / "classif_probabilities"
    compute = tuple(
        (
            *("exp_classif_eval/create_logit_dataset.py", "--audio_dataset_name", dataset),
            *("--audio_dataset_path", str(r.sounds), "--output_path", str(probabilities)),
            *("--models", str(r.models), "--device", r.device, "--classifier", *r.classifiers),
            *(("--overwrite",) if r.demo else ()),
        )
        for dataset in DATASETS
    )
    score = (
        *("exp_classif_eval/main_doce_score.py", "--experiment_path", str(experiment)),
        *("--audio_dataset_path", str(r.sounds), "--data_path", str(probabilities)),
        *("--device", r.device, *_RUN, *_selectors(_classification_plans(r))),
    )
    export = (
        "exp_classif_eval/export_classification_results.py",
        *("--dataset", *(demo_name(d) if r.demo else d for d in DATASETS)),
        *("--experiment_path", str(experiment), "--output", str(r.results), *_FORMATS),
    )
    labels = tuple(r.sounds / dataset for dataset in DATASETS)
    scores = (experiment / "metrics", experiment / "predictions")
    tables = (r.results / "results_classif_*", r.results / "classes_*")
    return [
        NumberedStep(8, "class probabilities", compute, (*labels, r.models), (probabilities,)),
        NumberedStep(9, "classification plans", (score,), (probabilities, *labels), scores),
        NumberedStep(10, "classification tables", (export,), scores, tables),
    ]


def _classification_plans(r: Reproduction) -> list[str]:
    """Selectors, one for each plan and classifier."""
    plans = ["reference", "deep", "reference_extra", "deep_extra"]
    if r.demo:
        plans = [f"{plan}_demo" for plan in (*plans, "reference_open", "deep_open")]
    return [f"{plan}/classifier={c}" for plan in plans for c in r.classifiers]


def _figures_and_audio(r: Reproduction) -> list[NumberedStep]:
    figures = [
        (
            *("plot_spectro_dcase2023.py", "--classifier", classifier),
            *("--models", str(r.models), "--output", str(r.results)),
        )
        for classifier in r.classifiers
    ]
    figures.append(("plot_thirdo_mel_bands_repartition.py", "--output", str(r.results)))
    figures.append(("bit_rate_calculation.py", "--output", str(r.results)))
    if r.demo:
        figures.append(("-m", "demo_scenes.figure", "--output", str(r.results / "demo_scenes.png")))
    sample = "street_scene.wav"
    audio = tuple(
        (
            *("generate_audio.py", sample, "--classifier", classifier, "--device", r.device),
            *("--models", str(r.models), "--output", str(r.audio)),
        )
        for classifier in r.classifiers
    )
    return [
        NumberedStep(
            11,
            "figures",
            tuple(figures),
            reads=(r.models,),
            writes=tuple(
                r.results / name for name in ("spectro*", "thirdo*", "bit_rate*", "demo_scenes*")
            ),
        ),
        NumberedStep(
            12,
            "audio",
            audio,
            reads=(r.models, sound_path(sample)),
            writes=(r.audio,),
        ),
    ]


def _selectors(selectors: list[str], *, step: str | None = None) -> list[str]:
    """``-s`` options; with ``step``, of that step alone."""
    words = []
    for selector in selectors:
        plan, _, factors = selector.partition("/")
        words += ["-s", selector if step is None else f"{plan}/step={step}+{factors}"]
    return words
