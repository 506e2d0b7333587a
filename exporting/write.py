"""What export_model.py writes, of each kind; a file appears only if it answers as PyTorch does."""

import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
import yaml

from archives.networks import load_networks
from exporting.graph import LevelsToClasses, exported_program
from exporting.metadata import describe
from transcoder.checkpoint_choice import find_checkpoint
from transcoder.errors import UsageError, UserError
from transcoder.files import atomic_path, atomic_write_text
from transcoder.names import CLASS_METHODS, FACTORS_OF_METHODS
from transcoder.weights import SAFETENSORS, load_state, save_state

TOLERANCE = 1e-4
"""How far an exported file's probabilities, and Mels relative to the largest, may be off."""

_CHECKED_S = 48
_ON_CARDS = ("precision", "classifier", "inputs", "outputs", "draws", "noise_s")


def export(args) -> Iterator[str]:
    """Write what the arguments of export_model.py ask for; lines that say what was written."""
    found, network, about = load_networks(
        args.classifier,
        args.method,
        models=args.models,
        weights=args.classifier_weights,
        draws=args.draws,
    )
    checkpoint = None
    if args.method in FACTORS_OF_METHODS:
        checkpoint = find_checkpoint(
            args.models, classifier=args.classifier, method=args.method, judge=network
        )
    _refuse_overwriting(args.output, [checkpoint, args.classifier_weights, args.calibration_levels])
    if args.output.suffix not in (".onnx", ".pt2"):
        yield from write_weights(args.output, checkpoint, args.method)
        return
    graph = LevelsToClasses(
        found, network, with_mels=args.mels, draws=args.draws, noise_s=args.noise_s
    )
    metadata = describe(graph, args.classifier, args.method, about)
    if args.int8:
        yield from write_int8(graph, args.output, metadata, args.calibration_levels)
    elif args.output.suffix == ".onnx":
        yield from write_onnx(graph, args.output, metadata)
    else:
        yield from write_torch(graph, args.output, metadata)
    card = args.output.with_name(f"{args.output.stem}_card.md")
    atomic_write_text(card, _card(args.output, metadata, checkpoint))
    yield f"wrote {card}"


def write_weights(path: Path, checkpoint: Path | None, method: str) -> Iterator[str]:
    """Write a transcoder's learned weights: ``.safetensors`` and its YAML, or a hub's folder."""
    from transcoder.checkpoints import read_settings, settings_path

    if checkpoint is None:
        raise UsageError(f"{path}: {method} has no learned weights: export it to .onnx or .pt2")
    if path.suffix != SAFETENSORS:
        from exporting.hub import HubTranscoder

        if path.is_file():
            raise UsageError(f"{path}: is a file; give a folder, or a suffix")
        HubTranscoder.of(checkpoint).save_pretrained(path)
        yield f"wrote {path} (config.json, model.safetensors, README.md)"
        return
    state = load_state(checkpoint, missing_hint="")
    table = read_settings(checkpoint)
    atomic_write_text(settings_path(path), yaml.safe_dump(table, sort_keys=True))
    save_state(path, {key: value.contiguous() for key, value in state.items()})
    yield _wrote(path)
    yield f"wrote {settings_path(path)}"


def write_onnx(graph: LevelsToClasses, path: Path, metadata: dict) -> Iterator[str]:
    """Write a ``.onnx`` file in float32.

    Raises
    ------
    MissingFileError
        If ONNX's packages are not installed.
    UserError
        If onnxruntime's answers are not PyTorch's; nothing is written then.
    """
    from exporting.onnx_files import need_onnx, run, session_of, to_onnx, write_model

    need_onnx()
    model = to_onnx(graph)
    with atomic_path(path) as temporary:
        write_model(model, temporary, metadata)
        inputs = [values.numpy() for values in graph.example(_CHECKED_S)]
        difference = _difference(graph, run(session_of(temporary), inputs))
    yield _wrote(path)
    yield f"  onnxruntime and PyTorch differ by {difference:.0e} at most, over {_CHECKED_S} s"


