"""Reading of feature files: shapes, types, DataLoader workers, holding, damage."""

import h5py
import numpy as np
import pytest
import torch

from features.files import split_path
from features.reading import Features
from transcoder.errors import MissingFileError, UserError

N, FILE_INDEX = 7, [0, 0, 0, 1, 1, 1, 1]
ROW_SHAPES = {
    "third_octave": {"third_octave": (8, 29)},
    "mel_time": {"third_octave": (101, 29)},
    "mel_freq": {"mel_freq_pann": (8, 64), "mel_freq_yamnet": (8, 64)},
}


@pytest.fixture
def write(tmp_path):
    """Write a feature file of random rows; returns its path and its arrays."""

    def write(input_type="third_octave", dtype="float32", leave_out=(), split="train"):
        path = split_path(tmp_path, "urban", split)
        path.parent.mkdir(exist_ok=True)
        rng = np.random.default_rng(0)
        shapes = ROW_SHAPES[input_type] | {"mels_pann": (101, 64), "mels_yamnet": (96, 64)}
        arrays = {
            name: rng.normal(size=(N, *shape)).astype(dtype)
            for name, shape in shapes.items()
            if name not in leave_out
        }
        with h5py.File(path, "w") as file:
            for name, array in arrays.items():
                file.create_dataset(name, data=array, chunks=(1, *array.shape[1:]))
            file["scene"] = np.arange(N) % 2
            file["file_index"] = FILE_INDEX
            file["file_names"] = np.array([b"audio/x-a-1-2-a.wav", b"audio/y-b-3-4-a.wav"])
            file.attrs["input_type"] = input_type
            file.attrs["scenes"] = ["park", "street_traffic"]
        return path, arrays

    return write


@pytest.mark.parametrize("classifier, frames", [("PANN", 101), ("YamNet", 96)])
@pytest.mark.parametrize(
    "input_type, levels_of", [("third_octave", "{}"), ("mel_time", "{}"), ("mel_freq", "mel_freq")]
)
def test_rows(write, input_type, levels_of, classifier, frames):
    path, arrays = write(input_type)
    name = f"mel_freq_{classifier.lower()}" if levels_of == "mel_freq" else "third_octave"
    features = Features(path, classifier)
    assert len(features) == N
    assert features.input_type == input_type
    assert features.scenes == ("park", "street_traffic")
    assert features.file_index.tolist() == FILE_INDEX
    assert features.file_names == ("audio/x-a-1-2-a.wav", "audio/y-b-3-4-a.wav")
    levels, mels, scene = features[3]
    assert levels.dtype == mels.dtype == torch.float32
    assert mels.shape == (frames, 64)
    np.testing.assert_array_equal(mels, arrays[f"mels_{classifier.lower()}"][3])
    in_frames = frames if input_type == "mel_time" else 8
    np.testing.assert_array_equal(levels, arrays[name][3, :in_frames])
    assert scene == 1 and isinstance(scene, int)


def test_iteration_ends_and_negative_rows_count_from_the_end(write):
    features = Features(write()[0], "PANN")
    assert len(list(features)) == N
    torch.testing.assert_close(features[-1][0], features[N - 1][0])
    with pytest.raises(IndexError, match="row 7 of 7"):
        features[N]


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_loader_workers_read_what_one_process_reads(write, context):
    features = Features(write()[0], "PANN")
    alone = [features[i] for i in range(N)]  # the handle is open before the workers start
    loader = torch.utils.data.DataLoader(
        features, batch_size=2, num_workers=2, multiprocessing_context=context
    )
    levels, mels, scene = (torch.cat(parts) for parts in zip(*loader, strict=True))
    torch.testing.assert_close(levels, torch.stack([row[0] for row in alone]), rtol=0, atol=0)
    torch.testing.assert_close(mels, torch.stack([row[1] for row in alone]), rtol=0, atol=0)
    assert scene.tolist() == [row[2] for row in alone]
    torch.testing.assert_close(features[0][1], alone[0][1])


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("input_type", ["third_octave", "mel_time"])
def test_hold(write, monkeypatch, dtype, input_type):
    monkeypatch.setattr("features.reading._ROWS_PER_READ", 3)
    path, arrays = write(input_type, dtype)
    features = Features(path, "YamNet")
    held = features.hold()
    assert len(held) == N
    assert held.nbytes == features.held_bytes
    assert held.levels.dtype == held.mels.dtype == getattr(torch, dtype)
    assert held.scene.tolist() == [0, 1, 0, 1, 0, 1, 0]
    np.testing.assert_array_equal(held.mels, arrays["mels_yamnet"])
    np.testing.assert_array_equal(held.levels, arrays["third_octave"][:, : features.level_shape[0]])
    wide = features.hold(dtype=torch.float64)
    assert wide.levels.dtype == torch.float64
    assert features[0][0].dtype == torch.float32


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_hold_on_gpu(write):
    features = Features(write()[0], "PANN")
    held = features.hold("cuda", torch.float16)
    assert held.mels.is_cuda and held.levels.is_cuda and held.scene.is_cuda
    torch.testing.assert_close(held.mels[2].float().cpu(), features[2][1], rtol=1e-3, atol=1e-3)


def test_missing_file_names_the_command(tmp_path):
    for name, options in {
        "urban_mel_time": "--dataset_type urban --tho_time false",
        "mine": "--dataset_name mine",
    }.items():
        with pytest.raises(MissingFileError, match=rf"create_mel_tho_dataset.py {options} "):
            Features(split_path(tmp_path, name, "train"), "PANN")


def test_default_folder_needs_no_option(monkeypatch, tmp_path):
    monkeypatch.setattr("features.files.FEATURES_ROOT", tmp_path)
    with pytest.raises(MissingFileError, match=r"--dataset_type full$"):
        Features(split_path(tmp_path, "full", "eval"), "PANN")


@pytest.mark.parametrize("kept", [0, 100, 3000, -1])
def test_cut_file_is_reported(write, kept):
    path, _ = write()
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UserError, match=r"urban_train\.h5: is damaged .*--overwrite"):
        Features(path, "PANN")


def test_file_without_the_classifier_is_reported(write):
    path, _ = write(leave_out=["mels_yamnet"])
    Features(path, "PANN")
    with pytest.raises(UserError, match="without the features of YamNet"):
        Features(path, "YamNet")


def test_other_frames_are_reported(write):
    path, _ = write()
    with h5py.File(path, "a") as file:
        del file["third_octave"]
        file["third_octave"] = np.zeros((N, 16, 29), "float32")
    with pytest.raises(UserError, match=r"\(7, 16, 29\), but transcoders need \(7, 8, 29\)"):
        Features(path, "PANN")


def test_unknown_names():
    with pytest.raises(ValueError, match="unknown split 'test'"):
        split_path("x", "full", "test")
    with pytest.raises(UserError, match="unknown classifier"):
        Features("x", "VGGish")
