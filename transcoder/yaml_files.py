"""YAML as the published settings have it, from files that nobody vouches for."""

from pathlib import Path

import yaml

from transcoder.doors import reading
from transcoder.errors import UserError

_LARGEST_BYTES = 1_000_000  # settings take some kilobytes
_MOST_ALIASES = 100  # ours have a few; ten in each of ten levels are ten thousand million items


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader that also reads a tuple, as the published files write shapes."""

    _n_aliases = 0

    def compose_node(self, parent, index):
        if self.check_event(yaml.AliasEvent):
            self._n_aliases += 1
            if self._n_aliases > _MOST_ALIASES:
                raise yaml.YAMLError(f"more than {_MOST_ALIASES} aliases")
        return super().compose_node(parent, index)


_Loader.add_constructor(
    "tag:yaml.org,2002:python/tuple", lambda loader, node: loader.construct_sequence(node)
)


def read_yaml(path: Path) -> object:
    """What the file at ``path`` holds: plain values, lists and tables; `UserError` if unusable."""
    if path.stat().st_size > _LARGEST_BYTES:
        raise UserError(f"{path}: is larger than a megabyte: no settings are")
    with reading(path, "no usable YAML"):
        return parse_yaml(path.read_text(encoding="utf-8"))


def parse_yaml(text: str) -> object:
    """`read_yaml` of a text; errors are PyYAML's and those of its values."""
    return yaml.load(text, Loader=_Loader)