def write_torch(graph: LevelsToClasses, path: Path, metadata: dict) -> Iterator[str]:
    """Write a ``.pt2`` file of `torch.export`; its metadata are the extra file metadata.json."""
    from exporting.graph import quiet

    program = exported_program(graph)
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # names folders of this machine
    extra = {"metadata.json": json.dumps(metadata, ensure_ascii=False)}
    with quiet(), atomic_path(path) as temporary:
        with temporary.open("wb") as file:  # a path's name would be in the file
            torch.export.save(program, file, extra_files=extra)
        loaded = torch.export.load(temporary).module()
        with torch.no_grad():
            found = [values.numpy() for values in loaded(*graph.example(_CHECKED_S))]
        _difference(graph, found)
    yield _wrote(path)


def write_int8(
    graph: LevelsToClasses, path: Path, metadata: dict, archive: Path | None
) -> Iterator[str]:
    """Write a ``.onnx`` file whose learned weights have 8 bits: see `exporting.int8`.

    ``archive`` has the levels that are shown to the quantiser; None: made ones.
    """
    from exporting.int8 import agreement, archive_levels, made_levels, parts_of, quantised
    from exporting.onnx_files import need_onnx, run, session_of, to_onnx, write_model

    need_onnx()
    dynamic = graph.classifier is None
    if dynamic and archive is not None:
        raise UsageError(
            f"--calibration_levels: {' and '.join(CLASS_METHODS)} needs none, its scales are found "
            "in each call"
        )
    levels = made_levels() if archive is None else archive_levels(archive)
    inputs = parts_of(graph.input_names, levels)
    with tempfile.TemporaryDirectory() as folder:
        model = quantised(to_onnx(graph), Path(folder), None if dynamic else inputs)
    how = "weights and activations 8 bits, scales found in each call"
    if not dynamic:
        shown = "made-up scenes" if archive is None else archive.name
        how = "the classifier's weights 8 bits, activations 16 bits with scales from "
        how += f"{len(levels)} s of {shown}"
    with atomic_path(path) as temporary:
        write_model(model, temporary, metadata | {"precision": f"int8 ({how})"})
        classes = run(session_of(temporary), list(inputs.values()))[0]
    with torch.no_grad():
        wanted = graph(*(torch.from_numpy(values) for values in inputs.values()))[0].numpy()
    yield _wrote(path)
    yield (
        f"  its top class is that of the float network in {agreement(classes, wanted):.0%} of "
        f"{len(levels)} s of levels"
    )


def _difference(graph: LevelsToClasses, found: list[np.ndarray]) -> float:
    """How far ``found`` is from what the graph gives for its example, at most."""
    with torch.no_grad():
        wanted = [values.numpy() for values in graph(*graph.example(_CHECKED_S))]
    scales = [max(1.0, float(np.abs(values).max())) for values in wanted]
    differences = [
        float(np.abs(values - right).max()) / scale
        for values, right, scale in zip(found, wanted, scales, strict=True)
    ]
    if not max(differences) <= TOLERANCE:
        raise UserError(
            f"the exported network's answers are off by {max(differences):.1e}: nothing was "
            "written; try other versions of torch, onnx and onnxruntime"
        )
    return max(differences)


def _card(path: Path, metadata: Mapping[str, str], checkpoint: Path | None) -> str:
    """The card of an exported file: its transcoder's, and what the file is."""
    from exporting.cards import card_of, untrained_card
    from transcoder.checkpoints import read_settings

    facts = {"file": f"`{path.name}`"} | {
        key: metadata[key] for key in _ON_CARDS if key in metadata
    }
    if checkpoint is None:
        return untrained_card(metadata, facts)
    return card_of(checkpoint.name, read_settings(checkpoint), exported=facts)


def _refuse_overwriting(output: Path, inputs: list[Path | None]) -> None:
    for path in inputs:
        if path is not None and path.is_file() and output.exists() and output.samefile(path):
            raise UsageError(f"{output}: would overwrite the input {path}: give another name")


def _wrote(path: Path) -> str:
    return f"wrote {path} ({path.stat().st_size / 1e6:.2f} MB)"
