"""download_datasets.py with few clips of each set, for `benchmarks.pairs_at_once`."""

import dataclasses
import sys
from unittest import mock

_N_CLIPS = 3


def main(argv=None) -> int:
    import download_datasets
    from demo_scenes import layouts

    plan = layouts.plan_all

    def plan_few(size: float = 1.0, seed: int = 0):
        return tuple(dataclasses.replace(s, clips=s.clips[:_N_CLIPS]) for s in plan(size, seed))

    with mock.patch.object(layouts, "plan_all", plan_few):
        return download_datasets.main(argv)


if __name__ == "__main__":
    sys.exit(main())
